"""`pratique test` at the command line: what is printed, exit codes, formats."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from pratique.runtime.cli import main
from pratique.runtime.cli.parser import command_parser
from tests.support_suites import row, write_suite


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def good(folder: str = "good") -> None:
    write_suite(Path(folder), [row("pass")])


def bad(folder: str = "bad") -> None:
    write_suite(Path(folder), [row("fail"), row("pass")])


def test_a_table_and_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    good()
    assert main(["test", "."]) == 0
    assert capsys.readouterr().out == (
        "Loading test suite ( good/kyverno-test.yaml ) ...\n"
        "  Applying 1 policy to 1 resource ...\n"
        "\n"
        "│────│────────│──────│────────────────────│────────│────────│\n"
        "│ ID │ POLICY │ RULE │ RESOURCE           │ RESULT │ REASON │\n"
        "│────│────────│──────│────────────────────│────────│────────│\n"
        "│ 1  │ p      │ rule │ v1/Pod/default/web │ Pass   │ Ok     │\n"
        "│────│────────│──────│────────────────────│────────│────────│\n"
        "\n"
        "\n"
        "Test Summary: 1 tests passed and 0 tests failed\n"
        "\n"
    )


def test_failures(capsys: pytest.CaptureFixture[str]) -> None:
    good()
    bad()
    assert main(["test"]) == 1
    assert "Test Summary: 2 tests passed and 1 tests failed" in capsys.readouterr().out
    assert main(["test", "--fail-only", "--detailed-results", "--jobs", "1"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("Aggregated Failed Test Cases : \n")
    assert "Want fail, got pass │ validation rule 'rule' passed. │" in out
    assert out.count("Want") == 1
    assert "Test Summary: 1 out of 3 tests failed" in out


def test_a_suite_that_cannot_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    good()
    Path("good/kyverno-test.yaml").write_text("kind: Test\n", "utf-8")
    assert main(["test", "good"]) == 1
    out = capsys.readouterr().out
    assert "cannot be run:" in out
    assert "needs a field `apiVersion`" in out
    assert "Test Summary: 0 tests passed and 1 tests failed" in out


def test_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test"]) == 0
    assert "no kyverno-test.yaml was found" in capsys.readouterr().err
    assert main(["test", "--require-tests"]) == 1
    good()
    assert main(["test", "--require-tests"]) == 0
    assert main(["test", "--require-tests", "-t", "policy=nothing"]) == 1
    assert main(["test", "gone"]) == 2
    assert main(["test", "-t", "kind=Pod"]) == 2


def test_other_names_of_files() -> None:
    good()
    Path("good/kyverno-test.yaml").rename("good/mine.yaml")
    assert main(["test", "--require-tests"]) == 1
    assert main(["test", "--require-tests", "-f", "mine.yaml"]) == 0
    assert main(["test", "--require-tests", "good/mine.yaml"]) == 0


def test_formats(capsys: pytest.CaptureFixture[str]) -> None:
    bad()
    assert main(["test", "-o", "json"]) == 1
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert captured.err.strip() == "Test Summary: 1 tests passed and 1 tests failed"
    assert rows[0] == {
        "ID": 1,
        "POLICY": "p",
        "RULE": "rule",
        "RESOURCE": "v1/Pod/default/web",
        "RESULT": "Fail",
        "REASON": "Want fail, got pass",
        "FILE": "bad/kyverno-test.yaml",
    }
    assert main(["test", "-o", "yaml"]) == 1
    assert yaml.safe_load(capsys.readouterr().out) == rows
    assert main(["test", "-o", "json", "--fail-only", "--detailed-results"]) == 1
    (only,) = json.loads(capsys.readouterr().out)
    assert only["Message"] == "validation rule 'rule' passed."
    assert main(["test", "-o", "markdown"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| ID | POLICY | RULE | RESOURCE | RESULT | REASON |"
    assert lines[2] == "| 1 | p | rule | v1/Pod/default/web | Fail | Want fail, got pass |"


def test_junit(capsys: pytest.CaptureFixture[str]) -> None:
    bad()
    write_suite(Path("broken"), [row("pass")], policies=["kind: \x01"])
    assert main(["test", "-o", "junit"]) == 1
    root = ElementTree.fromstring(capsys.readouterr().out)
    assert (root.get("tests"), root.get("failures")) == ("3", "2")
    assert [suite.get("name") for suite in root] == ["bad/kyverno-test.yaml", "broken/kyverno-test.yaml"]
    failure = root[0][0][0]
    assert (failure.tag, failure.get("message")) == ("failure", "Want fail, got pass")
    assert len(root[0][1]) == 0


def test_terminals_are_not_driven_by_what_suites_say(capsys: pytest.CaptureFixture[str]) -> None:
    write_suite(Path("x"), [row("pass", policy="\x1b[31mp")])
    main(["test"])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\\x1b[31mp" in out


def test_flags_of_kyverno_that_cannot_be_followed_say_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", ".", "--git-branch", "main"]) == 2
    assert "clone the repository first" in capsys.readouterr().err


def test_every_flag_of_kyverno_test_is_known() -> None:
    flags = {
        *("--file-name", "-f", "--git-branch", "-b", "--test-case-selector", "-t", "--output-format", "-o"),
        *("--registry", "--fail-only", "--remove-color", "--detailed-results", "--require-tests"),
    }
    assert flags <= set(command_parser("test")._option_string_actions)
