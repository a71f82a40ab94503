from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pratique.compiler.lint.base import Basis, Finding, Problem, Severity, lint
from pratique.compiler.lint.inventory import Coverage, Inventory, Use
from pratique.compiler.lint.mistakes import as_finding
from pratique.compiler.selection import Target
from pratique.grammar.errors import PolicyError
from pratique.runtime.outputs.findings import LintReport
from pratique.runtime.outputs.findings_formats import FORMATS, render
from pratique.runtime.outputs.text import Palette
from tests.conftest import Golden
from tests.support_findings import CLEAN, report
from tests.support_lint import patterns, policy_text
from tests.support_policies import read
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


def written(name: str, lint: LintReport, palette: Palette = PLAIN) -> str:
    return render(name, lint, palette)


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("lint.txt", "text"),
        ("lint.concise.txt", "concise"),
        ("lint.github.txt", "github"),
        ("lint.gitlab.json", "gitlab"),
        ("lint.json", "json"),
        ("lint.jsonl", "json-lines"),
        ("lint.junit.xml", "junit"),
        ("lint.sarif", "sarif"),
    ],
)
def test_golden(golden: Golden, name: str, format: str) -> None:
    golden(f"outputs/{name}", written(format, report()))


def test_summary_counts_mistakes_as_errors() -> None:
    assert report().summary == {Severity.ERROR: 4, Severity.WARNING: 2, Severity.INFO: 0}
    assert CLEAN.summary == dict.fromkeys(Severity, 0)


def test_carets_stand_under_the_pattern() -> None:
    lines = written("text", report()).splitlines()
    for number, line in enumerate(lines):
        if carets := re.match(r"( *\| +)(\^+)", line):
            marked = lines[number - 1][carets.start(2) : carets.end(2)]
            assert marked == marked.strip()
            assert marked[0] + marked[-1] in ('""', "11")


def test_nothing_found_is_said() -> None:
    assert written("text", CLEAN) == "no findings in 2 policies, 3 rules\n"
    assert written("concise", CLEAN) == ""
    assert written("github", CLEAN) == ""


def test_colour_changes_no_text() -> None:
    painted = written("text", report(), Palette(enabled=True))
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == written("text", report())


def test_text_cannot_drive_the_terminal() -> None:
    for name in FORMATS:
        text = written(name, hostile())
        assert all(character.isprintable() or character == "\n" for character in text)


def test_annotations_escape_what_is_special() -> None:
    lines = written("github", report()).splitlines()
    assert len(lines) == len(report().all)
    assert all(re.match(r"::(error|warning|notice) [^:]*::", line) for line in lines)
    [broken] = [line for line in lines if "broken" in line]
    assert "file=broken%2C 50%25.yaml,line=2,col=10" in broken
    assert "must be a list,%0Anot 1%0Ahelp: write a list" in broken


def test_json_has_every_part() -> None:
    data = json.loads(written("json", report()))
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
    data = json.loads(written("sarif", lint))
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


# --- for machines --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lint", [report(), CLEAN, hostile()])
def test_json_fits_the_schema(lint: LintReport) -> None:
    assert schema_errors("lint-report-v1", json.loads(written("json", lint))) == []


def test_lines_hold_the_same_as_json() -> None:
    whole = json.loads(written("json", report()))
    *lines, end = map(json.loads, written("json-lines", report()).splitlines())
    assert {line.pop("apiVersion") for line in lines} == {"pratique.dev/v1"}
    assert [line.pop("kind") for line in lines] == ["LintMistake"] * 2 + ["LintFinding"] * len(
        whole["findings"]
    )
    assert lines == whole["errors"] + whole["findings"]
    assert end == {
        "apiVersion": "pratique.dev/v1",
        "kind": "LintSummary",
        "summary": whole["summary"],
        "totals": whole["totals"],
        "fixed": 0,
    }


def test_gitlab_has_what_its_reader_demands() -> None:
    issues = json.loads(written("gitlab", report()))
    assert len(issues) == len(report().all)
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    assert [issue["severity"] for issue in issues].count("blocker") == 2


def test_fingerprints_stay_where_lines_move() -> None:
    def marks(text: str) -> list[str]:
        found = lint(read(text, "policies/a.yaml").policies)
        return [issue["fingerprint"] for issue in json.loads(written("gitlab", LintReport(findings=found)))]

    text = policy_text(patterns("ghcr.io/**", "quay.io/**", "ghcr.io/**"))
    assert len(set(marks(text))) == len(marks(text)) == 4
    assert marks(f"# moved\n\n{text}") == marks(text)
    run = only_run(LintReport(findings=lint(read(text, "policies/a.yaml").policies)))
    assert [r["partialFingerprints"]["pratiqueFinding/v1"] for r in run["results"]] == marks(text)


