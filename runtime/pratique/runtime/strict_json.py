"""JSON of strangers: one reading only, bounded depth, text that can be printed.

Python's reader keeps the last of two equal keys, accepts UTF-16, `NaN` and lone surrogates, and recurses.
A document that two programs read in two ways is how a checked manifest becomes another (threats O3, W7).

Most documents are written by programs, without a blank. For them there is a short way: a text that its own
value gives back byte by byte says nothing twice and nothing else than that value. It takes a third of the
time that looking at every key takes, and admission reads every request.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_DEPTH = 64
"""Deepest nesting of objects and lists; manifests of real images need about 5."""


class StrictJsonError(ValueError):
    """The bytes are not JSON with exactly one reading; the text says why and quotes nothing of them."""


def parse(body: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """Return the value of UTF-8 JSON without duplicate keys, `NaN`, lone surrogates or deep nesting.

    Linear in `len(body)`, which the caller has bounded.

    Raises:
        StrictJsonError: the bytes are not that.
    """
    found, value = _compact(body)
    if found:
        if body.count(b"{") + body.count(b"[") > max_depth:
            _check(value, max_depth)
        return value
    try:
        text = body.decode()
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except StrictJsonError:
        raise
    except RecursionError as error:
        raise StrictJsonError(f"nested deeper than {max_depth} levels") from error
    except UnicodeDecodeError as error:
        raise StrictJsonError("not UTF-8") from error
    except ValueError as error:
        raise StrictJsonError("malformed JSON") from error
    if text.count("{") + text.count("[") > max_depth:  # with fewer nothing is as deep
        _check(value, max_depth)
    if "\\ud" in text or "\\uD" in text:
        _check_texts(value)
    return value


def _compact(body: bytes) -> tuple[bool, Any]:
    """Return the value of a text that is written as its value is; False for every other text.

    INVARIANT: what is lost in reading, a second key among it, is missing in what is written. (Go's encoder
    ends with a line feed.)
    """
    import orjson

    try:
        value = orjson.loads(body)
        again = orjson.dumps(value)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return False, None
    return again == (body[:-1] if body.endswith(b"\n") else body), value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise StrictJsonError("a key occurs twice in one object")
    return result


def _no_constant(_: str) -> NoReturn:
    raise StrictJsonError("malformed JSON")


def _check(value: Any, max_depth: int) -> None:
    """Refuse deep nesting; walks containers level by level, without recursion."""
    level = [value] if isinstance(value, dict | list) else []
    depth = 0
    while level:
        depth += 1
        if depth > max_depth and any(level):
            raise StrictJsonError(f"nested deeper than {max_depth} levels")
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]


def _check_texts(value: Any) -> None:
    """Refuse halves of surrogate pairs, which no UTF-8 holds and only an escape can bring in."""
    level = [value]
    while level:
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str) and not item.isascii():
                _check_text(item)
        level = below


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise StrictJsonError("text with a lone surrogate") from error
