"""Maps whose keys are not all strings. The usual ones are plain dicts.

References: cel-go 0.30 `common/types/map.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from pratique.compiler.cel.values.numbers import NUMERIC

_Key: TypeAlias = tuple[str, Any]


def _index(key: Any) -> _Key | None:
    """Return what equal keys have in common: 1, 1u and 1.0 are the same key, but true is another."""
    kind = type(key)
    if kind in NUMERIC:
        return ("number", key) if key == key else None
    return (kind.__name__, key) if kind in (str, bool, bytes) else None


class Map:
    """An immutable map from bool, int, uint and string keys."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Iterable[tuple[Any, Any]]) -> None:
        """Take the entries; of equal keys the last one stays."""
        self._entries: dict[_Key, tuple[Any, Any]] = {}
        for key, value in entries:
            index = _index(key)
            if index is not None:
                self._entries[index] = (key, value)

    def find(self, key: Any) -> tuple[Any, Any] | None:
        """Return the entry of a key, or None."""
        index = _index(key)
        return None if index is None else self._entries.get(index)

    def items(self) -> Iterator[tuple[Any, Any]]:
        """Yield keys and values in the order in which they were written."""
        return iter(self._entries.values())

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)


def make_map(entries: list[tuple[Any, Any]]) -> dict[str, Any] | Map:
    """Return the map of these entries: a dict wherever all keys are strings."""
    if all(type(key) is str for key, _ in entries):
        return dict(entries)
    return Map(entries)
