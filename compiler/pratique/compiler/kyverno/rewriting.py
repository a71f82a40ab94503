"""Replacing texts anywhere inside an IR node."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from enum import Enum
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
    match value:
        case Enum():
            return value  # members of a StrEnum are texts, but no longer members once copied
        case str():
            for old, new in replacements:
                value = value.replace(old, new)
            return value
        case tuple():
            items = tuple(_rewrite(item, replacements) for item in value)
            return value if all(a is b for a, b in zip(items, value, strict=True)) else items
        case list():
            return [_rewrite(item, replacements) for item in value]
        case dict():
            return {_rewrite(k, replacements): _rewrite(v, replacements) for k, v in value.items()}
        case At():
            return value
        case _ if dataclasses.is_dataclass(value):
            return _rewrite_fields(value, replacements)
        case _:
            return value


def _rewrite_fields(node: Any, replacements: Sequence[tuple[str, str]]) -> Any:
    changes = {}
    for field in dataclasses.fields(node):
        old = getattr(node, field.name)
        new = _rewrite(old, replacements)
        if new is not old:
            changes[field.name] = new
    return dataclasses.replace(node, **changes) if changes else node
