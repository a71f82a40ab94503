"""Exemptions from policies in CEL, compiled with the policy that they are about.

References: Kyverno 1.19 `pkg/cel/engine/exception.go`, `pkg/cel/policies/vpol/compiler/policy.go`
(`evaluateWithData`), `pkg/cel/policies/vpol/engine/engine.go` (`handlePolicy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pratique.compiler.cel.types import BOOL, Type, struct
from pratique.compiler.cel.values.structs import Struct
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.cel_policies.compilation import Compiler, Named
from pratique.compiler.cel_policies.evaluation import Evaluation, Outcome
from pratique.compiler.expressions.values.instants import RFC3339, parse_instant
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError

_TYPE: Type = struct("libs.Exception")


@dataclass(frozen=True, slots=True)
class CompiledExemption:
    """An exemption with its conditions."""

    exemption: CelExemption
    conditions: tuple[Named, ...]


def compile_exemptions(
    compiler: Compiler, exemptions: Sequence[CelExemption]
) -> tuple[CompiledExemption, ...]:
    """Return exemptions with conditions that see what conditions of the policy see.

    One with a mistake is left out: it lifts nothing.
    """
    found = []
    for each in exemptions:
        known = len(compiler.mistakes)
        conditions = compiler.named(each.conditions, BOOL)
        if len(compiler.mistakes) == known:
            found.append(CompiledExemption(each, conditions))
        del compiler.mistakes[known:]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Exempted:
    """What exemptions say of a request.

    Attributes:
        by: those that count.
        is_full: the policy does not apply.
    """

    by: tuple[CelExemption, ...] = ()
    is_full: bool = False
    images: tuple[str, ...] = field(default=())
    values: tuple[str, ...] = field(default=())

    @property
    def value(self) -> Struct:
        """The variable `exceptions`."""
        return Struct(_TYPE, {"allowedImages": list(self.images), "allowedValues": list(self.values)})

    @property
    def outcome(self) -> Outcome:
        """What is said of a policy that does not apply."""
        decisive = max(self.by, key=lambda each: each.priority)
        word = "passed" if decisive.passes else "skipped"
        text = f"rule is {word} due to policy exception: {', '.join(each.key for each in self.by)}"
        return Outcome(status=Status.PASS if decisive.passes else Status.SKIP, message=text)


def exempted(evaluation: Evaluation, exemptions: Sequence[CompiledExemption]) -> Exempted:
    """Return what exemptions say; one that cannot be judged is no reason to apply a policy that is lifted.

    Raises:
        EvaluationError: a condition has no value, and nothing lifted the policy before.
    """
    counting: list[CelExemption] = []
    is_full = False
    for each in exemptions:
        if _is_expired(each.exemption, evaluation):
            continue
        try:
            holds = evaluation.holds(each.conditions)
        except EvaluationError:
            if is_full:
                continue
            raise
        if holds:
            counting.append(each.exemption)
            is_full = is_full or each.exemption.is_full
    return Exempted(
        by=tuple(counting),
        is_full=is_full,
        images=tuple(image for each in counting for image in each.images),
        values=tuple(value for each in counting for value in each.values),
    )


def _is_expired(exemption: CelExemption, evaluation: Evaluation) -> bool:
    now = evaluation.run.world.now
    if not exemption.expires or now is None:
        return False
    return now().nanoseconds > parse_instant(RFC3339, exemption.expires).nanoseconds
