"""Stored results and reports, read back: nothing is lost, and what is no report is told with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.decision import Report
from pratique.runtime.outputs.formats import FORMATS, Grouping, RenderOptions, render
from pratique.runtime.outputs.json_format import problems_document
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.scans.formats import pieces
from pratique.runtime.outputs.view import View
from pratique.runtime.stored.reading import read_stored
from tests.runtime.outputs.scans.test_formats import RESULTS, Given
from tests.support_reports import HOSTILE, hostile, mixed, story

REPRINTED = sorted(FORMATS.keys() - {"resources"})


def stored(tmp_path: Path, *texts: str) -> list[str]:
    paths = []
    for number, text in enumerate(texts):
        path = tmp_path / f"results-{number}.yaml"
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    return paths


def changed(change: Callable[[dict[str, Any]], object], report: Report | None = None) -> str:
    data = json.loads(render("json", View(report or story()), RenderOptions()))
    change(data)
    return json.dumps(data, indent=2)


def plain() -> Report:
    """Return every status; of messages that a policy replaces and of ages of roots, less is stored."""
    kept = tuple(result for result in mixed().results if result.rule != "overridden")
    return replace(mixed(), results=kept, roots=())


def widthless(text: str) -> str:
    """Return SARIF without the ends of places: stored results name their beginnings."""
    return re.sub(r',\s*"endColumn": \d+', "", text)


@pytest.mark.parametrize("format", REPRINTED)
@pytest.mark.parametrize("kept", ["json", "yaml"])
@pytest.mark.parametrize("report", [story(), plain()], ids=["story", "plain"])
def test_what_is_printed_of_stored_results_is_what_was_printed_at_first(
    report: Report, kept: str, format: str, tmp_path: Path
) -> None:
    view = View(report, audit_warn=True)
    options = RenderOptions(detailed=True, cost=True)
    read = read_stored(stored(tmp_path, render(kept, view, RenderOptions())))
    assert widthless(render(format, read.view, options)) == widthless(render(format, view, options))


@pytest.mark.parametrize("text", HOSTILE[:-1])
def test_hostile_texts_come_back_as_they_were(text: str, tmp_path: Path) -> None:
    view = View(hostile(text))
    first = render("json", view, RenderOptions())
    assert render("json", read_stored(stored(tmp_path, first)).view, RenderOptions()) == first


def test_times_come_back(tmp_path: Path) -> None:
    read = read_stored(stored(tmp_path, render("json", View(mixed()), RenderOptions(now=1_700_000_000))))
    assert {verdict.at for verdict in read.verdicts} == {1_700_000_000}
    assert read.newest == 1_700_000_000
    assert read_stored(stored(tmp_path, render("json", View(mixed()), RenderOptions()))).newest is None


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_scans_are_read_like_runs(form: str, tmp_path: Path) -> None:
    text = "".join(pieces(form, Given(RESULTS), RenderOptions(now=1_700_000_000)))
    read = read_stored(stored(tmp_path, text))
    assert [verdict.row.result.resource.name for verdict in read.verdicts] == [
        each.resource.name for each in RESULTS
    ]
    assert read.newest == 1_700_000_000
    assert (read.view.report.policies, read.view.report.resources) == (2, len(RESULTS) + 1)
    again = json.loads(render("json", read.view, RenderOptions(now=1_700_000_000)))
    once = json.loads("".join(pieces("json", Given(RESULTS), RenderOptions(now=1_700_000_000))))
    assert (again["rows"], again["results"]) == (once["rows"], once["results"])


def test_several_are_one(tmp_path: Path) -> None:
    texts = [render("json", View(report), RenderOptions()) for report in (story(), mixed())]
    read = read_stored(stored(tmp_path, *texts))
    assert len(read.verdicts) == len(story().results) + len(mixed().results)
    report = read.view.report
    assert report.verifications == story().verifications + mixed().verifications
    assert report.requests.bytes == story().requests.bytes + 1
    [root] = report.roots
    assert root.text == "root.json: file trust/root.json, newest entry of 2025-12-31"
    assert (root.version, root.checked_at) == (mixed().roots[0].version, mixed().roots[0].checked_at)


@pytest.mark.parametrize("grouping", Grouping)
@pytest.mark.parametrize("format", ["policy-report", "openreports"])
@pytest.mark.parametrize("as_json", [False, True])
def test_policy_reports(format: str, grouping: Grouping, as_json: bool, tmp_path: Path) -> None:
    options = RenderOptions(grouping=grouping, as_json=as_json, now=1_700_000_000)
    view = View(mixed())
    read = read_stored(stored(tmp_path, render(format, view, options)))
    seen = sorted(
        (v.row.result.policy, v.row.result.rule, str(v.row.result.resource), v.row.status, v.row.message)
        for v in read.verdicts
    )
    assert seen == sorted(
        (r.result.policy, r.result.rule, str(r.result.resource), r.status, r.message) for r in view.rows
    )
    assert {verdict.origin for verdict in read.verdicts} == {"pratique"}
    assert all(verdict.foreign and verdict.at == 1_700_000_000 for verdict in read.verdicts)


def test_a_report_of_kyverno(tmp_path: Path) -> None:
    text = """
