"""What tells findings of one run from one another, and knows them again in the next."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator

from pratique.compiler.lint.base import Finding


def marked(findings: Iterable[Finding]) -> Iterator[tuple[Finding, str]]:
    """Yield each finding with its fingerprint: 64 hexadecimal digits.

    It stays while code, file and message do, wherever lines move. Of equal ones each has a number.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    for finding in findings:
        file = os.path.normpath(finding.location.source.name) if finding.location else ""
        key = (finding.code, file, finding.problem.message)
        parts = "\0".join((*key, str(seen[key])))
        seen[key] += 1
        yield finding, hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
