"""Rules that the server does not carry out: a policy with one is refused, never enforced in part."""

from __future__ import annotations

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.compiler.purposes import Purpose, changes_others, purpose
from pratique.grammar.errors import PolicyError


def unserved(policy: ir.Policy) -> tuple[PolicyError, ...]:
    """Return a mistake for each rule of a policy that does more than to judge and change what is admitted."""
    return tuple(
        PolicyError(
            "unsupported-field",
            f"{_named(policy, rule)} {verb}: `pratique serve` judges and changes what is admitted only",
            rule.at.location,
            help="`pratique apply` and `pratique test` evaluate it",
        )
        for rule in policy.rules
        if not rule.generated_from and (verb := _verb(rule))
    )


def _named(policy: ir.Policy, rule: ir.Rule) -> str:
    return f"rule '{rule.name}'" if rule.name else f"the policy {policy.name}"


def _verb(rule: ir.Rule) -> str:
    """Return what a rule does that is not done here; empty for none."""
    if isinstance(rule.body, CEL_BODIES) and rule.body.scope.raw:
        return "judges payloads that are no requests"
    match purpose(rule):
        case Purpose.CHANGE:
            return "mutates existing objects" if changes_others(rule) else ""
        case Purpose.MAKE:
            return "generates"
        case Purpose.DELETE:
            return "deletes"
        case Purpose.JUDGE:
            return ""
