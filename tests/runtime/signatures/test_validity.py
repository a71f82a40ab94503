from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pratique.runtime.signatures.validity import ALWAYS, LATEST_MOMENT, Window, moment, rfc3339

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("window", "before", "after"),
    [
        (ALWAYS, False, False),
        (Window(NOON, NOON), False, False),
        (Window(NOON - SECOND, NOON + SECOND), False, False),
        (Window(NOON + SECOND, None), False, True),
        (Window(None, NOON - SECOND), True, False),
    ],
)
def test_both_ends_belong_to_a_window(window: Window, before: bool, after: bool) -> None:
    assert window.is_before(NOON) is before
    assert window.is_after(NOON) is after
    assert window.contains(NOON) is not (before or after)


def test_moments_are_bounded() -> None:
    assert moment(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert moment(LATEST_MOMENT) == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    for outside in (-1, LATEST_MOMENT + 1, 1 << 70):
        with pytest.raises(ValueError, match="out of range"):
            moment(outside)


def test_moments_are_written_in_utc() -> None:
    assert rfc3339(NOON.astimezone(timezone(timedelta(hours=2)))) == "2024-03-01T12:00:00Z"
    assert rfc3339(NOON + timedelta(microseconds=999_999)) == "2024-03-01T12:00:00Z"
