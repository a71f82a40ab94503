from __future__ import annotations

from xml.etree import ElementTree as ET

from pratique.runtime.decision import Report, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.junit import render, render_problems
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.view import View
from tests.conftest import Golden
from tests.support_reports import mixed, story

TAGS = {Status.PASS: None, Status.FAIL: "failure", Status.ERROR: "error", Status.SKIP: "skipped"}


def root(report: Report, now: int | None = None) -> ET.Element:
    return ET.fromstring(render(View(report), RenderOptions(now=now)))


def test_golden(golden: Golden) -> None:
    golden("outputs/mixed.junit.xml", render(View(mixed()), RenderOptions(now=1700000000)))


def test_a_suite_per_policy_and_a_case_per_row() -> None:
    tree = root(mixed())
    assert [suite.get("name") for suite in tree] == [
        "kube-system/check-images",
        "audited",
        "unscored",
        "unreachable",
        "skipping",
    ]
    cases = tree.findall("./testsuite/testcase")
    assert len(cases) == len(mixed().results)
    for case, row in zip(cases, View(mixed()).rows, strict=True):
        expected = {"system-out"} if row.status is Status.WARN else {TAGS[row.status]} - {None}
        assert {child.tag for child in case} == expected


def test_numbers_agree_with_the_cases() -> None:
    for report in (mixed(), story()):
        tree = root(report)
        for element in (tree, *tree):
            found = {
                tag: len(element.findall(f".//{tag}")) for tag in ("testcase", "failure", "error", "skipped")
            }
            given = [int(element.get(name, "-1")) for name in ("tests", "failures", "errors", "skipped")]
            assert given == list(found.values())


def test_a_failure_carries_its_code_message_and_tree() -> None:
    failure = root(story()).find(".//failure")
    assert failure is not None
    assert failure.get("type") == "identity-mismatch"
    assert "subject mismatch" in failure.get("message", "")
    assert "received: someone@example.com" in (failure.text or "")


def test_times_only_with_a_clock() -> None:
    assert all("timestamp" not in suite.attrib for suite in root(mixed()))
    assert {suite.get("timestamp") for suite in root(mixed(), now=0)} == {"1970-01-01T00:00:00"}


def test_problems_are_cases_in_error() -> None:
    problems = [
        Problem(
            code="bad-regexp", message="invalid policy p: no", file="p.yaml", line=3, column=7, help="anchor"
        ),
        Problem(code="no-such-file", message="x.yaml: no such file"),
    ]
    tree = ET.fromstring(render_problems(problems))
    assert (tree.get("tests"), tree.get("errors")) == ("2", "2")
    assert [case.get("name") for case in tree.iter("testcase")] == ["p.yaml:3:7", "inputs"]
    assert [(e.get("type"), e.get("message")) for e in tree.iter("error")] == [
        ("bad-regexp", "invalid policy p: no"),
        ("no-such-file", "x.yaml: no such file"),
    ]
