"""Functions on texts: `charAt`, `split`, `replace`, `format` and so on; version 2, as Kubernetes has it.

References: cel-go 0.30 `ext/strings.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.formatting import format_text
from pratique.compiler.cel.values.texts import show

_SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # noqa: E501
"""What Go's `unicode.IsSpace` takes for space."""

_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {code + 32: code for code in range(ord("A"), ord("Z") + 1)}
_QUOTED: Final = {
    ord("\a"): "\\a", ord("\b"): "\\b", ord("\f"): "\\f", ord("\n"): "\\n", ord("\r"): "\\r",
    ord("\t"): "\\t", ord("\v"): "\\v", ord("\\"): "\\\\", ord('"'): '\\"',
}  # fmt: skip


def _out_of_range(index: int) -> CelError:
    return CelError(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _index_of(text: str, part: str, offset: int = 0) -> int:
    if offset < 0:
        raise _out_of_range(offset)
    if not part:
        return min(offset, len(text))
    return text.find(part, offset)


def _last_index_of(text: str, part: str, offset: int | None = None) -> int:
    if offset is None:
        return text.rfind(part)
    if offset < 0:
        raise _out_of_range(offset)
    if not part:
        return min(offset, len(text))
    if offset >= len(text):
        return -1
    return text.rfind(part, 0, offset + len(part))


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    return text.replace(old, new, count)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if separator:
        return text.split(separator, count - 1 if count > 0 else -1)
    if count < 0 or count >= len(text):
        return list(text)
    return [*text[: count - 1], text[count - 1 :]]


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is None:
        if not 0 <= start <= len(text):
            raise _out_of_range(start)
        return text[start:]
    if start > end:
        raise CelError(f"invalid substring range. start: {start}, end: {end}")
    for index in (start, end):
        if not 0 <= index <= len(text):
            raise _out_of_range(index)
    return text[start:end]


def _join(texts: Sequence[Any], separator: str = "") -> str:
    for text in texts:
        if type(text) is not str:
            raise CelError(f"join: invalid input: {show(text)}")
    return separator.join(texts)


def _quote(text: str) -> str:
    return f'"{text.translate(_QUOTED)}"'


def _by_length(text: Any, *_: Any) -> int:
    return len(text) // 10 + 1


def _replace_cost(text: str, old: str, new: str, count: int = -1) -> int:
    places = len(text) // len(old) if old else len(text) + 1
    return len(text) // 10 + (places if count < 0 else min(places, count)) * (len(new) + 1) // 10 + 1


def _split_cost(text: str, separator: str, count: int = -1) -> int:
    return len(text) // (len(separator) or 1) + 1


def _join_cost(texts: Sequence[Any], separator: str = "") -> int:
    return sum(len(text) for text in texts if type(text) is str) // 10 + len(texts) * (len(separator) + 1)


LIBRARY: Final = Library(
    overloads=(
        overload(".charAt(string, int) -> string", _char_at),
        overload(".indexOf(string, string) -> int", _index_of, cost=_by_length),
        overload(".indexOf(string, string, int) -> int", _index_of, cost=_by_length),
        overload(".lastIndexOf(string, string) -> int", _last_index_of, cost=_by_length),
        overload(".lastIndexOf(string, string, int) -> int", _last_index_of, cost=_by_length),
        overload(".lowerAscii(string) -> string", lambda text: text.translate(_LOWER), cost=_by_length),
        overload(".upperAscii(string) -> string", lambda text: text.translate(_UPPER), cost=_by_length),
        overload(".replace(string, string, string) -> string", _replace, cost=_replace_cost),
        overload(".replace(string, string, string, int) -> string", _replace, cost=_replace_cost),
        overload(".split(string, string) -> list(string)", _split, cost=_split_cost),
        overload(".split(string, string, int) -> list(string)", _split, cost=_split_cost),
        overload(".substring(string, int) -> string", _substring, cost=_by_length),
        overload(".substring(string, int, int) -> string", _substring, cost=_by_length),
        overload(".trim(string) -> string", lambda text: text.strip(_SPACES), cost=_by_length),
        overload(".join(list(string)) -> string", _join, cost=_join_cost),
        overload(".join(list(string), string) -> string", _join, cost=_join_cost),
        overload("strings.quote(string) -> string", _quote, cost=_by_length),
        overload(
            ".format(string, list(dyn)) -> string",
            format_text,
            takes_run=True,
        ),
    ),
)
