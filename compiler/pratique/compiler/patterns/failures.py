"""Why a pattern does not fit: what failed where, and whether it means that the rule does not apply.

DEVIATION: Kyverno tells a skip from a failure by looking for "conditional anchor mismatch" in the text of the
error, which quotes values of the resource; here it is a property of the failure
(`tests/compiler/patterns/test_matching.py::test_a_value_cannot_turn_a_failure_into_a_skip`).

References: Kyverno 1.19 `pkg/engine/anchor/error.go`, `pkg/engine/validate/validate.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pratique.compiler.expressions.values.numbers import sprint

MAX_TEXT: Final = 1000
"""Characters of the resource that one message quotes."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One part of a pattern that does not fit.

    Attributes:
        path: where in the resource, such as `/spec/containers/0/`.
        parts: what `text` is made of, strings and values.
        skip: the part is a condition: what it is about is left out.
        negation: a key is there that must not be.
        direct: a condition failed at this very place, not inside something else.
    """

    path: str
    parts: tuple[Any, ...]
    skip: bool = False
    negation: bool = False
    direct: bool = False

    @property
    def text(self) -> str:
        """Return the sentence that Kyverno prints. Built when asked for, as most failures are not read."""
        return "".join(_shown(part) for part in self.parts)


def mismatch(path: str, value: Any, pattern: Any) -> Failure:
    """Return the failure of a value that its pattern does not accept."""
    return Failure(
        path, ("resource value '", _Value(value), "' does not match '", _Value(pattern), f"' at path {path}")
    )


def wrong_structure(path: str, value: Any, pattern: Any) -> Failure:
    """Return the failure of something other than a map, where the pattern is one."""
    found, expected = go_type(value), go_type(pattern)
    text = f"pattern and resource have different structures. Path: {path}. Expected {expected}, found {found}"
    return Failure(path, (text,))


def condition_failed(inner: Failure) -> Failure:
    """Return the failure of a condition anchor whose value does not fit."""
    return Failure(inner.path, ("conditional anchor mismatch: ", inner), skip=True, direct=True)


def condition_absent(path: str) -> Failure:
    """Return the failure of a condition anchor whose key is not there."""
    text = "conditional anchor mismatch: conditional anchor key doesn't exist in the resource"
    return Failure(path, (text,), skip=True, direct=True)


def global_failed(inner: Failure) -> Failure:
    """Return the failure of a global anchor whose value does not fit."""
    return Failure(inner.path, ("global anchor mismatch: ", inner), skip=True, direct=True)


def not_allowed(path: str) -> Failure:
    """Return the failure of a negation anchor whose key is there."""
    text = f"negation anchor matched in resource: {path} is not allowed"
    return Failure(path, (text,), negation=True)


def skipped(path: str, inner: Sequence[Failure]) -> Failure:
    """Return the failure of a map or list that is left out, for the reasons in `inner`."""
    parts: list[Any] = []
    for failure in inner:
        parts += ["; " if parts else "", failure]
    return Failure(path, tuple(parts), skip=True)


@dataclass(frozen=True, slots=True)
class _Value:
    value: Any


def _shown(part: Any) -> str:
    if isinstance(part, Failure):
        return part.text
    if isinstance(part, _Value):
        value = part.value
        if value.__class__ is int:
            return str(value)
        return sprint(value, MAX_TEXT)
    return str(part)


def go_type(value: Any) -> str:
    """Return Go's name of the type of a JSON value."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "bool"
        case int():
            return "int64"
        case float():
            return "float64"
        case str():
            return "string"
        case list():
            return "[]interface {}"
        case _:
            return "map[string]interface {}"
