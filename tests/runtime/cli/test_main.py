"""`main` as a whole: exit codes, what goes to which stream, and what is imported when."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from pratique.grammar import __version__
from pratique.grammar.errors import (
    EvaluationError,
    NotFoundError,
    PolicyError,
    PolicyErrors,
    TransportError,
    UsageError,
    VerificationError,
)
from pratique.grammar.source import Location, Source, Span
from pratique.runtime.cli import apply, main
from pratique.runtime.decision import Report
from tests.conftest import ROOT
from tests.support_reports import mixed, story

ARGUMENTS = ["apply", "policy.yaml", "-r", "pod.yaml"]
PRATIQUE = [sys.executable, "-c", "import sys; from pratique.runtime.cli import main; sys.exit(main())"]
HEAVY = (
    "pydantic",
    "sigstore",
    "networkx",
    "lark",
    "cryptography",
    "rich",
    "aiohttp",
    "asyncio",
    "yaml",
    "shtab",
    "dataclasses",
)


def raising(error: BaseException) -> Callable[..., Report]:
    def evaluate(*_: Any) -> Report:
        raise error

    return evaluate


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["apply", "--help"], ["verify", "-h"]])
def test_version_and_help_import_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from pratique.runtime.cli import main; code = main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    loaded = set(done.stderr.split())
    assert "pratique.runtime.cli.parser" in loaded
    assert not loaded & set(HEAVY)


def test_version_loads_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"pratique {__version__}\n"
    code = "import sys; from pratique.runtime.cli import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "pratique.runtime.cli.apply" not in done.stdout.split()


def test_a_command_loads_no_other_command() -> None:
    code = (
        "import sys; from pratique.runtime.cli import main; main(['verify', '--help']);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "pratique.runtime.cli.verify" in done.stderr.split()
    assert "pratique.runtime.cli.apply" not in done.stderr.split()


PLACE = Location(Source("p.yaml", "spec:\n  rules: 3\x1b[2J\n"), Span.at(2, 10, 1))


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("wrong words"), 2, "pratique: wrong words\n"),
        (PolicyError("c", "m"), 2, "error[c]: m\n"),
        (
            PolicyErrors([PolicyError("wrong-type", "rules is no list", PLACE)]),
            2,
            "p.yaml:2:10: error[wrong-type]",
        ),
        (TransportError("registry-tls", "host: bad"), 3, "pratique: error[registry-tls]: host: bad\n"),
        (NotFoundError("image-not-found", "gone"), 3, "pratique: error[image-not-found]: gone\n"),
        (EvaluationError("e", "m"), 1, "pratique: error[e]: m\n"),
        (VerificationError("v", "m"), 1, "pratique: error[v]: m\n"),
        (KeyError("boom"), 70, "pratique: internal error "),
        (KeyboardInterrupt(), 130, "pratique: interrupted\n"),
        (RecursionError("deep"), 70, "RecursionError: deep"),
    ],
)
def test_exit_codes_of_errors(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(apply, "evaluate", raising(error))
    assert main(ARGUMENTS) == code
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert "Traceback" not in err


def test_an_excerpt_shows_the_place_of_a_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mistakes = [PolicyError("a", "first", PLACE, help="a list"), PolicyError("b", "second")]
    monkeypatch.setattr(apply, "evaluate", raising(PolicyErrors(mistakes)))
    assert main(ARGUMENTS) == 2
    assert capsys.readouterr().err.splitlines() == [
        "p.yaml:2:10: error[a]: first",
        "2 |   rules: 3·[2J",
        "  |          ^",
        "  help: a list",
        "",
        "error[b]: second",
        "",
        "2 mistakes",
    ]


def test_verbose_shows_the_trace_with_its_causes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def evaluate(*_: Any) -> Report:
        try:
            raise ConnectionResetError("peer \x1b[31mred")
        except OSError as error:
            raise TransportError("registry-unreachable", "host: reset") from error

    monkeypatch.setattr(apply, "evaluate", evaluate)
    assert main(["-v", *ARGUMENTS]) == 3
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert r"ConnectionResetError: peer \x1b[31mred" in err
    assert "\x1b" not in err


def test_c21_a_crash_has_a_number_that_names_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def number() -> str:
        assert main(ARGUMENTS) == 70
        return capsys.readouterr().err.split("internal error ")[1].split(":")[0]

    monkeypatch.setattr(apply, "evaluate", raising(ValueError("one")))
    first, again = number(), number()
    assert first == again
    assert len(first) == 8
    monkeypatch.setattr(apply, "evaluate", raising(TypeError("one")))
    assert number() != first


def test_an_error_cannot_drive_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error in (UsageError, ValueError, lambda t: TransportError("c", t), lambda t: PolicyError("c", t)):
        monkeypatch.setattr(apply, "evaluate", raising(error("\x1b[2J\u202e")))
        main(ARGUMENTS)
        assert all(line.isprintable() for line in capsys.readouterr().err.split("\n"))


def test_the_report_goes_to_standard_output_and_notes_to_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(apply, "evaluate", lambda *_: mixed())
    assert main([*ARGUMENTS, "-o", "json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["kind"] == "ApplyReport"
    assert err == "note: policies/other.yaml:1:1: ConfigMap is not a policy: ignored\n"
    assert main([*ARGUMENTS, "-q"]) == 1
    assert capsys.readouterr().err == ""


def test_a_terminal_that_cannot_show_a_character_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(apply, "evaluate", lambda *_: story())
    assert main([*ARGUMENTS, "--detailed"]) == 1
    stream.flush()
    assert rb"\u2713" in stream.buffer.getvalue()


def start(code: str) -> subprocess.Popen[str]:
    """Start Python with the project's root as its first place of modules, and ordinary buffers."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def test_a_reader_that_goes_away_is_no_crash() -> None:
    code = (
        "import sys; from pratique.runtime.cli import apply, main;"
        "from tests.support_reports import story;"
        "from dataclasses import replace; report = story();"
        "apply.evaluate = lambda *_: replace(report, results=report.results * 200);"
        "sys.exit(main(['apply', 'p', '-r', 'r', '-o', 'json']))"
    )
    with start(code) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 141


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupt_ends_the_run_quietly() -> None:
    # Shells have what they start in the background ignore interrupts, and children inherit that.
    code = (
        "import signal, sys, time; from pratique.runtime.cli import apply, main;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "apply.evaluate = lambda *_: print('ready', flush=True) or time.sleep(60);"
        "sys.exit(main(['apply', 'p', '-r', 'r']))"
    )
    with start(code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, "pratique: interrupted\n")


def test_the_process_ends_with_the_code_of_main() -> None:
    arguments = [*PRATIQUE, "no-such-command"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pratique: there is no command 'no-such-command'")
