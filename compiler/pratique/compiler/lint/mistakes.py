"""Mistakes for which policies are refused, in the form of findings: of the rule that explains them, if any.

A mistake is reported whatever rules are asked and whatever comments say: its policy does nothing at all.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from pratique.compiler.lint.base import Finding, Problem, Rule, Severity, catalogue
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.errors import PolicyError


def as_finding(error: PolicyError, documents: Collection[PolicyDocument] = ()) -> Finding:
    """Return a mistake as a finding; where no rule explains it, under its own code and without basis.

    `documents` are those that were read with it, for rules that look into them.
    """
    rule = _explaining().get(error.code)
    problem = rule.retells(error, documents) if rule and rule.retells else None
    problem = problem or Problem(
        message=error.message,
        location=error.location,
        severity=Severity.ERROR,
        related=error.related,
        help=error.help,
    )
    return Finding(
        code=rule.code if rule else error.code,
        name=rule.name if rule else error.code,
        severity=Severity.ERROR,
        problem=problem,
        basis=problem.basis if rule else None,
    )


@cache
def _explaining() -> dict[str, Rule]:
    return {code: rule for rule in catalogue() for code in rule.explains}
