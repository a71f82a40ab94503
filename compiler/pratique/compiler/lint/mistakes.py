"""Mistakes for which policies are refused, in the form of findings: of the rule that explains them, if any.

A mistake is reported whatever rules are asked and whatever comments say: its policy does nothing at all.
"""

from __future__ import annotations

from functools import cache

from pratique.compiler.lint.base import Basis, Finding, Problem, Rule, Severity, catalogue
from pratique.grammar.errors import PolicyError


def as_finding(error: PolicyError) -> Finding:
    """Return a mistake as a finding; where no rule explains it, under its own code and without basis."""
    problem = Problem(
        message=error.message,
        location=error.location,
        severity=Severity.ERROR,
        related=error.related,
        help=error.help,
    )
    rule = _explaining().get(error.code)
    return Finding(
        code=rule.code if rule else error.code,
        name=rule.name if rule else error.code,
        severity=Severity.ERROR,
        problem=problem,
        basis=Basis.PROVED if rule else None,
    )


@cache
def _explaining() -> dict[str, Rule]:
    return {code: rule for rule in catalogue() for code in rule.explains}
