from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.decision import Status
from pratique.runtime.outputs.text import MARKS, Palette, plural, visible, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünï and 漢字", "plain text, ünï and 漢字"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
        ("", ""),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(categories=None)))
def test_visible_text_always_prints_on_one_line(text: str) -> None:
    assert visible(text).isprintable()


@given(st.text())
def test_printable_text_stays(text: str) -> None:
    assert (visible(text) == text) == text.isprintable()


def test_lines_split_at_line_feeds_only() -> None:
    assert visible_lines("a\n b\u2028c\r\nd ") == ["a", r" b\u2028c", "d"]


def test_no_colour_without_palette() -> None:
    palette = Palette()
    drawn = [palette.status(s) for s in Status] + [palette.bold("b"), palette.faint("f"), palette.met(True)]
    assert drawn == ["pass", "fail", "warn", "error", "skip", "b", "f", "✓"]


def test_colour_is_closed_again() -> None:
    palette = Palette(enabled=True)
    for status in Status:
        colored = palette.status(status)
        assert colored.startswith("\x1b[")
        assert colored.endswith(f"{status}\x1b[0m")
    assert palette.met(False) == palette.status(Status.FAIL, MARKS[Status.FAIL])


def test_every_status_has_a_mark_of_one_column() -> None:
    assert set(MARKS) == set(Status)
    assert {len(mark) for mark in MARKS.values()} == {1}


def test_plural() -> None:
    assert [plural(n, "image") for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
