"""What one evaluation may use: the world that was handed in, and a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from pratique.compiler.expressions.limits import DEFAULT_LIMITS, Limits
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.expressions.values.instants import Instant


class RandomSource(Protocol):
    """Where `random()` takes its numbers from; `random.Random` and `random.SystemRandom` fit."""

    def randrange(self, stop: int, /) -> int:
        """Return a whole number from 0 to `stop` - 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The world as expressions see it. Nothing is taken from the process: no clock, no random numbers.

    Attributes:
        now: the clock behind `time_now` and `time_since`; None makes those an error.
        random: the source behind `random`; None makes it an error.
        default_registry: what `image_normalize` puts in front of a name without a host.
        limits: bounds on every evaluation.
    """

    now: Callable[[], Instant] | None = None
    random: RandomSource | None = None
    default_registry: str = "docker.io"
    limits: Limits = DEFAULT_LIMITS


NOTHING_OUTSIDE: Final = Environment()
"""No clock and no random numbers: for static analysis and tests."""


class Run:
    """One evaluation and what is left of its budget.

    INVARIANT: whatever grows with the data charges before it builds or looks, so that memory and time of an
    evaluation are bounded by `Limits.max_work_bytes` whatever the expression.
    """

    __slots__ = ("environment", "has_raw_bytes", "left")

    def __init__(self, environment: Environment = NOTHING_OUTSIDE) -> None:
        self.environment = environment
        self.left = environment.limits.max_work_bytes
        self.has_raw_bytes = False

    def charge(self, size: int) -> None:
        """Take `size` bytes of work from the budget.

        Raises:
            EvaluationError: `context-too-large` when the budget is spent.
        """
        self.left -= size
        if self.left < 0:
            raise EvaluationError("context-too-large", "the expression builds or searches too much data")


Evaluate: TypeAlias = Callable[[Any, Run], Any]
"""A compiled expression: value and run to result. Raises `UnknownKeyError` and `EvaluationError` only."""

ITEM: Final = 16
"""Charge for one element of a list or map."""


class ExpressionReference:
    """The value of `&expression`: only functions can use it."""

    __slots__ = ("evaluate",)

    def __init__(self, evaluate: Evaluate) -> None:
        self.evaluate = evaluate
