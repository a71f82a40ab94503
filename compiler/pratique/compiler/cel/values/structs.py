"""Objects that expressions construct: `Object.spec{replicas: 1}`, `JSONPatch{op: "add"}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.compiler.cel.types import Type
from pratique.compiler.cel.values.access import MISSING, Record
from pratique.compiler.cel.values.equality import equal
from pratique.compiler.cel.values.kinds import Opaque


class Struct(Record, Opaque):
    """An object of a declared type: the fields that were given, in the order in which they were given."""

    __slots__ = ("_type", "fields")

    def __init__(self, type_: Type, fields: Mapping[str, Any]) -> None:
        self._type = type_
        self.fields = fields

    @property
    def cel_type(self) -> Type:
        """Return its type."""
        return self._type

    def field(self, name: str) -> Any:
        """Return a field that was given, or `MISSING`."""
        return self.fields.get(name, MISSING)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Struct)
            and self._type == other._type
            and equal(dict(self.fields), dict(other.fields))
        )

    __hash__ = None  # type: ignore[assignment]
