"""Rules that admission does not carry out: a policy with one is refused, never enforced in part."""

from __future__ import annotations

from pratique.compiler import bodies, ir
from pratique.grammar.errors import PolicyError


def unserved(policy: ir.Policy) -> tuple[PolicyError, ...]:
    """Return a mistake for each rule of a policy that mutates or generates."""
    return tuple(
        PolicyError(
            "unsupported-field",
            f"rule '{rule.name}' {_verb(rule)}: `pratique serve` verifies and validates only",
            rule.at.location,
            help="`pratique apply` and `pratique test` evaluate it",
        )
        for rule in policy.rules
        if not rule.generated_from and isinstance(rule.body, bodies.Mutation | bodies.Generation)
    )


def _verb(rule: ir.Rule) -> str:
    return "mutates" if isinstance(rule.body, bodies.Mutation) else "generates"
