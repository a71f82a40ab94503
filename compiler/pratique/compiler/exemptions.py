"""Exemptions (policy exceptions), compiled: which of them speak about a rule, and whether they hold.

An exemption that cannot be judged does not hold.

References: Kyverno 1.19 `pkg/engine/utils/exceptions.go`, `api/kyverno/v2` (`PolicyExceptionSpec.Contains`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pratique.compiler import bodies, ir
from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.context import Context
from pratique.compiler.selection import Target, exempts
from pratique.grammar.errors import EvaluationError
from pratique.grammar.wildcard import matches


@dataclass(frozen=True, slots=True)
class CompiledExemption:
    """An exemption with its conditions, ready for many resources."""

    exemption: ir.Exemption
    conditions: Conditions | None

    def holds(self, target: Target, context: Callable[[], Context]) -> bool:
        """Say whether it exempts a resource; `context` makes what its conditions read.

        What a condition needs from outside is asked for as by the rule itself.
        """
        try:
            if not exempts(self.exemption.resources, target):
                return False
            return self.conditions is None or self.conditions.evaluate(context())[0]
        except EvaluationError:
            return False


class Exemptions:
    """All exemptions of a run."""

    def __init__(self, exemptions: Sequence[ir.Exemption]) -> None:
        """Compile their conditions.

        Raises:
            ExpressionError: a mistake that the checks at load time would have found.
        """
        self._all = tuple(
            CompiledExemption(each, None if each.conditions is None else Conditions.compile(each.conditions))
            for each in exemptions
        )

    def of(self, policy: ir.Policy, rule: ir.Rule) -> tuple[CompiledExemption, ...]:
        """Return those that name a rule."""
        return tuple(each for each in self._all if _names(each.exemption, policy, rule))


def lifts_controls(rule: ir.Rule) -> bool:
    """Say whether exemptions of single controls lift only these from a rule, and not the whole of it."""
    return isinstance(rule.body, bodies.Validation) and isinstance(rule.body.check, bodies.PodSecurity)


def _names(exemption: ir.Exemption, policy: ir.Policy, rule: ir.Rule) -> bool:
    return any(
        name == policy.key and any(matches(pattern, rule.name) for pattern in patterns)
        for name, patterns in exemption.rules
    )
