"""Schedules in the form of cron, as far as whether they are well-formed.

References: robfig/cron v3 `ParseStandard`, which Kyverno 1.19 asks: five fields, names of months and days,
`@` words, `@every` with a duration, and a time zone in front.
"""

from __future__ import annotations

import re
from typing import Final

from pratique.compiler.expressions.values.durations import parse_duration

_WORDS: Final = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: Final[tuple[tuple[int, int, dict[str, int]], ...]] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    (0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
"""Least and largest number of minute, hour, day, month and weekday, and the names of numbers."""
_ZONE: Final = re.compile(r"(?:TZ|CRON_TZ)=\S+\s+")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")


def is_schedule(text: str) -> bool:
    """Say whether a text is a schedule."""
    text = _ZONE.sub("", text, count=1) if _ZONE.match(text) else text
    if text.startswith("@"):
        every, duration = text[:7], text[7:]
        return text in _WORDS or (every == "@every " and parse_duration(duration) is not None)
    fields = text.split()
    return len(fields) == len(_FIELDS) and all(map(_is_field, fields, _FIELDS))


def _is_field(text: str, bounds: tuple[int, int, dict[str, int]]) -> bool:
    return all(_is_range(part, *bounds) for part in text.split(",") if part) and text.strip(",") != ""


def _is_range(text: str, least: int, largest: int, names: dict[str, int]) -> bool:
    """Say whether a text is `*`, `?`, a number, or a range, with a step or without."""
    span, slash, step = text.partition("/")
    if slash and (not _NUMBER.fullmatch(step) or int(step) == 0):
        return False
    if span in ("*", "?"):
        return True
    start, dash, end = span.partition("-")
    numbers = [_number(start, names), _number(end, names) if dash else _number(start, names)]
    first, last = numbers
    return first is not None and last is not None and least <= first <= last <= largest


def _number(text: str, names: dict[str, int]) -> int | None:
    found = names.get(text.lower())
    if found is not None:
        return found
    return int(text) if _NUMBER.fullmatch(text) else None
