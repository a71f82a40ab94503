"""A rule ready to be judged: its context, and why it may not be judged at all.

References: Kyverno 1.19 `pkg/engine/engine.go` (`invokeRuleHandler`): context, preconditions, exceptions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pratique.compiler import bodies, ir
from pratique.compiler.context_loading import ContextEntries, place_of
from pratique.compiler.exemptions import CompiledExemption, lifts_controls
from pratique.compiler.expressions.context import Context
from pratique.compiler.rule_expressions import RuleExpressions
from pratique.grammar.errors import EvaluationError
from pratique.grammar.source import Location
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable
from pratique.runtime.decision import Check, Reason, Stage, Status
from pratique.runtime.ports import ContextSource


class Prepared:
    """A rule that applies to a resource.

    Attributes:
        item: the rule and the resource.
        expressions: its compiled expressions.
        told: what is said of the rule without judging it; None where it is to be judged.
        lifting: exemptions that lift single controls from a rule about Pod security.
        properties: facts about the rule for reports.
    """

    __slots__ = (
        "_answers",
        "_base",
        "_below",
        "_context",
        "_source",
        "expressions",
        "item",
        "lifting",
        "properties",
        "told",
    )

    def __init__(
        self,
        item: Applicable,
        expressions: RuleExpressions,
        base: Callable[[], Context],
        source: ContextSource,
        answers: Answers,
    ) -> None:
        """Take the rule and what its context is made of, see `prepare`."""
        self.item = item
        self.expressions = expressions
        self.told: Check | None = None
        self.lifting: tuple[ir.Exemption, ...] = ()
        self.properties = item.planned.rule.report_properties
        self._base = base
        self._source = source
        self._answers = answers
        self._below: Context | None = None
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """The values that expressions of the rule read: given ones, and the rule's own entries above them."""
        if self._context is None:
            planned = self.item.planned
            rule = planned.rule.generated_from or planned.rule.name
            given = self._source.given(planned.policy.name, rule)
            self._below = self._base().merged(given) if given else self._base()
            self._context = self.attach(self.expressions.entries, self._below)
        return self._context

    def attach(self, entries: ContextEntries, context: Context) -> Context:
        """Return a context with further entries; values that were given stand for them."""
        return entries.attach(context, self._answers.ask, self._below or (), self._source.loads)


async def prepare(
    item: Applicable,
    expressions: RuleExpressions,
    base: Callable[[], Context],
    source: ContextSource,
    answers: Answers,
    stage: Stage,
    exemptions: Sequence[CompiledExemption] = (),
) -> Prepared:
    """Return a rule with its context, and what its preconditions and exemptions say.

    Args:
        item: the rule.
        expressions: its compiled expressions.
        base: makes the context of the resource.
        source: knows values that stand for context entries.
        answers: settles evaluations that ask the world for something.
        stage: which question checks of the rule answer.
        exemptions: those that name the rule.
    """
    prepared = Prepared(item, expressions, base, source, answers)
    if item.problem:
        prepared.told = Check(stage=stage, status=Status.ERROR, message=item.problem.message)
    elif expressions.preconditions is not None:
        prepared.told = await answers.settle(lambda: _precondition(prepared, stage))
    if prepared.told is not None:
        return prepared
    if expressions.properties is not None:
        prepared.properties = await answers.settle(lambda: _properties(prepared))
    if exemptions:
        prepared.told = await answers.settle(lambda: _exempted(prepared, exemptions, stage))
    return prepared


def _properties(prepared: Prepared) -> tuple[tuple[str, str], ...]:
    """Return facts for reports with their variables replaced; as they are written where that fails."""
    template = prepared.expressions.properties
    assert template is not None  # noqa: S101 (asked for by the caller)
    try:
        found = template.render(prepared.context)
    except EvaluationError:
        return prepared.properties
    if not all(isinstance(value, str) for value in found.values()):
        return prepared.properties
    return tuple(sorted(found.items()))


def _exempted(prepared: Prepared, exemptions: Sequence[CompiledExemption], stage: Stage) -> Check | None:
    """Return what is said of a rule that exemptions take away; None where none does."""
    target, rule = prepared.item.resource.target, prepared.item.planned.rule
    held = [each.exemption for each in exemptions if each.holds(target, lambda: prepared.context)]
    if lifts_controls(rule):
        prepared.lifting = tuple(held)
        held = [each for each in held if not each.controls][:1]
    if not held:
        return None
    keys = [each.key for each in held]
    text = f"rule is skipped due to {_exceptions(rule)}{', '.join(keys)}"
    reason = Reason(code="exempted", text=text, met=False, details=(("exceptions", ", ".join(keys)),))
    names = ",".join(key.partition("/")[2] for key in keys)
    properties = (("exceptions", names),)
    return Check(stage=stage, status=Status.SKIP, message=text, reason=reason, properties=properties)


def _exceptions(rule: ir.Rule) -> str:
    """Return what Kyverno 1.19 calls the exceptions of a rule, with the space that it has or has not."""
    if lifts_controls(rule) or isinstance(rule.body, bodies.Generation):
        return "policy exception "
    return "policy exceptions"


def _precondition(prepared: Prepared, stage: Stage) -> Check | None:
    """Return why a rule is not judged: its preconditions do not hold, or cannot be evaluated."""
    conditions = prepared.expressions.preconditions
    assert conditions is not None  # noqa: S101 (asked for by the caller)
    try:
        holds, message = conditions.evaluate(prepared.context)
    except EvaluationError as error:
        return error_of(error, f"failed to evaluate preconditions: {error.message}", stage)
    if holds:
        return None
    text = f"preconditions not met; {message}" if message else "preconditions not met"
    return Check(stage=stage, status=Status.SKIP, message=text)


def error_of(error: EvaluationError, text: str, stage: Stage, at: Location | None = None) -> Check:
    """Return the check of a rule that cannot be judged, at the context entry to blame, or else `at`."""
    reason = Reason(code=error.code, text=error.message, met=False, location=place_of(error) or at)
    return Check(stage=stage, status=Status.ERROR, message=text, reason=reason)
