"""Every code that a reason, fault or refusal can carry stands in docs/reasons.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = re.compile(
    r"(?:VerificationError|TransportError|NotFoundError|Finding|Reason)\(\s*(?:code=)?\"([a-z0-9-]+)\""
)
ELSEWHERE = ("lab", "notary")
"""Folders whose codes have pages of their own (`docs/lab.md`, `docs/notary.md`)."""


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs/reasons.md").read_text()
    documented = set(re.findall(r"`([a-z0-9-]+)`", page))
    files = [p for p in (ROOT / "runtime").rglob("*.py") if not set(p.parts) & set(ELSEWHERE)]
    used = {code for path in files for code in CODE.findall(path.read_text())}
    assert len(used) > 50
    assert used <= documented, sorted(used - documented)
