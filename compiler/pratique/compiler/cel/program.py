"""Compiled expressions and what one evaluation may use and spend.

References: Kubernetes 1.36 `apiserver/pkg/apis/cel/config.go` (limits), cel-go 0.30
`interpreter/runtimecost.go` (what a step costs).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from pratique.compiler.cel.errors import CelError, CostLimitError
from pratique.compiler.cel.types import Type
from pratique.compiler.cel.values.access import Record
from pratique.compiler.expressions.jmespath.run import RandomSource
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.cel.syntax import Expression
    from pratique.compiler.expressions.values.instants import Instant

EXPRESSION_LIMIT: Final = 1_000_000
"""What one expression may cost; one step costs 1. Kubernetes' limit, about 0.2 seconds here."""

POLICY_LIMIT: Final = 10_000_000
"""What all expressions of a policy may cost together for one resource."""


Frame: TypeAlias = list[Any]
"""The run, then the values of variables."""

Step: TypeAlias = Callable[[Frame], Any]
"""A compiled node. Raises `CelError` where it has no value."""


class ImageFunctions(Protocol):
    """What functions of a policy about images do (`libraries.kyverno.signatures`); they raise `CelError`."""

    def signatures(self, run: Run, image: str, attestors: Sequence[Any]) -> int:
        """Return how many attestors have signed an image."""
        ...

    def statements(self, run: Run, image: str, name: str, attestors: Sequence[Any]) -> int:
        """Return how many attestors have signed a statement about an image."""
        ...

    def payload(self, run: Run, image: str, name: str) -> Any:
        """Return what a statement says that was verified before."""
        ...

    def data(self, run: Run, image: str) -> Any:
        """Return what a registry knows of an image."""
        ...


class World:
    """What functions that look outside of the expression may ask; by default there is no outside.

    Attributes:
        now: the clock.
        random: the source of random numbers.
        ask: answers questions about clusters, services and images; see `libraries.outside`. Raises
            `EvaluationError` where there is no answer.
        images: what functions about signatures do; None where there are none.
    """

    __slots__ = ("ask", "images", "now", "random")

    def __init__(
        self,
        *,
        now: Callable[[], Instant] | None = None,
        random: RandomSource | None = None,
        ask: Callable[[Any], Any] | None = None,
        images: ImageFunctions | None = None,
    ) -> None:
        self.now = now
        self.random = random
        self.ask = ask
        self.images = images


NOTHING_OUTSIDE: Final = World()


class Run:
    """All evaluations of a policy for one resource, and what is left of their budget.

    Attributes:
        left: what the expression that is being evaluated may still cost.
        policy_left: what all expressions together may still cost.
        generated: what expressions asked to be generated: a namespace, and objects.
    """

    __slots__ = ("generated", "left", "policy_left", "world")

    def __init__(self, world: World = NOTHING_OUTSIDE, limit: int = POLICY_LIMIT) -> None:
        self.world = world
        self.left = 0
        self.generated: list[tuple[str, list[Any]]] = []
        self.policy_left = limit

    def charge(self, cost: int) -> None:
        """Take a cost from the budget.

        Raises:
            CostLimitError: there is not enough left.
        """
        self.left -= cost
        if self.left < 0:
            raise CostLimitError

    def evaluate(self, step: Step, frame: Frame, cost: int) -> Any:
        """Run a step within the limits of an expression, which may be a variable inside another one."""
        outer = self.left
        granted = self.left = min(EXPRESSION_LIMIT, self.policy_left)
        try:
            self.charge(cost)
            return step(frame)
        finally:
            self.policy_left -= granted - self.left
            self.left = outer


class Absent(Record):
    """Stands for a variable that an evaluation was not given."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def field(self, name: str) -> Any:
        """Raise the error of the variable."""
        raise self.error()

    def error(self) -> CelError:
        """Return the error of whoever uses the variable."""
        return CelError(f"no such attribute(s): {self._name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A compiled expression, ready for any number of evaluations.

    Attributes:
        text: as it was written.
        root: its tree.
        output: its type.
        variables: names of the variables that it uses, in the order of their places in a frame.
        locals: how many places macros need besides.
        cost: of everything outside of macros.
    """

    text: str
    root: Expression
    output: Type
    variables: tuple[str, ...]
    locals: int
    cost: int
    step: Step

    def evaluate(self, bindings: Mapping[str, Any], run: Run) -> Any:
        """Return the value of the expression.

        Args:
            bindings: values of variables by name.
            run: the evaluations that this is one of.

        Raises:
            EvaluationError: it has none: a `CelError`, or `cel-cost`.
        """
        frame: Frame = [run, *(bindings.get(n, _ABSENT) for n in self.variables), *([None] * self.locals)]
        for place, name in enumerate(self.variables, 1):
            if frame[place] is _ABSENT:
                frame[place] = Absent(name)
        try:
            return run.evaluate(self.step, frame, self.cost)
        except RecursionError as error:
            raise EvaluationError("cel-error", "the data is nested too deeply") from error


_ABSENT: Final = object()
