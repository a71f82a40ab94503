"""What validations are evaluated over, and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from pratique.compiler import ir
from pratique.compiler.context_loading import Attach
from pratique.compiler.expressions.context import Context
from pratique.compiler.loop_budget import LoopBudget
from pratique.grammar.source import Location


class Status(StrEnum):
    """What a rule says of a resource, spelled as policy reports spell it."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


class Outcome(NamedTuple):
    """What a check says; where it says nothing at all there is none.

    Attributes:
        code: of the error, for what cannot be evaluated; else empty.
        location: what cannot be evaluated.
    """

    status: Status
    message: str
    code: str = ""
    location: Location | None = None


class Scene:
    """A resource as one rule sees it.

    Attributes:
        resource: the object; None where it is deleted.
        attach: adds the context entries of loops.
        lifting: exemptions that hold of the resource and lift single controls of Pod security.
    """

    __slots__ = ("_context", "_make", "attach", "lifting", "resource")

    def __init__(
        self,
        resource: Mapping[str, Any] | None,
        make_context: Callable[[], Context],
        attach: Attach,
        lifting: tuple[ir.Exemption, ...] = (),
    ) -> None:
        """Take the object, and what makes the values that expressions read; called when they first do."""
        self.resource = resource
        self.attach = attach
        self.lifting = lifting
        self._make = make_context
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """The values that expressions read."""
        if self._context is None:
            self._context = self._make()
        return self._context


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an evaluation stands: at the resource, or inside loops.

    Attributes:
        values: what expressions read inside loops; None outside of them.
        element: what patterns are about instead of the resource; None for the resource.
        nesting: number of loops around.
        budget: what loops may still do.
    """

    scene: Scene
    values: Context | None = None
    element: Mapping[str, Any] | None = None
    nesting: int = 0
    budget: LoopBudget = field(default_factory=LoopBudget)

    @property
    def context(self) -> Context:
        """The values that expressions read."""
        return self.scene.context if self.values is None else self.values