def test_junit_counts() -> None:
    root = ET.fromstring(written("junit", report()))
    cases = root.findall(".//testcase")
    assert root.attrib == {
        "name": "pratique lint",
        "tests": str(len(cases)),
        "failures": str(len(root.findall(".//failure"))),
        "errors": "2",
        "skipped": "0",
    }
    assert len(root.findall(".//error")) == 2
    assert [suite.get("name") for suite in root] == ["pratique lint", "broken, 50%.yaml", "policies/a b.yaml"]


def test_junit_without_findings_has_a_case_that_passes() -> None:
    root = ET.fromstring(written("junit", CLEAN))
    assert [(suite.get("tests"), suite.get("failures")) for suite in root.iter("testsuite")] == [("1", "0")]


def test_findings_of_no_weight_pass_in_junit() -> None:
    [suite] = ET.fromstring(written("junit", hostile()))
    assert (suite.get("failures"), suite.get("tests")) == ("0", "1")
    assert suite.find(".//system-out") is not None


def test_what_can_be_fixed_and_what_is() -> None:
    text = written("text", report())
    assert text.endswith("in 1 policy, 1 rule\n3 can be fixed with `--fix`\n")
    both = LintReport(findings=lint(read(policy_text(patterns("ghcr.io/acme*", "quay.io/**"))).policies))
    assert written("text", both).endswith("\n1 can be fixed with `--fix`, 1 with `--fix --unsafe-fixes`\n")
    mended = replace(CLEAN, fixed=report().findings[:2])
    assert written("text", mended) == "2 findings fixed, no findings in 2 policies, 3 rules\n"
    data = json.loads(written("json", mended))
    assert [fixed["code"] for fixed in data["fixed"]] == [found.code for found in mended.fixed]
    assert schema_errors("lint-report-v1", data) == []


def test_sarif_says_which_fixes_are_safe() -> None:
    results = only_run(report())["results"]
    assert [(r["ruleId"], r["properties"].get("safeFix")) for r in results if "fixes" in r] == [
        ("PRQ001", True),
        ("PRQ008", True),
        ("PRQ009", True),
    ]


# --- images that there are -----------------------------------------------------------------------------


def covered(*include: str) -> LintReport:
    policies = read(policy_text(patterns(*include, skip=("ghcr.io/x/*",))), "p.yaml").policies
    target = Target(group="", version="v1", kind="Pod", namespace="shop", name="p")
    uses = (
        Use(image="ghcr.io/acme/app:1", count=3),
        Use(image="docker.io/redis:7", target=target),
        Use(image="ghcr.io/x/y:1"),
    )
    return replace(CLEAN, coverage=Coverage(policies, Inventory(name="images.txt", uses=uses)))


def test_images_in_text() -> None:
    assert written("text", covered("ghcr.io/*")).startswith(
        "images.txt: 3 images: 1 verified, 1 skipped, 1 matched by no rule\n"
        "  p.yaml:16:9: `ghcr.io/*` matches 2 of 3\n"
        "  p.yaml:18:9: `ghcr.io/x/*` skips 1 of 3\n"
    )
    many = written("text", covered(*(f"r{number}.io/*" for number in range(60))))
    assert "\n  and 11 more patterns; -o json has them all\n" in many


def test_images_in_json() -> None:
    data = json.loads(written("json", covered("ghcr.io/*")))
    assert schema_errors("lint-report-v1", data) == []
    found = data["inventory"]
    assert (found["images"], found["uses"]) == (3, 5)
    assert found["cover"] == {"enforced": 1, "reported": 0, "skipped": 1, "unmatched": 1}
    assert [(p["pattern"], p["list"], p["images"], p["line"]) for p in found["patterns"]] == [
        ("ghcr.io/*", "imageReferences", 2, 16),
        ("ghcr.io/x/*", "skipImageReferences", 1, 18),
    ]
    assert [(e["policy"], e["rule"], e["images"]) for e in found["entries"]] == [("example", "verify", 1)]
    assert found["uncovered"] == [
        {"image": "docker.io/redis:7", "cover": "unmatched", "uses": 1, "namespaces": ["shop"]},
        {"image": "ghcr.io/x/y:1", "cover": "skipped", "uses": 1, "namespaces": []},
    ]
