from __future__ import annotations

import json

import pytest
import yaml

from pratique.runtime.decision import Report
from pratique.runtime.outputs import openreports, policy_report
from pratique.runtime.outputs.formats import Grouping, RenderOptions
from pratique.runtime.outputs.view import View
from tests.conftest import Golden
from tests.support_reports import mixed, story
from tests.support_schemas import schema_errors

MODULES = {"policy-report-v1alpha2": policy_report, "openreports-v1alpha1": openreports}


def test_golden(golden: Golden) -> None:
    golden("outputs/story.policy-report.yaml", policy_report.render(View(story()), RenderOptions()))


def test_golden_per_resource_with_times(golden: Golden) -> None:
    options = RenderOptions(grouping=Grouping.RESOURCE, now=1700000000, as_json=True)
    golden("outputs/mixed.policy-report.json", policy_report.render(View(mixed()), options))


def test_golden_openreports(golden: Golden) -> None:
    golden("outputs/mixed.openreports.yaml", openreports.render(View(mixed()), RenderOptions()))


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("grouping", Grouping)
@pytest.mark.parametrize("now", [None, 1700000000])
@pytest.mark.parametrize("report", [mixed(), story()])
def test_reports_fit_the_definitions(name: str, grouping: Grouping, now: int | None, report: Report) -> None:
    text = MODULES[name].render(View(report), RenderOptions(grouping=grouping, now=now))
    documents = list(yaml.safe_load_all(text))
    assert documents
    assert [error for document in documents for error in schema_errors(name, document)] == []


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_json_is_one_list_of_the_same_objects(module: object) -> None:
    assert module in (policy_report, openreports)
    render = policy_report.render if module is policy_report else openreports.render
    data = json.loads(render(View(mixed()), RenderOptions(as_json=True)))
    assert (data["apiVersion"], data["kind"]) == ("v1", "List")
    assert data["items"] == list(yaml.safe_load_all(render(View(mixed()), RenderOptions())))


def test_kinds_follow_the_scope() -> None:
    kinds = {
        (r["kind"], "namespace" in r["metadata"])
        for r in policy_report.reports(View(mixed()), RenderOptions())
    }
    assert kinds == {("PolicyReport", True), ("ClusterPolicyReport", False)}
    kinds = {
        (r["kind"], "namespace" in r["metadata"]) for r in openreports.reports(View(mixed()), RenderOptions())
    }
    assert kinds == {("Report", True), ("ClusterReport", False)}


def test_openreports_name_their_source_at_the_top() -> None:
    assert {r["source"] for r in openreports.reports(View(mixed()), RenderOptions())} == {"pratique"}
    assert all("source" not in r for r in policy_report.reports(View(mixed()), RenderOptions()))
