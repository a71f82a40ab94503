"""Functions named after types: `int("3")`, `string(1.5)`, `timestamp(...)`, `type(x)`, `dyn(x)`.

References: cel-go 0.30 `common/stdlib/standard.go` and the `ConvertToType` methods of `common/types`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pratique.compiler.cel.declarations import Overload, overload
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.types import Type
from pratique.compiler.cel.values.kinds import type_name, type_of_value
from pratique.compiler.cel.values.numbers import (
    UINT_MAX,
    Uint,
    double_to_int,
    double_to_uint,
    to_int,
    to_uint,
)
from pratique.compiler.cel.values.times import (
    Duration,
    Timestamp,
    read_duration,
    read_timestamp,
    timestamp_of,
)
from pratique.compiler.expressions.values.instants import Instant
from pratique.compiler.expressions.values.numbers import parse_float, parse_int, print_plain

_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
_DIGITS: Final = re.compile(r"[0-9]{1,20}")


def _same(value: Any) -> Any:
    return value


def _failed(value: Any, wanted: str) -> CelError:
    return CelError(f"type conversion error from '{type_name(value)}' to '{wanted}'")


def _read(wanted: str, read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a conversion of texts; `read` returns None for texts that are none."""

    def convert(text: str) -> Any:
        value = read(text)
        if value is None:
            raise _failed(text, wanted)
        return value

    return convert


def _uint(text: str) -> Uint | None:
    return Uint(text) if _DIGITS.fullmatch(text) and int(text) <= UINT_MAX else None


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise CelError("invalid UTF-8 in bytes, cannot convert to string") from error


def _type(value: Any) -> Type:
    return type_of_value(value)


def _by_length(value: Any) -> int:
    return len(value) // 10


OVERLOADS: Final[tuple[Overload, ...]] = (
    overload("type(A) -> type(A)", _type, is_guarded=False),
    overload("dyn(A) -> dyn", _same, is_guarded=False),
    overload("bool(bool) -> bool", _same),
    overload("bool(string) -> bool", _read("bool", _BOOLS.get)),
    overload("bytes(bytes) -> bytes", _same),
    overload("bytes(string) -> bytes", lambda text: text.encode(errors="surrogatepass"), cost=_by_length),
    overload("double(double) -> double", _same),
    overload("double(int) -> double", float),
    overload("double(string) -> double", _read("double", parse_float)),
    overload("double(uint) -> double", float),
    overload("duration(duration) -> duration", _same),
    overload("duration(string) -> duration", _read("google.protobuf.Duration", read_duration)),
    overload("int(int) -> int", _same),
    overload("int(double) -> int", double_to_int),
    overload("int(duration) -> int", lambda duration: duration.nanoseconds),
    overload("int(string) -> int", _read("int", parse_int)),
    overload("int(timestamp) -> int", lambda timestamp: timestamp.instant.seconds),
    overload("int(uint) -> int", lambda value: to_int(int(value))),
    overload("string(string) -> string", _same),
    overload("string(bool) -> string", lambda value: "true" if value else "false"),
    overload("string(bytes) -> string", _text_of_bytes, cost=_by_length),
    overload("string(double) -> string", print_plain),
    overload("string(duration) -> string", Duration.__str__),
    overload("string(int) -> string", str),
    overload("string(timestamp) -> string", Timestamp.__str__),
    overload("string(uint) -> string", lambda value: str(int(value))),
    overload("timestamp(timestamp) -> timestamp", _same),
    overload("timestamp(int) -> timestamp", lambda seconds: timestamp_of(Instant(seconds))),
    overload("timestamp(string) -> timestamp", _read("google.protobuf.Timestamp", read_timestamp)),
    overload("uint(uint) -> uint", _same),
    overload("uint(double) -> uint", double_to_uint),
    overload("uint(int) -> uint", to_uint),
    overload("uint(string) -> uint", _read("uint", _uint)),
)
