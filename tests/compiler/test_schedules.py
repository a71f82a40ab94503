"""Schedules: what cron takes, and what it does not."""

import pytest

from pratique.compiler.schedules import is_schedule


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "*/5 0-3,22 1 jan-MAR sun",
        "0 0 ? * 1-5/2",
        "  59  23  31  12  6  ",
        "@daily",
        "@every 1h30m",
        "CRON_TZ=Asia/Tokyo 0 6 * * *",
        "10/15 * * * *",
    ],
)
def test_schedules(text: str) -> None:
    assert is_schedule(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 7",
        "5-1 * * * *",
        "*/0 * * * *",
        "*/x * * * *",
        "a * * * *",
        "-1 * * * *",
        "1- * * * *",
        "1/2/3 * * * *",
        "@noon",
        "@every",
        "@every soon",
        "TZ=UTC",
        "9999999999999999999999 * * * *",
        "jan * * * *",
        ", * * * *",
    ],
)
def test_texts_that_are_none(text: str) -> None:
    assert not is_schedule(text)
