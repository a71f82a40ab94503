"""JSON text as Go writes and reads it, bounded in size and depth.

References: Go 1.26 `encoding/json`; json-iterator 1.1.12, `ConfigCompatibleWithStandardLibrary`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final, NoReturn

from pratique.compiler.expressions.errors import shorten
from pratique.compiler.expressions.limits import DEFAULT_LIMITS
from pratique.compiler.expressions.values.numbers import Integer, as_double, print_json
from pratique.grammar.errors import EvaluationError

_UNSAFE = re.compile("[<>&\u2028\u2029\x08\x0c\ud800-\udfff]")
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_quote: Final[Callable[[str], str]] = encode_basestring
_SURROGATES = re.compile("[\ud800-\udfff]")


def write_json(
    value: Any,
    *,
    max_bytes: int = DEFAULT_LIMITS.max_context_bytes,
    max_depth: int = DEFAULT_LIMITS.max_data_depth,
    padded: bool = False,
) -> str:
    """Return compact JSON with sorted keys; `<`, `>` and `&` are escaped as Go does.

    Args:
        value: JSON data.
        max_bytes: of the result.
        max_depth: of lists and maps inside each other.
        padded: exponents have two digits (see `print_json`).

    Raises:
        EvaluationError: `context-too-large` or `data-too-deep` beyond the limits; `not-json`.
    """
    writer = _Writer(max_bytes, padded)
    writer.write(value, max_depth)
    return "".join(writer.parts)


def json_size(value: Any, max_bytes: int) -> int:
    """Return the length in bytes of the JSON text of `value`; counting ends beyond `max_bytes`."""
    size, pending = 0, [value]
    while pending and size <= max_bytes:
        value = pending.pop()
        match value:
            case str():
                text = quote(value)
                size += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            case dict():
                size += 1 + max(1, 2 * len(value))
                pending += value.values()
                pending += value.keys()
            case list():
                size += 1 + max(1, len(value))
                pending += value
            case None | True:
                size += 4
            case False:
                size += 5
            case Integer():
                size += len(str(int(value)))
            case _:
                size += len(print_json(as_double(value)))
    return size


class _Writer:
    def __init__(self, left: int, padded: bool) -> None:
        self.parts: list[str] = []
        self._left = left
        self._padded = padded

    def _add(self, text: str) -> None:
        self._left -= len(text)
        if self._left < 0:
            raise EvaluationError("context-too-large", "the JSON text of a value is too large")
        self.parts.append(text)

    def write(self, value: Any, depth: int) -> None:  # noqa: C901 - one case a type
        match value:
            case None:
                self._add("null")
            case bool():
                self._add("true" if value else "false")
            case Integer():
                self._add(str(int(value)))
            case int() | float():
                self._add(print_json(as_double(value), padded=self._padded))
            case str():
                self._add(quote(value, padded=self._padded))
            case dict():
                if depth <= 0:
                    raise _too_deep()
                separator = "{"
                for key in sorted(value):
                    self._add(f"{separator}{quote(key, padded=self._padded)}:")
                    self.write(value[key], depth - 1)
                    separator = ","
                self._add("}" if separator == "," else "{}")
            case list():
                if depth <= 0:
                    raise _too_deep()
                separator = "["
                for item in value:
                    self._add(separator)
                    self.write(item, depth - 1)
                    separator = ","
                self._add("]" if separator == "," else "[]")
            case _:
                raise EvaluationError("not-json", f"json: unsupported type: {type(value).__name__}")


def _too_deep() -> EvaluationError:
    return EvaluationError("data-too-deep", "the data is nested too deep")


def quote(text: str, *, padded: bool = False) -> str:
    """Return `text` as a JSON string in Go's escaping. Linear, without a step per character."""
    quoted = _quote(clean_text(text))
    if not _UNSAFE.search(text):
        return quoted
    for character, escape in _HTML.items():
        quoted = quoted.replace(character, escape)
    if padded and ("\b" in text or "\f" in text):
        # json-iterator has no short form of these two; a backslash of the text itself is doubled by now.
        pieces = quoted.split("\\\\")
        quoted = "\\\\".join(piece.replace("\\b", "\\u0008").replace("\\f", "\\u000c") for piece in pieces)
    return quoted


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _float(text: str) -> float:
    number = float(text) if len(text) <= 2048 else math.inf
    if math.isinf(number):
        raise ValueError(f"number {shorten(text)} is out of range")
    return number


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_int=_float, parse_float=_float)


def read_json(text: str, *, max_depth: int = DEFAULT_LIMITS.max_data_depth) -> Any:
    """Return the value of a JSON text; every number is a double, the last of equal keys wins.

    Raises:
        ValueError: the text is no JSON, or a number in it is out of range.
        EvaluationError: `data-too-deep`.
    """
    if max(text.count("["), text.count("{")) > max_depth and _depth(text) > max_depth:
        raise _too_deep()
    stripped = text.strip(" \t\r\n")
    if not stripped:
        raise ValueError("unexpected end of JSON input")
    value, end = _DECODER.raw_decode(stripped)
    if end != len(stripped):
        raise ValueError(f"invalid character {stripped[end]!r} after top-level value")
    return clean(value) if "\\u" in text or not text.isascii() else value


_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def _depth(text: str) -> int:
    """Return the deepest nesting of brackets outside strings. Linear."""
    depth = deepest = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        character = match.group()[0]
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def clean(value: Any) -> Any:
    """Return `value` with halves of surrogate pairs replaced by U+FFFD, as Go reads them."""
    match value:
        case str():
            return clean_text(value)
        case list():
            return [clean(item) for item in value]
        case dict():
            return {clean_text(key): clean(item) for key, item in value.items()}
        case _:
            return value


def clean_text(text: str) -> str:
    """Return `text` with halves of surrogate pairs replaced by U+FFFD."""
    if text.isascii() or not _SURROGATES.search(text):
        return text
    return _SURROGATES.sub("\ufffd", text)
