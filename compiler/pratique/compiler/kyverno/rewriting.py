"""Replacing texts anywhere inside an IR node."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache
from operator import is_
from typing import Any, TypeVar

from pratique.compiler.ir import At

T = TypeVar("T")


def rewrite_texts(node: T, replacements: Sequence[tuple[str, str]]) -> T:
    """Return `node` with every (old, new) pair applied to every text in it; the node itself if none occurs.

    Kyverno replaces in the JSON of the whole rule; names and kinds of an image rule hold no such paths, so
    the texts of the IR are the same ones.
    """
    rewritten: T = _rewrite(node, replacements)
    return rewritten


def _rewrite(value: Any, replacements: Sequence[tuple[str, str]]) -> Any:
    # By the very type, the most frequent first: this goes through every value of every rule, twice.
    kind: Any = type(value)
    if kind is str:
        for old, new in replacements:
            value = value.replace(old, new)
        return value
    if kind is tuple:
        items = tuple([_rewrite(item, replacements) for item in value])
        return value if all(map(is_, items, value)) else items
    if names := _field_names(kind):
        return _rewrite_fields(value, names, replacements)
    if kind is list:
        return [_rewrite(item, replacements) for item in value]
    if kind is dict:
        return {_rewrite(k, replacements): _rewrite(v, replacements) for k, v in value.items()}
    return value  # numbers; places; members of a StrEnum, which are texts, but no longer members once copied


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    """Return the fields of a node that may hold texts of the rule."""
    if kind is At or not dataclasses.is_dataclass(kind):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind) if field.type not in ("At", "bool", "int"))


def _rewrite_fields(node: Any, names: tuple[str, ...], replacements: Sequence[tuple[str, str]]) -> Any:
    changes = {}
    for name in names:
        old = getattr(node, name)
        new = _rewrite(old, replacements)
        if new is not old:
            changes[name] = new
    return dataclasses.replace(node, **changes) if changes else node
