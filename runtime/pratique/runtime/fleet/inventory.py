"""What a scan looks at: objects one after the other, whatever they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

Place: TypeAlias = tuple[int | str, ...]
"""Where an object stands: its number in files; type, namespace and name in a cluster. Places of one inventory
can be compared, and objects come in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An object of an inventory.

    Attributes:
        data: JSON data; no part is shared with another object.
        namespace: the Namespace that it lies in; None where that is not known.
    """

    place: Place
    data: dict[str, Any]
    namespace: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Position:
    """How far reading is: `done` of `total` pieces of work, which are `unit`s. A total of 0 is not known."""

    done: int = 0
    total: int = 0
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which inventory it is: equal for two runs over the same.

    Attributes:
        kind: `file` or `cluster`.
        id: digest of the content, or what names the cluster.
        name: for people.
    """

    kind: str
    id: str
    name: str = field(compare=False)

    def to_json(self) -> dict[str, str]:
        """Return it as plain data."""
        return {"kind": self.kind, "id": self.id, "name": self.name}


class Inventory(Protocol):
    """Objects to be judged."""

    @property
    def identity(self) -> Identity:
        """Say which inventory it is."""
        ...

    @property
    def notices(self) -> tuple[str, ...]:
        """Say what is worth a word about it."""
        ...

    @property
    def position(self) -> Position:
        """Say how far `items` is."""
        ...

    def items(self) -> Iterator[Item]:
        """Yield all objects, in the order of their places.

        Raises:
            PolicyErrors: there is something that is no object.
            TransportError: the cluster could not be asked.
        """
        ...
