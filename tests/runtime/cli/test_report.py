"""`pratique report`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pratique.runtime.cli import main
from pratique.runtime.outputs.formats import RenderOptions, render
from pratique.runtime.outputs.view import View
from tests.support_browser import parsed
from tests.support_policies import cluster_policy
from tests.support_reports import story


@pytest.fixture
def results(tmp_path: Path) -> str:
    path = tmp_path / "results.json"
    path.write_text(render("json", View(story()), RenderOptions()))
    return str(path)


def test_a_page_in_a_file(results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    assert main(["report", results, "--html", str(page)]) == 0
    assert capsys.readouterr().out == ""
    assert "Verdicts of pratique" in page.read_text()


def test_a_page_and_other_formats(results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    assert main(["report", results, "--html", str(page), "-o", "table"]) == 0
    assert "pass: 12, fail: 1, warn: 0, error: 0, skip: 0" in capsys.readouterr().out
    assert page.is_file()


def test_the_page_on_standard_output(results: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", results, "--html", "-"]) == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")


def test_from_standard_input(
    results: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(results).open("rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read())))
    assert main(["report", "-", "-o", "json"]) == 0
    assert capsys.readouterr().out == Path(results).read_text()


def test_policies_are_drawn(results: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(cluster_policy(metadata={"name": "silent"}))
    assert main(["report", results, "--policies", str(policy), "--html", "-"]) == 0
    elements = parsed(capsys.readouterr().out)
    assert any("box" in e.classes for e in elements)
    data = json.loads(next(e.text for e in elements if e.attributes.get("id") == "state"))
    assert [each["name"] for each in data["policies"]] == ["kube-system/check-images", "silent"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give either results or a cluster"),
        (["RESULTS", "--cluster"], "give either results or a cluster"),
        (["RESULTS", "-n", "shop"], "--namespace is about the reports of a cluster"),
        (["-", "--policies", "-"], "standard input can hold"),
        (["RESULTS", "-o", "resources"], "'resources' is not one of"),
        (["RESULTS", "--html", "-", "-o", "table"], "two outputs for standard output"),
        (["RESULTS", "--html", "/nowhere/x.html"], "cannot write"),
        (["nothing.json"], "there is no file nothing.json"),
    ],
)
def test_what_cannot_be_done(
    arguments: list[str], complaint: str, results: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", *(results if each == "RESULTS" else each for each in arguments)]) == 2
    assert complaint in capsys.readouterr().err
