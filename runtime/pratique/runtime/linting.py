"""One run of `pratique lint`: files -> policies -> findings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from pratique.compiler.lint import base
from pratique.compiler.lint.base import SEVERITIES, Severity
from pratique.compiler.lint.mistakes import as_finding
from pratique.grammar.documents import OtherDocument
from pratique.grammar.errors import PolicyError
from pratique.runtime.outputs.findings import LintReport
from pratique.runtime.policy_files import ignored, read_policy_files

MAX_NOTICES: Final = 5
"""Documents without a policy up to which each is named."""


def lint(
    paths: Sequence[str],
    codes: Collection[str] | None = None,
    *,
    min_severity: Severity = Severity.INFO,
    stdin: Callable[[], bytes] | None = None,
) -> LintReport:
    """Return what the rules find in files, folders, globs or (for `-`) standard input.

    Policies with mistakes are left out and reported as such; the others are linted all the same.

    Args:
        paths: what the user named.
        codes: rules to ask; all of them by default.
        min_severity: findings of less weight are left out.
        stdin: returns the bytes of standard input; the process's own by default.
    """
    read = read_policy_files(paths, stdin, exceptions=True)
    mistakes = list(read.mistakes)
    if not read.documents and not read.exemptions and not mistakes:
        mistakes.append(PolicyError("no-policy", f"there is no policy in {', '.join(paths)}"))
    notices = [*read.notices, *_ignored(read.others)]
    wanted = SEVERITIES[: SEVERITIES.index(min_severity) + 1]
    policies = read.policies.policies
    unread = {mistake.location.source for mistake in mistakes if mistake.location}
    found = base.lint(
        read.policies, codes, documents=read.documents, exemptions=read.exemptions, unread=unread
    )
    return LintReport(
        findings=tuple(each for each in found if each.severity in wanted),
        mistakes=tuple(sorted(map(as_finding, mistakes), key=lambda finding: finding.order)),
        policies=len(policies),
        rules=sum(not rule.generated_from for policy in policies for rule in policy.rules),
        notices=tuple(notices),
    )


def _ignored(others: Sequence[OtherDocument]) -> list[str]:
    if len(others) > MAX_NOTICES:
        return [f"{len(others)} documents are no policies; the first: {ignored(others[0])}"]
    return list(map(ignored, others))
