"""The JSON that variables read: a map of named values in layers, some of them loaded when first mentioned.

A layer never changes the values below it and copies none: it is a new map of the same names. Entries with a
loader behave as Kyverno's: an expression that mentions their name loads them, whether or not the evaluation
reaches them, and a loader sees only the entries declared before it.

DEVIATION: Kyverno loads an entry once, with the values of whichever image or element mentions it first. Here
each layer that mentions an entry not loaded below loads it with its own values.
Test: test_each_layer_loads_for_itself_with_its_own_values.

References: Kyverno 1.19 `pkg/engine/context` (`context.go`, `deferred.go`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeAlias

from pratique.compiler.expressions.expression import Expression
from pratique.compiler.expressions.jmespath.run import NOTHING_OUTSIDE, Environment
from pratique.compiler.expressions.values.json_text import json_size
from pratique.compiler.expressions.values.numbers import Integer
from pratique.grammar.errors import EvaluationError


class Reader(Protocol):
    """Whatever variables can be read from: a `Context`, or what a loader sees of it."""

    @property
    def environment(self) -> Environment:
        """The clock, the random source and the limits of evaluations."""
        ...

    @property
    def operation(self) -> str:
        """`request.operation`, or empty."""
        ...

    def query(self, expression: Expression) -> Any:
        """Return the value of an expression; raises `EvaluationError` in Kyverno's wording."""
        ...


class Absent(Enum):
    """What the loader of an entry returns that is not there after all."""

    ENTRY = "absent"


Load: TypeAlias = Callable[[Reader], Any]
"""Returns the JSON data of an entry. It may read the entries before it; it is called once for each layer that
mentions the entry, so a loader that asks others keeps their answer itself."""


class _Entry(NamedTuple):
    name: str
    load: Load


class Context:
    """A layer of named values.

    Layers are made with `overlay`, `merged`, `with_entry` and `with_element`; the one they are made from
    stays as it is. Not for use by several threads at once, as loading an entry fills it in.
    """

    __slots__ = ("_entries", "_is_loaded", "_size", "_values", "environment")

    def __init__(
        self, values: Mapping[str, Any] | None = None, *, environment: Environment = NOTHING_OUTSIDE
    ) -> None:
        """Start with `values`: JSON data (dict, list, str, int, float, bool, None), never changed."""
        self.environment = environment
        self._values: dict[str, Any] = dict(values or {})
        self._entries: tuple[_Entry, ...] = ()
        self._is_loaded: list[bool] = []
        self._size = 0

    def __contains__(self, name: object) -> bool:
        """Say whether a name has a value already, without loading one."""
        return name in self._values

    def _layer(self, values: dict[str, Any]) -> Context:
        layer = Context.__new__(Context)
        layer.environment = self.environment
        layer._values = values
        layer._entries = self._entries
        layer._is_loaded = self._is_loaded.copy()
        layer._size = self._size
        return layer

    def overlay(self, values: Mapping[str, Any]) -> Context:
        """Return a layer in which the names of `values` have these values instead. O(number of names)."""
        return self._layer({**self._values, **values})

    def merged(self, values: Mapping[str, Any]) -> Context:
        """Return a layer into which `values` are merged: maps key by key, everything else replaced.

        So a predicate's fields join those of `request` and others. Copies only the maps on the way.
        """
        return self._layer(merge(self._values, values))

    def with_object(self, resource: Mapping[str, Any]) -> Context:
        """Return a layer in which `request.object` is another object."""
        request = self._values.get("request")
        below = request if isinstance(request, dict) else {}
        return self.overlay({"request": {**below, "object": resource}})

    def with_entry(self, name: str, load: Load) -> Context:
        """Return a layer with one more entry, loaded when an expression first mentions its name.

        Of entries with the same name the last one wins, and may use the one before.
        """
        layer = self._layer(dict(self._values))
        layer._entries = (*self._entries, _Entry(name, load))
        layer._is_loaded.append(False)
        return layer

    def with_element(self, element: Any, index: int, nesting: int = 0) -> Context:
        """Return a layer for one round of a loop: `element`, `elementIndex` and their numbered forms."""
        position = Integer(index)
        return self.overlay(
            {
                "element": element,
                f"element{nesting}": element,
                "elementIndex": position,
                f"elementIndex{nesting}": position,
            }
        )

    @property
    def operation(self) -> str:
        """`request.operation`, or empty."""
        request = self._values.get("request")
        operation = request.get("operation") if isinstance(request, dict) else None
        return operation if isinstance(operation, str) else ""

    def query(self, expression: Expression) -> Any:
        """Return the value of an expression, after loading the entries that it mentions.

        Raises:
            EvaluationError: `unknown-key`, `context-too-large` and others, `JMESPath query failed: ...`; or
                what a loader raises.
        """
        return self._query(expression, len(self._entries))

    def _query(self, expression: Expression, visible: int) -> Any:
        for index in range(visible):
            if not self._is_loaded[index] and expression.mentions(self._entries[index].name):
                self._load(index)
        try:
            return expression.evaluate(self._values, self.environment)
        except EvaluationError as error:
            raise EvaluationError(error.code, f"JMESPath query failed: {error.message}") from error

    def _load(self, index: int) -> None:
        entry = self._entries[index]
        value = entry.load(_Before(self, index))
        if value is Absent.ENTRY:
            self._is_loaded[index] = True
            return
        limit = self.environment.limits.max_context_bytes
        size = self._size + json_size(value, limit)
        if size > limit:
            raise EvaluationError(
                "context-too-large",
                f"context size limit exceeded: {size} bytes exceeds limit of {limit} bytes",
            )
        self._size = size
        self._values[entry.name] = value
        self._is_loaded[index] = True


class _Before:
    """A context as the loader of entry `index` sees it: with the entries before it only."""

    __slots__ = ("_context", "_index")

    def __init__(self, context: Context, index: int) -> None:
        self._context = context
        self._index = index

    @property
    def environment(self) -> Environment:
        return self._context.environment

    @property
    def operation(self) -> str:
        return self._context.operation

    def query(self, expression: Expression) -> Any:
        return self._context._query(expression, self._index)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of both: maps key by key, all else as in `above`. Copies the maps on the way."""
    merged = dict(below)
    # A stack instead of recursion: the data is as deep as its sender likes.
    pending = [(merged, above)]
    while pending:
        target, source = pending.pop()
        for key, value in source.items():
            present = target.get(key)
            if isinstance(value, dict) and isinstance(present, dict):
                copy = dict(present)
                target[key] = copy
                pending.append((copy, value))
            else:
                target[key] = value
    return merged
