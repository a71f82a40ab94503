"""The fields of kinds that come with Kubernetes: what an object can hold, and what it cannot.

The API server drops what is not in the schema of a kind of its own, so that no object of it has another
field. The table beside this file is generated (`tests/support_api_fields.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final

_SHAPES: Final = "=+*:?"


class Shape(StrEnum):
    """What a field holds."""

    OBJECT = "="
    LIST = "+"
    MAP = "*"
    SCALAR = ":"
    ANY = "?"


@dataclass(frozen=True, slots=True)
class Field:
    """A field; `below` is the type of an object, or of elements of a list or map that are objects."""

    shape: Shape
    below: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of all types by name; `version` is the release of Kubernetes that they are of."""

    version: str
    kinds: dict[str, str]
    types: dict[str, dict[str, Field]]

    def of_kind(self, kind: str) -> dict[str, Field] | None:
        """Return the fields of a kind; None for kinds that are not in the table."""
        name = self.kinds.get(kind)
        return None if name is None else self.types[name]


@cache
def schema() -> Schema:
    """Return the table; read once."""
    text = files("pratique.compiler").joinpath("api_fields.txt").read_text(encoding="utf-8")
    version, kinds, *lines = text.splitlines()
    types = {}
    for line in lines:
        name, *fields = line.split(" ")
        types[name] = dict(_field(each) for each in fields if each)
    return Schema(version, dict(each.split("=") for each in kinds.split(" ")), types)


def _field(written: str) -> tuple[str, Field]:
    place = min(found for shape in _SHAPES if (found := written.find(shape)) > 0)
    return written[:place], Field(Shape(written[place]), written[place + 1 :])
