from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pratique.compiler.lint.base import Basis, Finding, Problem, Severity
from pratique.compiler.lint.mistakes import as_finding
from pratique.grammar.errors import PolicyError
from pratique.runtime.outputs import findings_json, findings_sarif
from pratique.runtime.outputs.findings import LintReport, render_concise, render_github, render_text
from pratique.runtime.outputs.text import Palette
from tests.conftest import Golden
from tests.support_findings import CLEAN, report
from tests.support_schemas import schema_errors

PLAIN = Palette(enabled=False)
HOSTILE = "\x1b[31mred\x1b[0m\u202e"


def hostile() -> LintReport:
    problem = Problem(message=HOSTILE, location=None, help=HOSTILE, label=HOSTILE)
    found = Finding(
        code="PRQ001",
        name="image-pattern-matches-nothing",
        severity=Severity.INFO,
        problem=problem,
        basis=Basis.HEURISTIC,
    )
    return LintReport(findings=(found,))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lint.txt", render_text(report(), PLAIN)),
        ("lint.concise.txt", render_concise(report(), PLAIN)),
        ("lint.github.txt", render_github(report())),
        ("lint.json", findings_json.render(report())),
        ("lint.sarif", findings_sarif.render(report())),
    ],
)
def test_golden(golden: Golden, name: str, text: str) -> None:
    golden(f"outputs/{name}", text)


def test_summary_counts_mistakes_as_errors() -> None:
    assert report().summary == {Severity.ERROR: 4, Severity.WARNING: 2, Severity.INFO: 0}
    assert CLEAN.summary == dict.fromkeys(Severity, 0)


def test_carets_stand_under_the_pattern() -> None:
    lines = render_text(report(), PLAIN).splitlines()
    for number, line in enumerate(lines):
        if carets := re.match(r"( *\| +)(\^+)", line):
            marked = lines[number - 1][carets.start(2) : carets.end(2)]
            assert marked == marked.strip()
            assert marked[0] + marked[-1] in ('""', "11")


def test_nothing_found_is_said() -> None:
    assert render_text(CLEAN, PLAIN) == "no findings in 2 policies, 3 rules\n"
    assert render_concise(CLEAN, PLAIN) == ""
    assert render_github(CLEAN) == ""


def test_colour_changes_no_text() -> None:
    painted = render_text(report(), Palette(enabled=True))
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == render_text(report(), PLAIN)


def test_text_cannot_drive_the_terminal() -> None:
    for text in (
        render_text(hostile(), PLAIN),
        render_concise(hostile(), PLAIN),
        render_github(hostile()),
        findings_json.render(hostile()),
        findings_sarif.render(hostile()),
    ):
        assert all(character.isprintable() or character == "\n" for character in text)


def test_annotations_escape_what_is_special() -> None:
    lines = render_github(report()).splitlines()
    assert len(lines) == len(report().all)
    assert all(re.match(r"::(error|warning|notice) [^:]*::", line) for line in lines)
    [broken] = [line for line in lines if "broken" in line]
    assert "file=broken%2C 50%25.yaml,line=2,col=10" in broken
    assert "must be a list,%0Anot 1%0Ahelp: write a list" in broken


def test_json_has_every_part() -> None:
    data = json.loads(findings_json.render(report()))
    assert (data["apiVersion"], data["kind"]) == ("pratique.dev/v1", "LintReport")
    assert data["summary"] == {"error": 4, "warning": 2, "info": 0}
    lost = data["findings"][0]
    assert lost["code"] == "PRQ001"
    assert lost["fix"]["edits"][0]["text"] == '"registry.k8s.io/*"'
    assert lost["fix"]["safe"] is True
    assert lost["examples"] == [{"label": "would then match", "text": "registry.k8s.io/etcd:3.5.6-0"}]
    assert [error["code"] for error in data["errors"]] == ["no-such-file", "wrong-type"]
    assert "basis" not in data["errors"][0]


def only_run(lint: LintReport) -> dict[str, Any]:
    data = json.loads(findings_sarif.render(lint))
    assert schema_errors("sarif-2.1.0", data) == []
    [run] = data["runs"]
    found: dict[str, Any] = run
    return found


@pytest.mark.parametrize("lint", [report(), CLEAN, hostile()])
def test_sarif_fits_the_schema(lint: LintReport) -> None:
    run = only_run(lint)
    assert len(run["results"]) == len(lint.findings)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_has_results_for_mistakes_that_a_rule_explains() -> None:
    mistakes = tuple(as_finding(PolicyError(code, "text")) for code in ("empty-selection", "no-such-file"))
    run = only_run(LintReport(findings=(), mistakes=mistakes))
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [("PRQ010", "error")]
    [invocation] = run["invocations"]
    assert invocation["executionSuccessful"] is False
    [notification] = invocation["toolConfigurationNotifications"]
    assert notification["descriptor"]["id"] == "no-such-file"


def test_sarif_says_that_inputs_were_broken() -> None:
    [invocation] = only_run(report())["invocations"]
    assert invocation["executionSuccessful"] is False
    levels = [notification["level"] for notification in invocation["toolConfigurationNotifications"]]
    assert levels == ["error", "error", "note"]
    assert only_run(CLEAN)["invocations"] == [{"executionSuccessful": True}]
