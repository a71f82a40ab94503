from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pratique.compiler.expressions.values.durations import SECOND
from pratique.compiler.expressions.values.instants import RFC3339, Instant, InstantError, parse_instant
from tests.support_expressions import recorded

CASES = recorded("values.json")["times"]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['layout']!r} {case['text']!r}" for case in CASES])
def test_times_read_and_print_as_in_go(case: dict[str, Any]) -> None:
    if "printed" in case:
        assert parse_instant(case["layout"], case["text"]).rfc3339() == case["printed"]
        return
    with pytest.raises(InstantError) as caught:
        parse_instant(case["layout"], case["text"])
    assert case["error"] in (None, str(caught.value))


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14, 14))
def test_the_calendar_is_that_of_python(moment: datetime, hours: int) -> None:
    assume(2 <= moment.year < 9999)
    moment = moment.replace(microsecond=0)
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    instant = Instant(seconds, 0, hours * 3600)
    local = moment.replace(tzinfo=None) + timedelta(hours=hours)
    assert instant.rfc3339()[:19] == local.isoformat()
    assert instant.fields[6] == (local.weekday() + 1) % 7
    assert parse_instant(RFC3339, instant.rfc3339()) == instant


@given(st.integers(0, 2**40), st.integers(1, 10**15))
def test_truncation_is_a_multiple_since_the_year_one(seconds: int, nanoseconds: int) -> None:
    cut = Instant(seconds).truncated(nanoseconds)
    since_year_one = cut.nanoseconds + 62_135_596_800 * SECOND
    assert since_year_one % nanoseconds == 0
    assert 0 <= seconds * SECOND - cut.nanoseconds < nanoseconds


def test_differences_are_capped_like_go_durations() -> None:
    assert Instant(2**40).since(Instant(-(2**40))) == 2**63 - 1


def test_years_beyond_9999_print() -> None:
    assert Instant(2**38).rfc3339().startswith("10680-")


@given(
    st.text(alphabet="0123456789-:TZ+. JanuMo", max_size=30),
    st.text(alphabet="0123456789-:TZ+. JanuMo", max_size=30),
)
def test_any_text_is_read_or_refused(layout: str, text: str) -> None:
    with suppress(InstantError):
        parse_instant(layout, text).rfc3339()
