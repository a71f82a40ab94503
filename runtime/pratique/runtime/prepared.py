"""A rule ready to be judged: its context, and why it may not be judged at all.

References: Kyverno 1.19 `pkg/engine/engine.go` (`invokeRuleHandler`): context, then preconditions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pratique.compiler.context_loading import place_of
from pratique.compiler.expressions.context import Context
from pratique.compiler.rule_expressions import RuleExpressions
from pratique.grammar.errors import EvaluationError
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
    """

    __slots__ = ("_context", "_make", "expressions", "item", "told")

    def __init__(self, item: Applicable, expressions: RuleExpressions, make: Callable[[], Context]) -> None:
        """Take the rule, and what makes the values that its expressions read; called when they first do."""
        self.item = item
        self.expressions = expressions
        self.told: Check | None = None
        self._make = make
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """The values that expressions of the rule read."""
        if self._context is None:
            self._context = self._make()
        return self._context


async def prepare(
    item: Applicable,
    expressions: RuleExpressions,
    base: Callable[[], Context],
    source: ContextSource,
    answers: Answers,
    stage: Stage,
) -> Prepared:
    """Return a rule with its context, and what its preconditions say.

    Args:
        item: the rule.
        expressions: its compiled expressions.
        base: makes the context of the resource.
        source: knows values that stand for context entries.
        answers: settles evaluations that ask the world for something.
        stage: which question checks of the rule answer.
    """
    prepared = Prepared(item, expressions, partial(_context, item, expressions, base, source, answers))
    if item.problem:
        prepared.told = Check(stage=stage, status=Status.ERROR, message=item.problem.message)
    elif expressions.preconditions is not None:
        prepared.told = await answers.settle(lambda: _precondition(prepared, stage))
    return prepared


def _context(
    item: Applicable,
    expressions: RuleExpressions,
    base: Callable[[], Context],
    source: ContextSource,
    answers: Answers,
) -> Context:
    """Return the context of a rule: given values, and the rule's own entries above them."""
    planned = item.planned
    given = source.given(planned.policy.name, planned.rule.generated_from or planned.rule.name)
    below = base().merged(given) if given else base()
    return expressions.entries.attach(below, answers.ask, mocked=below)


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


def error_of(error: EvaluationError, text: str, stage: Stage) -> Check:
    """Return the check of a rule that cannot be judged, with the place of the context entry to blame."""
    reason = Reason(code=error.code, text=error.message, met=False, location=place_of(error))
    return Check(stage=stage, status=Status.ERROR, message=text, reason=reason)