apiVersion: wgpolicyk8s.io/v1alpha2
kind: PolicyReport
metadata: {name: 7f8d, namespace: shop}
scope: {apiVersion: v1, kind: Pod, name: cart, namespace: shop, uid: 7f8d}
results:
- policy: require-labels
  result: fail
  message: no
  rule: labels
  scored: true
  source: kyverno
  timestamp: {nanos: 0, seconds: 1700000001}
- {policy: other, result: skip, source: kyverno}
summary: {error: 0, fail: 1, pass: 0, skip: 1, warn: 0}
---
apiVersion: wgpolicyk8s.io/v1alpha2
kind: ClusterPolicyReport
metadata: {name: empty}
"""
    read = read_stored(stored(tmp_path, text.replace("message: no", 'message: "no"')))
    assert [(str(v.row.result.resource), v.row.result.rule, v.at, v.origin) for v in read.verdicts] == [
        ("shop/Pod/cart", "labels", 1_700_000_001, "kyverno"),
        ("shop/Pod/cart", "", None, "kyverno"),
    ]


def test_mistakes_of_a_run_are_notices(tmp_path: Path) -> None:
    data = problems_document([Problem(code="x", message="invalid policy p.yaml: no rules")])
    read = read_stored(stored(tmp_path, json.dumps(data)))
    assert read.view.report.notices == ("nothing was judged: invalid policy p.yaml: no rules",)


def test_fields_of_later_versions_are_left_aside(tmp_path: Path) -> None:
    def later(data: dict[str, Any]) -> None:
        data["later"] = data["rows"][0]["later"] = data["results"][0]["reason"]["later"] = {"x": [1]}

    assert len(read_stored(stored(tmp_path, changed(later))).verdicts) == 13


def bad_status(data: dict[str, Any]) -> None:
    data["rows"][1]["result"] = "great"


def bad_reason(data: dict[str, Any]) -> None:
    data["results"][0]["reason"]["met"] = "perhaps"


def no_rows(data: dict[str, Any]) -> None:
    del data["rows"]


def no_resource(data: dict[str, Any]) -> None:
    data["results"][0]["resources"] = []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (bad_status, "rows[1].result"),
        (bad_reason, "results[0].reason.met"),
        (no_rows, "rows"),
        (no_resource, "results[0].resources"),
    ],
)
def test_what_is_not_well_formed_is_told_with_its_place(
    change: Callable[[dict[str, Any]], None], path: str, tmp_path: Path
) -> None:
    text = changed(change)
    with pytest.raises(PolicyErrors) as caught:
        read_stored(stored(tmp_path, text))
    [error] = caught.value.errors
    assert error.code == "bad-report"
    assert f"`{path}`" in error.message
    assert error.location
    if path != "rows":
        line = text.splitlines()[error.location.span.start.line - 1]
        assert path.rpartition(".")[2].partition("[")[0] in line


def test_what_is_no_report_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors, match=r"yaml:1:1.*v1 Pod is neither a result of `pratique apply` or"):
        read_stored(stored(tmp_path, "apiVersion: v1\nkind: Pod\n"))
    with pytest.raises(PolicyErrors, match="no Kubernetes object"):
        read_stored(stored(tmp_path, "[]"))
    with pytest.raises(PolicyErrors, match="there is no file"):
        read_stored([str(tmp_path / "none.json")])
    with pytest.raises(UsageError, match="no results and no reports"):
        read_stored(stored(tmp_path, ""))


def test_places_that_are_none_are_left_out(tmp_path: Path) -> None:
    def odd(data: dict[str, Any]) -> None:
        data["rows"][0]["location"] = "somewhere"
        data["rows"][1]["location"] = "a:b:99999999999999999999:1"

    first, second, *_ = read_stored(stored(tmp_path, changed(odd))).verdicts
    assert first.row.result.location is None
    assert str(second.row.result.location) == "a:b:999999999:1"
