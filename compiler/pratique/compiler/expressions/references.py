"""References `$(path)` to other places of the same document. They are resolved when a template is compiled.

`$(./../key)` starts at the own place, `$(/spec/x)` at the root; anchors in keys do not count; an operator in
front of the path (`$(<=./../x)`) is put in front of the value.

References: Kyverno 1.19 `pkg/engine/variables/vars.go`, `pkg/engine/anchor`, `pkg/engine/operator`.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Final

from pratique.compiler.expressions.errors import MAX_SHOWN, ExpressionError, Path, pointer
from pratique.compiler.expressions.limits import DEFAULT_LIMITS
from pratique.compiler.expressions.operators.ranges import pattern_operator
from pratique.compiler.expressions.scanning import Found, find_references, unescape_references
from pratique.compiler.expressions.values.numbers import Integer, sprint

_ANCHOR = re.compile(r"[+<=X^]?\((.+)\)")
_CONTAINER: Final = True
"""Stands for a list or map: neither text nor number, as what it refers to is not one value."""


class References:
    """The leaves of a document by their path without anchors, and the texts that refer to them."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._leaves: dict[str, Any] | None = None

    def resolve(self, text: str, path: Path) -> str:
        """Return `text` with every reference replaced; `path` is its place in the document.

        Raises:
            ExpressionError: `unresolved-reference` with the offset in `text`.
        """
        resolved = text
        references = find_references(text)
        if len(references) > DEFAULT_LIMITS.max_substitutions:
            raise ExpressionError("too-many-variables", "the text holds too many references")
        for found in references:
            value = self._value(found, path)
            resolved = resolved.replace(found.prefix + found.text, found.prefix + value, 1)
        return unescape_references(resolved)

    def _value(self, found: Found, path: Path) -> str:
        place = pointer(path)

        def unresolved(problem: str) -> ExpressionError:
            return ExpressionError("unresolved-reference", problem, offset=found.at)

        inner = found.text.strip("$()")
        operator = pattern_operator(inner)
        target = inner[len(operator) :]
        if not target:
            raise unresolved(
                f"failed to resolve {found.text} at path {place}: expected path, found empty reference"
            )
        if not target.startswith("/"):
            target = posixpath.normpath(posixpath.join(place or "/", target))
        value = self._leaf(target)
        if value is None and not operator:
            raise unresolved(f"got nil resolved variable {found.text} at path {place}: <nil>")
        if isinstance(value, str):
            return operator + value
        if operator and isinstance(value, int | float) and not isinstance(value, bool):
            number = str(int(value)) if isinstance(value, Integer) else f"{value:f}"
            return operator + number
        if operator:
            raise unresolved(
                f"failed to resolve {found.text} at path {place}: incorrect expression: operator {operator} "
                f"does not match with value {sprint(value, MAX_SHOWN)}"
            )
        raise unresolved(f"NotResolvedReferenceErr,reference {found.text} not resolved at path {place}")

    def _leaf(self, target: str) -> Any:
        if self._leaves is None:
            self._leaves = {}
            _collect(self._document, "", self._leaves, DEFAULT_LIMITS.max_data_depth)
        return self._leaves.get(target)


def _collect(value: Any, place: str, leaves: dict[str, Any], depth: int) -> None:
    if depth < 0:
        raise ExpressionError("data-too-deep", "the data is nested too deep")
    match value:
        case dict():
            leaves[place or "/"] = _CONTAINER
            for key, item in value.items():
                _collect(item, f"{place}/{_without_anchor(key)}", leaves, depth - 1)
        case list():
            leaves[place or "/"] = _CONTAINER
            for index, item in enumerate(value):
                _collect(item, f"{place}/{index}", leaves, depth - 1)
        case _:
            leaves[place or "/"] = value


def _without_anchor(key: str) -> str:
    match = _ANCHOR.fullmatch(key)
    return (match[1] if match else key).replace("/", "\\/")
