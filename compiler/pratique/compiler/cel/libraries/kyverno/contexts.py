"""The variables that functions are called on: `resource`, `http`, `globalContext`, `image`, `generator`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pratique.compiler.cel.declarations import Overload, overload
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque

ASKING_COST = 1_000
"""Cost of a question to the world, however long the answer takes."""


class Context(Opaque):
    """A value that has methods and nothing else."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def cel_type(self) -> Type:
        """Return its type."""
        return opaque(self._name)


def asking(signature: str, implementation: Callable[..., Any]) -> Iterator[Overload]:
    """Yield a method that asks the world, under its name (`.Get`) and in lower camel case (`.get`)."""
    for written in (signature, f".{signature[1].lower()}{signature[2:]}"):
        yield overload(written, implementation, takes_run=True, cost=lambda *_: ASKING_COST)
