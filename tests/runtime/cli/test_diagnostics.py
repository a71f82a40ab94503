from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from pratique.runtime.cli.diagnostics import set_up_logging


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("pratique")
    before = (root.handlers[:], root.level, own.level)
    yield
    root.handlers[:], level, own_level = before
    root.setLevel(level)
    own.setLevel(own_level)


def messages(capsys: pytest.CaptureFixture[str], *, verbose: bool, quiet: bool) -> list[str]:
    set_up_logging(verbose=verbose, quiet=quiet)
    for name in ("pratique.runtime.x", "library"):
        for level in (logging.DEBUG, logging.WARNING, logging.ERROR):
            logging.getLogger(name).log(level, "%s", logging.getLevelName(level).lower())
    return [line.split(": ", 1)[0] for line in capsys.readouterr().err.splitlines()]


OWN, OTHER = "pratique.runtime.x", "library"


def test_what_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    both = [f"WARNING {OWN}", f"ERROR {OWN}", f"WARNING {OTHER}", f"ERROR {OTHER}"]
    assert messages(capsys, verbose=False, quiet=False) == both
    assert messages(capsys, verbose=True, quiet=False) == [f"DEBUG {OWN}", *both]
    assert messages(capsys, verbose=False, quiet=True) == [f"ERROR {OWN}", f"ERROR {OTHER}"]


def test_records_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(verbose=False, quiet=False)
    logging.getLogger("library").warning("body: %s", "\x1b[2J\nWARNING pratique: all is well")
    assert capsys.readouterr().err.splitlines() == [
        r"WARNING library: body: \x1b[2J",
        "    WARNING pratique: all is well",
    ]
