from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from pratique.runtime.decision import Report, ResourceId
from pratique.runtime.outputs import report_groups
from pratique.runtime.outputs.formats import Grouping, RenderOptions
from pratique.runtime.outputs.policy_report import reports
from pratique.runtime.outputs.report_groups import groups
from pratique.runtime.outputs.view import View
from tests.support_reports import mixed, resource, result, signed, story


def names(report: Report, grouping: Grouping) -> list[tuple[str, str, int]]:
    return [(g.namespace, g.name, len(g.rows)) for g in groups(View(report), grouping)]


def objects(report: Report, **options: Any) -> list[dict[str, Any]]:
    return reports(View(report), RenderOptions(**options))


def test_a_report_per_policy_has_all_its_results() -> None:
    assert names(story(), Grouping.POLICY) == [("kube-system", "pol-check-images", 13)]


def test_cluster_policies_have_a_report_in_every_namespace_and_one_outside() -> None:
    places = [resource("a", namespace="one"), resource("b", namespace="two"), resource("c", namespace="")]
    report = Report(results=tuple(result((signed(),), policy="p", of=of) for of in places))
    assert names(report, Grouping.POLICY) == [("one", "cpol-p", 1), ("two", "cpol-p", 1), ("", "cpol-p", 1)]


def test_a_report_per_resource_has_its_uid_as_name_and_it_as_scope_and_owner() -> None:
    pod = resource("etcd", uid="0c2b0f0e-7f4e-4a86-8f5e-2f4f4a1c7d11")
    [only] = objects(Report(results=(result((signed(),), of=pod),)), grouping=Grouping.RESOURCE)
    assert only["metadata"]["name"] == pod.uid
    assert only["scope"]["uid"] == pod.uid
    assert only["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Pod", "name": "etcd", "uid": pod.uid}
    ]
    assert "resources" not in only["results"][0]


def test_resources_without_uid_get_a_stable_name_and_no_owner() -> None:
    first = objects(story(), grouping=Grouping.RESOURCE)
    assert first == objects(story(), grouping=Grouping.RESOURCE)
    assert len({report["metadata"]["name"] for report in first}) == 13
    assert all(uuid.UUID(report["metadata"]["name"]) for report in first)
    assert all("ownerReferences" not in report["metadata"] for report in first)


def test_the_kind_alone_tells_two_resources_apart() -> None:
    places = [resource("x", kind="Pod"), resource("x", kind="Deployment")]
    report = Report(results=tuple(result((signed(),), of=of) for of in places))
    assert len(names(report, Grouping.RESOURCE)) == 2


def test_long_reports_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_groups, "MAX_RESULTS", 5)
    assert names(story(), Grouping.POLICY) == [
        ("kube-system", "pol-check-images", 5),
        ("kube-system", "pol-check-images-1", 5),
        ("kube-system", "pol-check-images-2", 3),
    ]


def test_each_report_counts_its_own_results() -> None:
    for report in objects(mixed()):
        assert sum(report["summary"].values()) == len(report["results"])
    total = [
        sum(r["summary"][s] for r in objects(mixed())) for s in ("pass", "fail", "warn", "error", "skip")
    ]
    assert total == [1, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("severity", "kept"), [("high", "high"), ("HIGH", None), ("enormous", None), ("", None)]
)
def test_only_severities_that_the_definition_allows(severity: str, kept: str | None) -> None:
    [report] = objects(Report(results=(result((signed(),), severity=severity),)))
    assert report["results"][0].get("severity") == kept


def test_optional_fields_are_absent_rather_than_empty() -> None:
    [report] = objects(Report(results=(result((signed(),)),)))
    assert list(report["results"][0]) == [
        "source",
        "policy",
        "rule",
        "resources",
        "result",
        "message",
        "scored",
    ]


def test_nothing_judged_gives_no_report() -> None:
    assert objects(Report(results=())) == []


def test_the_name_does_not_depend_on_where_the_resource_was_declared() -> None:
    pod = resource("etcd")
    moved: ResourceId = replace(pod, location=None)
    report = Report(results=(result((signed(),), of=pod), result((signed(),), rule="other", of=moved)))
    assert len(names(report, Grouping.RESOURCE)) == 1
