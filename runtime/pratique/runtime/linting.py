"""One run of `pratique lint`: files -> policies -> findings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from pratique.compiler.lint import base
from pratique.compiler.lint.base import SEVERITIES, Finding, Problem, Severity
from pratique.compiler.lower import lower
from pratique.grammar.documents import PolicyDocument, read_policies
from pratique.grammar.errors import PolicyError
from pratique.runtime.inputs import read_inputs
from pratique.runtime.outputs.findings import LintReport

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
    inputs = read_inputs(paths, stdin)
    mistakes, notices = list(inputs.errors), list(inputs.notices)
    documents: list[PolicyDocument] = []
    ignored: list[str] = []
    for source in inputs.sources:
        content = read_policies(source)
        documents += content.policies
        mistakes += content.errors
        for other in content.others:
            if other.is_policy:
                text = f"pratique does not read {other.kind} yet"
                mistakes.append(PolicyError("unsupported-kind", text, other.location))
            else:
                ignored.append(f"{other.location}: {other.kind or 'a document'} is not a policy: ignored")
    if len(ignored) > MAX_NOTICES:
        ignored = [f"{len(ignored)} documents are no policies; the first: {ignored[0]}"]
    if not documents and not mistakes:
        mistakes.append(PolicyError("no-policy", f"there is no policy in {', '.join(paths)}"))
    lowered = lower(documents)
    mistakes += lowered.errors
    wanted = SEVERITIES[: SEVERITIES.index(min_severity) + 1]
    policies = lowered.policies.policies
    return LintReport(
        findings=tuple(found for found in base.lint(lowered.policies, codes) if found.severity in wanted),
        mistakes=tuple(sorted(map(as_finding, mistakes), key=lambda finding: finding.order)),
        policies=len(policies),
        rules=sum(not rule.generated_from for policy in policies for rule in policy.rules),
        notices=(*notices, *ignored, *lowered.notices),
    )


def as_finding(error: PolicyError) -> Finding:
    """Return a mistake in the form of a finding."""
    problem = Problem(message=error.message, location=error.location, help=error.help, related=error.related)
    return Finding(code=error.code, name=error.code, severity=Severity.ERROR, problem=problem, basis=None)
