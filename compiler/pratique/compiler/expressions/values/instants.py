"""Points in time as Go's `time` package reads and prints them, with its reference layouts.

References: Go 1.26 `time.Parse`, `time.Format`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from pratique.compiler.expressions.errors import shorten
from pratique.compiler.expressions.values.durations import SECOND, saturate

RFC3339: Final = "2006-01-02T15:04:05Z07:00"
_DAYS_TO_EPOCH: Final = 719_162
"""Days from 1 January of the year 1 to 1 January 1970."""
_DAY: Final = 86_400
_LONGEST: Final = 256
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS: Final = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class InstantError(ValueError):
    """A text is no point in time in the wanted layout; the message is Go's."""


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time and the zone it is shown in.

    Attributes:
        seconds: since 1970-01-01T00:00:00Z.
        nanosecond: 0 to 999999999 behind that second.
        offset: of the zone, in seconds east of Greenwich.
    """

    seconds: int
    nanosecond: int = 0
    offset: int = 0

    @property
    def nanoseconds(self) -> int:
        """Return the nanoseconds since 1970."""
        return self.seconds * SECOND + self.nanosecond

    def plus(self, nanoseconds: int) -> Instant:
        """Return the point in time that many nanoseconds later, in the same zone."""
        seconds, nanosecond = divmod(self.nanoseconds + nanoseconds, SECOND)
        return Instant(seconds, nanosecond, self.offset)

    def since(self, other: Instant) -> int:
        """Return the nanoseconds from `other` to this one, at most what a Go duration holds."""
        return saturate(self.nanoseconds - other.nanoseconds)

    def truncated(self, nanoseconds: int) -> Instant:
        """Return the time rounded down to a multiple of a duration since the year 1."""
        if nanoseconds <= 0:
            return self
        return self.plus(-((self.nanoseconds + _DAYS_TO_EPOCH * _DAY * SECOND) % nanoseconds))

    def in_utc(self) -> Instant:
        """Return the same point in time shown in UTC."""
        return Instant(self.seconds, self.nanosecond, 0)

    @property
    def fields(self) -> tuple[int, int, int, int, int, int, int]:
        """Return year, month, day, hour, minute, second, and day of the week (Sunday is 0), in the zone."""
        days, rest = divmod(self.seconds + self.offset, _DAY)
        year, month, day = _civil(days)
        return year, month, day, rest // 3600, rest % 3600 // 60, rest % 60, (days + 4) % 7

    def rfc3339(self) -> str:
        """Return the text in RFC 3339 without fractions of a second."""
        year, month, day, hour, minute, second, _ = self.fields
        shown = f"-{-year:04d}" if year < 0 else f"{year:04d}"
        return f"{shown}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}{self._zone()}"

    def _zone(self) -> str:
        if self.offset == 0:
            return "Z"
        # Go divides towards zero.
        minutes = int(self.offset / 60)
        sign = "-" if minutes < 0 else "+"
        return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _civil(days: int) -> tuple[int, int, int]:
    """Return year, month and day of a number of days since 1970 in the proleptic Gregorian calendar."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def _days(year: int, month: int, day: int) -> int:
    """Return the days since 1970 of a date."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _month_length(year: int, month: int) -> int:
    return 28 + _is_leap(year) if month == 2 else 30 + (month in (1, 3, 5, 7, 8, 10, 12))


# --- layouts -------------------------------------------------------------------------------------------

_CHUNK = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|01|02|03|04|05|06|2006|15"
    r"|_2006|_2(?!006)|__2|-07:00:00|-07:00|-070000|-0700|-07|Z07:00:00|Z07:00|Z070000|Z0700|Z07"
    r"|PM|pm|[.,]0+(?![0-9])|[.,]9+(?![0-9])|[1-5]"
)


class _Piece(NamedTuple):
    """A piece of a layout: literal text, then one element (empty at the end)."""

    literal: str
    element: str


@lru_cache(maxsize=128)
def _pieces(layout: str) -> tuple[_Piece, ...]:
    pieces: list[_Piece] = []
    literal, position = "", 0
    while match := _CHUNK.search(layout, position):
        element, start = match.group(), match.start()
        if element == "_2006":
            element, start = "2006", start + 1
        pieces.append(_Piece(literal + layout[position:start], element))
        literal, position = "", match.end()
    pieces.append(_Piece(layout[position:], ""))
    return tuple(pieces)


@dataclass(slots=True)
class _Parts:
    """What the elements of a layout have said so far; -1 for nothing."""

    year: int = 0
    month: int = -1
    day: int = -1
    day_of_year: int = -1
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanosecond: int = 0
    afternoon: bool = False
    morning: bool = False
    offset: int = 0
    shown_offset: int = 0


class _Mismatch(Exception):
    """The text does not go on as the layout wants; holds the part out of range, or the unread rest."""

    def __init__(self, out_of_range: str = "", rest: str = "") -> None:
        super().__init__(out_of_range)
        self.out_of_range = out_of_range
        self.rest = rest


def parse_instant(layout: str, text: str) -> Instant:
    """Return the point in time that `time.Parse(layout, text)` reads; without a zone it is in UTC.

    Raises:
        InstantError: the text does not fit the layout, or a part of it is out of range.
    """
    if len(layout) > _LONGEST or len(text) > _LONGEST:
        raise InstantError("the time or its layout is too long")
    parts, rest = _Parts(), text
    pieces = _pieces(layout)
    for index, (literal, element) in enumerate(pieces):
        try:
            rest = _skip(rest, literal)
        except _Mismatch as mismatch:
            raise _cannot_parse(layout, text, literal, mismatch.rest) from None
        if not element:
            if rest:
                raise InstantError(f"parsing time {_quote(text)}: extra text: {_quote(rest)}")
            break
        following = pieces[index + 1]
        try:
            rest = _read(element, rest, parts, following)
        except _Mismatch as mismatch:
            if mismatch.out_of_range:
                raise _out_of_range(text, mismatch.out_of_range) from None
            raise _cannot_parse(layout, text, element, rest) from None
    return _instant(text, parts)


def _quote(text: str) -> str:
    shown = shorten(text).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if " " <= c < "\x7f" else _escaped(c) for c in shown) + '"'


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "replace"))


def _out_of_range(text: str, what: str) -> InstantError:
    return InstantError(f"parsing time {_quote(text)}: {what} out of range")


def _cannot_parse(layout: str, text: str, element: str, rest: str) -> InstantError:
    return InstantError(
        f"parsing time {_quote(text)} as {_quote(layout)}: cannot parse {_quote(rest)} as {_quote(element)}"
    )


def _skip(text: str, literal: str) -> str:
    """Return `text` behind `literal`; a blank in it stands for any number of blanks in the text."""
    position = 0
    while position < len(literal):
        if literal[position] == " ":
            if text and text[0] != " ":
                raise _Mismatch(rest=text)
            text = text.lstrip(" ")
            while position < len(literal) and literal[position] == " ":
                position += 1
            continue
        if not text or text[0] != literal[position]:
            raise _Mismatch(rest=text)
        text = text[1:]
        position += 1
    return text


_ONE_OR_TWO = re.compile(r"[0-9]{1,2}")


def _number(text: str, *, fixed: bool) -> tuple[int, str]:
    """Read one or two digits, exactly two where `fixed`."""
    match = _ONE_OR_TWO.match(text)
    if match is None or (fixed and len(match.group()) < 2):
        raise _Mismatch
    return int(match.group()), text[match.end() :]


def _digits(text: str, count: int) -> tuple[int, str]:
    if len(text) < count or not (text[:count].isascii() and text[:count].isdigit()):
        raise _Mismatch
    return int(text[:count]), text[count:]


def _name(text: str, names: tuple[str, ...]) -> tuple[int, str]:
    for index, name in enumerate(names):
        if text[: len(name)].lower() == name.lower() and len(text) >= len(name):
            return index, text[len(name) :]
    raise _Mismatch


def _in_range(value: int, low: int, high: int, what: str) -> int:
    if not low <= value <= high:
        raise _Mismatch(what)
    return value


def _read(element: str, text: str, parts: _Parts, following: _Piece) -> str:  # noqa: C901 - one case an element
    """Read one element into `parts` and return the rest of the text."""
    match element:
        case "06":
            year, text = _digits(text, 2)
            parts.year = year + (1900 if year >= 69 else 2000)
        case "2006":
            parts.year, text = _digits(text, 4)
        case "Jan":
            parts.month, text = _name(text, tuple(name[:3] for name in _MONTHS))
            parts.month += 1
        case "January":
            parts.month, text = _name(text, _MONTHS)
            parts.month += 1
        case "1" | "01":
            month, text = _number(text, fixed=element == "01")
            parts.month = _in_range(month, 1, 12, "month")
        case "Mon":
            _, text = _name(text, tuple(name[:3] for name in _WEEKDAYS))
        case "Monday":
            _, text = _name(text, _WEEKDAYS)
        case "2" | "02" | "_2":
            if element == "_2" and text[:1] == " ":
                text = text[1:]
            parts.day, text = _number(text, fixed=element == "02")
        case "002" | "__2":
            for _ in range(2):
                if element == "__2" and text[:1] == " ":
                    text = text[1:]
            parts.day_of_year, text = _three_digits(text, fixed=element == "002")
        case "15" | "3" | "03":
            hour, text = _number(text, fixed=element == "03")
            parts.hour = _in_range(hour, 0, 23 if element == "15" else 12, "hour")
        case "4" | "04":
            minute, text = _number(text, fixed=element == "04")
            parts.minute = _in_range(minute, 0, 59, "minute")
        case "5" | "05":
            second, text = _number(text, fixed=element == "05")
            parts.second = _in_range(second, 0, 59, "second")
            # A fraction may follow the seconds though the layout does not say so.
            if len(text) >= 2 and text[0] in ".," and text[1].isdigit():
                layout_goes_on = not following.literal and following.element[:1] in (".", ",")
                if not layout_goes_on:
                    text = _fraction(text, parts)
        case "PM" | "pm":
            half = text[:2]
            wanted = ("AM", "PM") if element == "PM" else ("am", "pm")
            if half not in wanted:
                raise _Mismatch
            parts.afternoon, parts.morning = half == wanted[1], half == wanted[0]
            text = text[2:]
        case "MST":
            text = _zone_name(text, parts)
        case _ if element[0] in "-Z":
            text = _zone_offset(element, text, parts)
        case _ if element[1] == "0":
            text = _fixed_fraction(element, text, parts)
        case _:
            if len(text) >= 2 and text[0] in ".," and text[1].isdigit():
                text = _fraction(text, parts)
    return text


def _three_digits(text: str, *, fixed: bool) -> tuple[int, str]:
    match = re.match(r"[0-9]{1,3}", text)
    if match is None or (fixed and len(match.group()) < 3):
        raise _Mismatch
    return int(match.group()), text[match.end() :]


def _fraction(text: str, parts: _Parts) -> str:
    match = re.match(r"[.,]([0-9]+)", text)
    if match is None:
        raise _Mismatch
    parts.nanosecond = int(match[1][:9].ljust(9, "0"))
    return text[match.end() :]


def _fixed_fraction(element: str, text: str, parts: _Parts) -> str:
    width = len(element)
    digits = text[1:width]
    if len(text) < width or text[0] not in ".," or not (digits.isascii() and digits.isdigit()):
        raise _Mismatch
    parts.nanosecond = int(digits[:9].ljust(9, "0"))
    return text[width:]


def _zone_offset(element: str, text: str, parts: _Parts) -> str:
    if element[0] == "Z" and text[:1] == "Z":
        return text[1:]
    sign, text = text[:1], text[1:]
    separated = ":" in element
    values = [0, 0, 0]
    count = {2: 1, 4: 2, 6: 3}[len(element[1:].replace(":", ""))]
    for index in range(count):
        if index and separated:
            if text[:1] != ":":
                raise _Mismatch
            text = text[1:]
        values[index], text = _digits(text, 2)
    _in_range(values[0], 0, 24, "time zone offset hour")
    _in_range(values[1], 0, 60, "time zone offset minute")
    _in_range(values[2], 0, 60, "time zone offset second")
    if sign not in ("+", "-"):
        raise _Mismatch
    offset = (values[0] * 60 + values[1]) * 60 + values[2]
    parts.offset = -offset if sign == "-" else offset
    return text


def _zone_name(text: str, parts: _Parts) -> str:
    if text[:3] == "UTC":
        return text[3:]
    match = re.match(r"ChST|MeST|GMT(?:[+-][0-9]{1,2})?|WITA|[+-][0-9]{2}(?![0-9])|[A-Z]{3,5}", text)
    if match is None:
        raise _Mismatch
    name = match.group()
    if name.isupper() and name.isalpha() and len(name) > 3 and name[-1] != "T" and name != "WITA":
        raise _Mismatch
    if name.startswith("GMT") and len(name) > 3:
        hours = int(name[3:])
        if -23 <= hours <= 23:
            # Go shows such a zone but does not apply it: the fields are read as UTC.
            parts.shown_offset = hours * 3600
        else:
            name = "GMT"
    return text[len(name) :]


def _instant(text: str, parts: _Parts) -> Instant:
    if parts.afternoon and parts.hour < 12:
        parts.hour += 12
    elif parts.morning and parts.hour == 12:
        parts.hour = 0
    if parts.day_of_year >= 0:
        if not 1 <= parts.day_of_year <= 365 + _is_leap(parts.year):
            raise _out_of_range(text, "day-of-year")
        _, month, day = _civil(_days(parts.year, 1, 1) + parts.day_of_year - 1)
        if parts.month >= 0 and parts.month != month:
            raise InstantError(f"parsing time {_quote(text)}: day-of-year does not match month")
        if parts.day >= 0 and parts.day != day:
            raise InstantError(f"parsing time {_quote(text)}: day-of-year does not match day")
        parts.month, parts.day = month, day
    month = max(parts.month, 1) if parts.month >= 0 else 1
    day = parts.day if parts.day >= 0 else 1
    if not 1 <= day <= _month_length(parts.year, month):
        raise _out_of_range(text, "day")
    seconds = _days(parts.year, month, day) * _DAY + (parts.hour * 60 + parts.minute) * 60 + parts.second
    return Instant(seconds - parts.offset, parts.nanosecond, parts.offset or parts.shown_offset)
