"""Values of types of Go: every field has a value, and those with Go's zero value do not count as present.

References: cel-go 0.30 `ext/native.go` (`nativeObj`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pratique.compiler.cel.types import Type
from pratique.compiler.cel.values.access import MISSING, Zeroed
from pratique.compiler.cel.values.equality import equal
from pratique.compiler.cel.values.kinds import Opaque


class Native(Zeroed, Opaque):
    """A value of a type of Go.

    Attributes:
        fields: all fields of the type.
        present: names of those that are not zero; an empty map that was given is none.
    """

    __slots__ = ("_type", "fields", "present")

    def __init__(self, type_: Type, fields: Mapping[str, Any], present: Collection[str] = ()) -> None:
        self._type = type_
        self.fields = fields
        self.present = present

    @property
    def cel_type(self) -> Type:
        """Return its type."""
        return self._type

    def field(self, name: str) -> Any:
        """Return the value of a field, or `MISSING` where the type has no such field."""
        return self.fields.get(name, MISSING)

    def is_set(self, name: str) -> bool:
        """Say whether a field is other than zero."""
        return name in self.present

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Native)
            and self._type == other._type
            and set(self.present) == set(other.present)
            and equal(dict(self.fields), dict(other.fields))
        )

    __hash__ = None  # type: ignore[assignment]
