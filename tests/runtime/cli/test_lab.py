"""`pratique lab`, through its own parser and as a process that is told to stop."""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.cli import lab
from pratique.runtime.cli.parser import Parser
from pratique.runtime.lab.faults import Fault

EXAMPLE = files("pratique.runtime.lab").joinpath("example.yaml").read_text(encoding="utf-8")


def pratique_lab(*argv: str | Path) -> int:
    parser = Parser(prog="pratique lab")
    lab.configure(parser)
    return lab.run(parser.parse_args([str(argument) for argument in argv]))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "lab.yaml"
    path.write_text(EXAMPLE)
    return path


def test_init_prints_a_recipe_that_builds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pratique_lab("init") == 0
    (tmp_path / "lab.yaml").write_text(capsys.readouterr().out)
    assert pratique_lab("build", tmp_path / "lab.yaml", "-o", tmp_path / "lab") == 0
    assert (tmp_path / "lab" / "layout" / "index.json").is_file()


def test_build_says_what_it_made(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pratique_lab("build", recipe, "-o", tmp_path / "my lab") == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0].startswith("lab.test/app:v1       sha256:")
    assert lines[0].endswith("  release")
    assert any(line.endswith("  release (tampered-set)") for line in lines)
    assert any(line.endswith("  not signed") for line in lines)
    assert f"--trusted-root '{tmp_path}/my lab/trust/trusted_root.json'" in lines[-1]
    assert "--identity release@acme.example --issuer https://accounts.google.com" in lines[-1]


def test_build_replaces_only_when_told(recipe: Path, tmp_path: Path) -> None:
    assert pratique_lab("build", recipe, "-o", tmp_path / "lab") == 0
    with pytest.raises(UsageError, match="--force"):
        pratique_lab("build", recipe, "-o", tmp_path / "lab")
    assert pratique_lab("build", recipe, "-o", tmp_path / "lab", "--force") == 0


def test_mistakes_come_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("images:\n  - image: nginx\n")
    with pytest.raises(PolicyErrors, match=r"bad\.yaml:2:12: error\[bad-value\]"):
        pratique_lab("build", tmp_path / "bad.yaml", "-o", tmp_path / "lab")
    assert not (tmp_path / "lab").exists()


def test_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors, match="there is no file"):
        pratique_lab("build", tmp_path / "none.yaml", "-o", tmp_path / "lab")
    with pytest.raises(UsageError, match="is not one recipe but 0 files"):
        pratique_lab("build", tmp_path, "-o", tmp_path / "lab")


def test_faults_lists_every_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert pratique_lab("faults") == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert listed == list(Fault)


@pytest.mark.parametrize("argv", [[], ["make"], ["build"], ["build", "x"], ["serve", "x", "--port", "65536"]])
def test_wrong_arguments(argv: list[str]) -> None:
    with pytest.raises(UsageError, match="see `pratique lab"):
        pratique_lab(*argv)


def test_help_of_each_action(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("build", "serve", "init", "faults"):
        with pytest.raises(SystemExit) as stop:
            pratique_lab(action, "--help")
        assert stop.value.code == 0
        assert capsys.readouterr().out.startswith(f"usage: pratique lab {action}")


def test_a_plain_parser_works_too() -> None:
    parser = argparse.ArgumentParser()
    lab.configure(parser)
    assert parser.parse_args(["serve", "x", "--port", "80"]).port == 80


def test_serving_a_folder_that_is_no_lab(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no lab"):
        pratique_lab("serve", tmp_path)


SERVE = """
import sys
from pratique.runtime.cli import lab
from pratique.runtime.cli.parser import Parser
parser = Parser(prog="pratique lab")
lab.configure(parser)
sys.exit(lab.run(parser.parse_args(["serve", *sys.argv[1:]])))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("flags", [[], ["--no-referrers"], ["--untyped-referrers"]])
def test_serve_until_told_to_stop(
    how: signal.Signals, flags: list[str], recipe: Path, tmp_path: Path
) -> None:
    what = tmp_path / "lab" if flags else recipe
    if flags:
        pratique_lab("build", recipe, "-o", what)
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, what, *flags],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout
    try:
        lines: list[str] = []
        while not lines or not lines[-1].startswith("  cosign verify"):
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        address = next(line for line in lines if line.startswith("serving on http://"))
        host = address.split("//")[1].strip()
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", "/v2/lab.test/app/manifests/v1")
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        connection.close()
        assert f"--mirror=lab.test=http://{host}/lab.test " in lines[-2]
        assert lines[-1].rstrip().endswith(f"{host}/lab.test/app:v1")
        process.send_signal(how)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert [p.name for p in tmp_path.glob("pratique-lab-*")] == []


def test_port_in_use(recipe: Path, tmp_path: Path) -> None:
    import socket

    pratique_lab("build", recipe, "-o", tmp_path / "lab")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-c", SERVE, tmp_path / "lab", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"UsageError: cannot serve on port {port}" in done.stderr


def test_importing_the_command_is_cheap() -> None:
    heavy = "cryptography pydantic aiohttp yaml sigstore"
    code = (
        "import sys; import pratique.runtime.cli.lab;"
        f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
