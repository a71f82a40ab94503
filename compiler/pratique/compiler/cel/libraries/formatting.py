"""`"%s is %d".format([a, b])`.

References: cel-go 0.30 `ext/formatting.go` (version 1 to 3 of the strings library, locale en_US).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.types import Type, runtime_name
from pratique.compiler.cel.values.access import iterate_pairs
from pratique.compiler.cel.values.kinds import LISTS, type_name
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.numbers import Uint
from pratique.compiler.cel.values.times import Duration, Timestamp
from pratique.compiler.expressions.values.numbers import print_plain

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_DEFAULT_PRECISION: Final = 6
_MAX_PRECISION: Final = 1000
_CLAUSE: Final = re.compile(r"%(?:%|(?:\.([0-9]*))?(.)?)", re.DOTALL)
_WHOLE: Final[frozenset[Any]] = frozenset({int, Uint})


def format_text(run: Run, template: str, values: Sequence[Any]) -> str:
    """Return the template with its clauses replaced by the values.

    Raises:
        CelError: a clause is wrong, or does not take its value, or there are too few values.
    """
    parts: list[str] = []
    position = number = 0
    for match in _CLAUSE.finditer(template):
        parts.append(template[position : match.start()])
        position = match.end()
        if match[0] == "%%":
            parts.append("%")
            continue
        if number >= len(values):
            raise CelError(f"index {number} out of range")
        text = _clause(run, match, values[number])
        run.charge(len(text) // 10)
        parts.append(text)
        number += 1
    parts.append(template[position:])
    run.charge(len(template) // 10)
    return "".join(parts)


def _clause(run: Run, match: re.Match[str], value: Any) -> str:
    digits, letter = match[1], match[2]
    if letter is None and digits is None:
        raise CelError("unexpected end of string")
    precision = _DEFAULT_PRECISION
    if digits is not None:
        prefix = "could not parse formatting clause: error while parsing precision: "
        if letter is None:
            raise CelError(f"{prefix}could not find end of precision specifier")
        if not digits:
            problem = 'strconv.Atoi: parsing "": invalid syntax'
            raise CelError(f"{prefix}error while converting precision to integer: {problem}")
        precision = int(digits[:6])
        if precision > _MAX_PRECISION:
            # DEVIATION: cel-go of this version has no bound. Test: test_precision_is_bounded.
            raise CelError(f"{prefix}precision {digits} exceeds maximum allowed precision {_MAX_PRECISION}")
    formatter = _FORMATTERS.get(letter)
    if formatter is None:
        problem = f'unrecognized formatting clause "{letter}"'
        raise CelError(f"could not parse formatting clause: {problem}")
    try:
        return formatter(run, value, precision, letter)
    except CelError as error:
        raise CelError(f"error during formatting: {error.message}") from error


# --- clauses -------------------------------------------------------------------------------------------


def _string(run: Run, value: Any, *_: Any) -> str:  # noqa: C901 - one case a type
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind in LISTS:
        return _list(run, value)
    if kind is dict or kind is Map:
        return _map(run, value)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    if kind is float:
        return print_plain(value)
    if kind in _WHOLE:
        return str(int(value))
    if kind is bytes:
        try:
            return value.decode()  # type: ignore[no-any-return]
        except UnicodeDecodeError as error:
            raise CelError("could not convert argument to string") from error
    if kind is Timestamp or kind is Duration:
        return str(value)
    if kind is Type:
        return runtime_name(value)
    takes = "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"
    raise _unsupported(f"string clause can only be used on {takes}", value)


def _decimal(_: Run, value: Any, *__: Any) -> str:
    if type(value) in _WHOLE:
        return str(int(value))
    raise _unsupported("decimal clause can only be used on integers", value)


def _fixed(run: Run, value: Any, precision: int, letter: str) -> str:
    number = _double(value)
    if number is None:
        name = "fixed-point" if letter == "f" else "scientific"
        raise _unsupported(f"{name} clause can only be used on doubles", value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if letter == "f":
        return f"{number:,.{precision}f}"
    mantissa, _, exponent = f"{number:.{precision}e}".partition("e")
    space = "\N{NARROW NO-BREAK SPACE}"
    return f"{mantissa}{space}\N{MULTIPLICATION SIGN}{space}10{_superscript(exponent)}"


_SUPERSCRIPTS: Final = str.maketrans("+-0123456789", "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _superscript(exponent: str) -> str:
    return exponent.removeprefix("+").translate(_SUPERSCRIPTS)


def _double(value: Any) -> float | None:
    if type(value) is float:
        return value
    if type(value) is str and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return None


def _binary(_: Run, value: Any, *__: Any) -> str:
    if type(value) is bool:
        return "1" if value else "0"
    if type(value) in _WHOLE:
        return format(int(value), "b")
    raise _unsupported("only integers and bools can be formatted as binary", value)


def _hexadecimal(_: Run, value: Any, __: int, letter: str) -> str:
    kind = type(value)
    if kind in _WHOLE:
        return format(int(value), letter)
    if kind is str or kind is bytes:
        raw: bytes = value.encode(errors="surrogatepass") if kind is str else value
        return raw.hex().upper() if letter == "X" else raw.hex()
    raise _unsupported("only integers, byte buffers, and strings can be formatted as hex", value)


def _octal(_: Run, value: Any, *__: Any) -> str:
    if type(value) in _WHOLE:
        return format(int(value), "o")
    raise _unsupported("octal clause can only be used on integers", value)


def _unsupported(problem: str, value: Any) -> CelError:
    return CelError(f"{problem}, was given {type_name(value)}")


_FORMATTERS: Final[dict[str | None, Callable[[Run, Any, int, str], str]]] = {
    "s": _string,
    "d": _decimal,
    "f": _fixed,
    "e": _fixed,
    "b": _binary,
    "x": _hexadecimal,
    "X": _hexadecimal,
    "o": _octal,
}


# --- lists and maps ------------------------------------------------------------------------------------


def _list(run: Run, values: Sequence[Any]) -> str:
    run.charge(len(values))
    return f"[{', '.join(_literal(run, value) for value in values)}]"


def _map(run: Run, value: Any) -> str:
    run.charge(len(value))
    pairs = [(_key(run, key), _literal(run, element)) for key, element in iterate_pairs(value)]
    return f"{{{', '.join(f'{key}:{element}' for key, element in sorted(pairs, key=lambda pair: pair[0]))}}}"


def _key(run: Run, key: Any) -> str:
    if type(key) in _WHOLE or type(key) in (str, bool):
        return _literal(run, key)
    raise CelError(f"no formatting function for map key of type {type_name(key)}")


def _literal(run: Run, value: Any) -> str:
    """Return a value inside a list or map, as CEL would write it."""
    kind = type(value)
    if kind is str:
        return go_quote(value)
    if kind is bytes:
        return f"b{go_quote(_string(run, value))}"
    if kind is float:
        if math.isnan(value) or math.isinf(value):
            return go_quote(print_plain(value))
        return f"{value:.{_DEFAULT_PRECISION}f}"
    if kind is Timestamp:
        return f'timestamp("{value}")'
    if kind is Duration:
        return f'duration("{value}")'
    if kind is bool or value is None or kind in _WHOLE or kind in LISTS or kind in (dict, Map, Type):
        return _string(run, value)
    raise CelError(f"no formatting function for {type_name(value)}")


def go_quote(text: str) -> str:
    """Return a text in double quotes as Go's `%q` writes it."""
    return f'"{"".join(map(_quoted, text))}"'


_ESCAPES: Final = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
}  # fmt: skip


def _quoted(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable() or character == " ":
        return character
    code = ord(character)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
