"""Timestamps and durations.

References: cel-go 0.30 `common/types/timestamp.go`, `duration.go`, `overflow.go`; Go 1.26 `time`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pratique.compiler.cel.errors import CelError
from pratique.compiler.expressions.values.durations import SECOND, parse_duration
from pratique.compiler.expressions.values.instants import RFC3339, Instant, InstantError, parse_instant
from pratique.compiler.expressions.values.numbers import INT_MAX, INT_MIN, print_positional

MIN_SECONDS: Final = -62_135_596_800
"""0001-01-01T00:00:00Z"""
MAX_SECONDS: Final = 253_402_300_799
"""9999-12-31T23:59:59Z"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in nanoseconds, at most 64 bits of them."""

    nanoseconds: int

    def __str__(self) -> str:
        """Return the seconds with an `s`: `90s`, `0.5s`."""
        return f"{print_positional(self.seconds)}s"

    @property
    def seconds(self) -> float:
        """Return Go's `Duration.Seconds`."""
        whole, rest = divmod(abs(self.nanoseconds), SECOND)
        seconds = whole + rest / SECOND
        return -seconds if self.nanoseconds < 0 else seconds

    def whole(self, unit: int) -> int:
        """Return how many `unit` nanoseconds fit into the span, cut off towards zero."""
        count = abs(self.nanoseconds) // unit
        return -count if self.nanoseconds < 0 else count


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A point in time; equal ones are equal whatever zone they were written in."""

    instant: Instant

    @property
    def nanoseconds(self) -> int:
        """Return the nanoseconds since 1970."""
        return self.instant.nanoseconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and self.nanoseconds == other.nanoseconds

    def __hash__(self) -> int:
        return hash(self.nanoseconds)

    def __str__(self) -> str:
        """Return the text in RFC 3339, with as many decimal places as there are."""
        text = self.instant.rfc3339()
        if not self.instant.nanosecond:
            return text
        fraction = f"{self.instant.nanosecond:09d}".rstrip("0")
        end = text.index("T") + 9
        return f"{text[:end]}.{fraction}{text[end:]}"


def duration_of(nanoseconds: int) -> Duration:
    """Return the duration of a computation.

    Raises:
        CelError: it overflows.
    """
    if INT_MIN <= nanoseconds <= INT_MAX:
        return Duration(nanoseconds)
    raise CelError("duration overflow")


def timestamp_of(instant: Instant) -> Timestamp:
    """Return the timestamp of a computation.

    Raises:
        CelError: it is before the year 1 or behind the year 9999.
    """
    if MIN_SECONDS <= instant.seconds <= MAX_SECONDS:
        return Timestamp(instant)
    raise CelError("timestamp overflow")


def read_duration(text: str) -> Duration | None:
    """Return the duration of a text such as `1h30m`, or None."""
    nanoseconds = parse_duration(text)
    return None if nanoseconds is None else Duration(nanoseconds)


def read_timestamp(text: str) -> Timestamp | None:
    """Return the timestamp of a text in RFC 3339, or None.

    Raises:
        CelError: it is out of range.
    """
    try:
        instant = parse_instant(RFC3339, text)
    except InstantError:
        return None
    return timestamp_of(instant)


# --- parts of timestamps -------------------------------------------------------------------------------

_OFFSET = re.compile(r"([+-]?[0-9]{1,9}):([+-]?[0-9]{1,9})")


def in_zone(timestamp: Timestamp, zone: str) -> Instant:
    """Return the point in time as it is shown in a zone: `-08:00`, `America/Los_Angeles`, or empty for UTC.

    Raises:
        CelError: there is no such zone.
    """
    instant = timestamp.instant
    if ":" not in zone:
        return Instant(instant.seconds, instant.nanosecond, _named_offset(instant, zone))
    match = _OFFSET.fullmatch(zone)
    if match is None:
        hours = zone.partition(":")[0]
        part = zone.partition(":")[2] if re.fullmatch(r"[+-]?[0-9]+", hours) else hours
        raise CelError(f'strconv.Atoi: parsing "{part}": invalid syntax')
    hours_count, minutes = int(match[1]), int(match[2])
    if not 0 <= minutes <= 59:
        raise CelError(f"timezone offset minutes out of range [0, 59]: {zone}")
    offset = hours_count * 60 + (-minutes if zone.startswith("-") else minutes)
    return Instant(instant.seconds, instant.nanosecond, offset * 60)


def _named_offset(instant: Instant, zone: str) -> int:
    if zone in ("", "UTC"):
        return 0
    from zoneinfo import ZoneInfo

    try:
        if zone.startswith("/") or ".." in zone or "\\" in zone:
            raise ValueError(zone)
        named = ZoneInfo(zone)
    except (ValueError, OSError, KeyError) as error:
        raise CelError(f"unknown time zone {zone}") from error
    # Years at the edges of the calendar would overflow in local time; their offsets do not change.
    seconds = min(max(instant.seconds, MIN_SECONDS + 2 * _DAY), MAX_SECONDS - 2 * _DAY)
    offset = (_EPOCH + timedelta(seconds=seconds)).astimezone(named).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


_DAYS_BEFORE: Final = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def day_of_year(instant: Instant) -> int:
    """Return the days since the first of January of the year that is shown."""
    year, month, day, *_ = instant.fields
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return _DAYS_BEFORE[month - 1] + day - 1 + (is_leap and month > 2)
