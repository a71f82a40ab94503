from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest

from pratique.runtime.cli.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def a_person_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def shown(stream: io.StringIO, *, quiet: bool = False, patience_s: float = 0.0, what: str = "pod") -> str:
    with ProgressBar(quiet=quiet, stream=stream, patience_s=patience_s) as bar:
        for done in range(1, 4):
            bar(done, 3, what)
    return stream.getvalue()


def test_a_terminal_sees_how_far_it_is_and_nothing_is_left_behind() -> None:
    text = shown(Terminal(), what="kube-system/Pod/etcd")
    assert "3/3" in text
    assert "kube-system/Pod/etcd" in text
    assert text.endswith("\x1b[2K")


def test_how_much_there_is_may_be_unknown() -> None:
    stream = Terminal()
    with ProgressBar(quiet=False, stream=stream, patience_s=0.0) as bar:
        bar(2, 0, "pod")
        bar(3, 9, "pod")
    assert "2/?" in stream.getvalue()
    assert "3/9" in stream.getvalue()


def test_nobody_else_sees_anything() -> None:
    assert shown(io.StringIO()) == ""
    assert shown(Terminal(), quiet=True) == ""


def test_short_work_shows_nothing() -> None:
    assert shown(Terminal(), patience_s=60.0) == ""


def test_a_ci_job_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert shown(Terminal()) == ""


def test_names_neither_drive_the_terminal_nor_are_markup() -> None:
    text = shown(Terminal(), what="[red]x\x1b]0;owned\x07")
    assert r"[red]x\x1b]0;owned\x07" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    assert "\x07" not in text


def test_the_library_is_not_imported_for_nobody() -> None:
    code = (
        "import sys; from pratique.runtime.cli.progress import ProgressBar\n"
        "with ProgressBar(quiet=False) as bar: bar(1, 2, 'x')\n"
        "print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n"
