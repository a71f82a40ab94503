"""Functions on points in time, texts in RFC 3339, and durations.

References: Kyverno 1.19 `pkg/engine/jmespath/time.go`.
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.expressions.errors import shorten
from pratique.compiler.expressions.jmespath.functions.signature import STRING, Function, failure, function
from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.values.durations import parse_duration, print_duration
from pratique.compiler.expressions.values.instants import RFC3339, Instant, InstantError, parse_instant
from pratique.compiler.expressions.values.numbers import parse_int
from pratique.grammar.errors import EvaluationError


def _now(run: Run, name: str) -> Instant:
    clock = run.environment.now
    if clock is None:
        raise EvaluationError("no-clock", f"JMESPath function '{name}': there is no clock")
    return clock()


def _instant(text: str, layout: str = RFC3339) -> Instant:
    try:
        return parse_instant(layout, text)
    except InstantError as error:
        raise EvaluationError("invalid-argument", str(error)) from error


def _duration(text: str) -> int:
    nanoseconds = parse_duration(text)
    if nanoseconds is None:
        raise EvaluationError("invalid-argument", f'time: invalid duration "{shorten(text)}"')
    return nanoseconds


def _time_since(run: Run, layout: str, start: str, end: str) -> str:
    layout = layout or RFC3339
    first = _instant(start, layout)
    last = _instant(end, layout) if end else _now(run, "time_since")
    return print_duration(last.since(first))


def _time_now(run: Run) -> str:
    return _now(run, "time_now").rfc3339()


def _time_now_utc(run: Run) -> str:
    return _now(run, "time_now_utc").in_utc().rfc3339()


def _time_add(run: Run, text: str, duration: str) -> str:
    return _instant(text).plus(_duration(duration)).rfc3339()


def _time_parse(run: Run, layout: str, text: str) -> str:
    if parse_int(layout) is None:
        return _instant(text, layout).rfc3339()
    seconds = parse_int(text)
    if seconds is None:
        shown = shorten(text)
        raise EvaluationError("invalid-argument", f'strconv.ParseInt: parsing "{shown}": invalid syntax')
    if abs(seconds) > 2**55:
        raise failure("time_parse", "the time is out of range")
    return Instant(seconds).rfc3339()


def _time_to_cron(run: Run, text: str) -> str:
    _, month, day, hour, minute, _, weekday = _instant(text).fields
    return f"{minute} {hour} {day} {month} {weekday}"


def _time_utc(run: Run, text: str) -> str:
    return _instant(text).in_utc().rfc3339()


def _time_diff(run: Run, start: str, end: str) -> str:
    first, last = _instant(start), _instant(end)
    return print_duration(last.since(first))


def _time_before(run: Run, left: str, right: str) -> bool:
    return _instant(left).nanoseconds < _instant(right).nanoseconds


def _time_after(run: Run, left: str, right: str) -> bool:
    return _instant(left).nanoseconds > _instant(right).nanoseconds


def _time_between(run: Run, text: str, start: str, end: str) -> bool:
    instant, first, last = _instant(text), _instant(start), _instant(end)
    return first.nanoseconds < instant.nanoseconds < last.nanoseconds


def _time_truncate(run: Run, text: str, duration: str) -> str:
    return _instant(text).truncated(_duration(duration)).rfc3339()


FUNCTIONS: Final[tuple[Function, ...]] = (
    function("time_since", (STRING, STRING, STRING), "string", _time_since),
    function("time_now", (), "string", _time_now),
    function("time_now_utc", (), "string", _time_now_utc),
    function("time_add", (STRING, STRING), "string", _time_add),
    function("time_parse", (STRING, STRING), "string", _time_parse),
    function("time_to_cron", (STRING,), "string", _time_to_cron),
    function("time_utc", (STRING,), "string", _time_utc),
    function("time_diff", (STRING, STRING), "string", _time_diff),
    function("time_before", (STRING, STRING), "bool", _time_before),
    function("time_after", (STRING, STRING), "bool", _time_after),
    function("time_between", (STRING, STRING, STRING), "bool", _time_between),
    function("time_truncate", (STRING, STRING), "string", _time_truncate),
)
