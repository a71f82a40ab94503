"""Functions on texts: comparing, replacing, cutting.

References: Kyverno 1.19 `pkg/engine/jmespath/functions.go` over Go's `strings`.
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.expressions.errors import shorten
from pratique.compiler.expressions.jmespath.functions.signature import (
    NUMBER,
    STRING,
    Function,
    failure,
    function,
)
from pratique.compiler.expressions.jmespath.run import ITEM, Run
from pratique.compiler.expressions.values.numbers import Integer, as_double, to_int64


def _compare(run: Run, left: str, right: str) -> Integer:
    # Code points sort as their UTF-8 bytes do.
    return Integer((left > right) - (left < right))


def _equal_fold(run: Run, left: str, right: str) -> bool:
    return _simple_fold(left) == _simple_fold(right)


def _simple_fold(text: str) -> str:
    """Return a form that is equal for texts that differ in case only, character by character."""
    if text.isascii():
        return text.lower()
    return "".join(_fold_character(character) for character in text)


def _fold_character(character: str) -> str:
    # Folding that changes the length (`ß` to `ss`) is not Go's; single characters fold through both cases.
    upper = character.upper()
    lower = (upper if len(upper) == 1 else character).lower()
    return lower if len(lower) == 1 else character


def _replaced(run: Run, text: str, old: str, new: str, count: int) -> str:
    found = text.count(old) if old else len(text) + 1
    times = found if count < 0 else min(found, count)
    run.charge(len(text) + times * len(new))
    return text.replace(old, new, times)


def _replace(run: Run, text: str, old: str, new: str, count: float) -> str:
    return _replaced(run, text, old, new, to_int64(as_double(count)))


def _replace_all(run: Run, text: str, old: str, new: str) -> str:
    return _replaced(run, text, old, new, -1)


def _to_upper(run: Run, text: str) -> str:
    run.charge(len(text))
    return text.upper() if text.isascii() else "".join(map(_upper_character, text))


def _to_lower(run: Run, text: str) -> str:
    run.charge(len(text))
    return text.lower() if text.isascii() else "".join(map(_lower_character, text))


def _upper_character(character: str) -> str:
    upper = character.upper()
    return upper if len(upper) == 1 else character


def _lower_character(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 else lower[0]


def _trim(run: Run, text: str, cutset: str) -> str:
    # A set, because str.strip takes time in the product of both lengths.
    members = frozenset(cutset)
    start, end = 0, len(text)
    while start < end and text[start] in members:
        start += 1
    while end > start and text[end - 1] in members:
        end -= 1
    return text[start:end]


def _trim_prefix(run: Run, text: str, prefix: str) -> str:
    return text.removeprefix(prefix)


def _split(run: Run, text: str, separator: str) -> list[str]:
    count = text.count(separator) + 1 if separator else len(text)
    run.charge(len(text) + 4 * ITEM * count)
    return text.split(separator) if separator else list(text)


def _truncate(run: Run, text: str, length: float) -> str:
    return text[: max(0, to_int64(as_double(length)))]


def _to_boolean(run: Run, text: str) -> bool:
    match text.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise failure(
                "to_boolean", f"lowercase argument must be 'true' or 'false' (provided: '{shorten(text)}')"
            )


FUNCTIONS: Final[tuple[Function, ...]] = (
    function("compare", (STRING, STRING), "number", _compare),
    function("equal_fold", (STRING, STRING), "bool", _equal_fold),
    function("replace", (STRING, STRING, STRING, NUMBER), "string", _replace),
    function("replace_all", (STRING, STRING, STRING), "string", _replace_all),
    function("to_upper", (STRING,), "string", _to_upper),
    function("to_lower", (STRING,), "string", _to_lower),
    function("trim", (STRING, STRING), "string", _trim),
    function("trim_prefix", (STRING, STRING), "string", _trim_prefix),
    function("split", (STRING, STRING), "array", _split),
    function("truncate", (STRING, NUMBER), "string", _truncate),
    function("to_boolean", (STRING,), "bool", _to_boolean),
)
