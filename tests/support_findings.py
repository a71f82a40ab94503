"""A lint report with something of everything, for the tests of output formats."""

from __future__ import annotations

from pratique.compiler.lint.base import lint
from pratique.compiler.lint.mistakes import as_finding
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location, Source, Span
from pratique.runtime.outputs.findings import LintReport
from tests.support_lint import patterns, policy_text
from tests.support_policies import read

PATTERNS = patterns("registry.k8s.io/", "ghcr.io/acme/*", "ghcr.io/**", skip=("*.example.com/*",))


def report() -> LintReport:
    """Return findings of three severities and two mistakes, one of them without a place."""
    broken = Source("broken, 50%.yaml", "spec: {\n  rules: 1\n")
    location = Location(broken, Span.at(2, 10))
    mistakes = (
        PolicyError("no-such-file", "there is no file `x.yaml`", help="name another"),
        PolicyError("wrong-type", "`rules` must be a list,\nnot 1", location, help="write a list"),
    )
    return LintReport(
        findings=lint(read(policy_text(PATTERNS), "policies/a b.yaml").policies),
        mistakes=tuple(as_finding(mistake) for mistake in mistakes),
        policies=1,
        rules=1,
        notices=("x.yaml:1:1: ConfigMap is not a policy: ignored",),
    )


CLEAN = LintReport(findings=(), policies=2, rules=3)
