from __future__ import annotations

import io

import pytest

from pratique.runtime.cli.terminal import is_interactive, use_color


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colored"),
    [
        ({}, True),
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"CI": "true"}, False),
        ({"CI": ""}, True),
    ],
)
def test_automatic_colour(environment: dict[str, str], colored: bool) -> None:
    assert use_color("auto", Terminal(), environment) is colored
    assert use_color("auto", io.StringIO(), environment) is False


def test_what_was_asked_for_wins() -> None:
    assert use_color("always", io.StringIO(), {"NO_COLOR": "1", "CI": "1"}) is True
    assert use_color("never", Terminal(), {}) is False


def test_the_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert is_interactive(Terminal()) is True
    monkeypatch.setenv("CI", "1")
    assert is_interactive(Terminal()) is False
    assert use_color("auto", Terminal()) is False
