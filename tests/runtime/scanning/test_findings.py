"""Results become reports."""

import pytest

from pratique.runtime.outputs.formats import Grouping
from pratique.runtime.scanning import findings as module
from pratique.runtime.scanning.findings import OPEN_REPORT, PolicyId, ReportForm, ReportKey
from tests.support_scan import BY_POLICY, BY_RESOURCE, findings, key, resource, result, take
from tests.support_schemas import schema_errors

OF_A = ReportKey("ns", "uid-a")
P = PolicyId("p", "ClusterPolicy")


def test_a_report_for_each_resource_as_kyverno_writes_it() -> None:
    found, touched = findings()
    take(found, result("fail", "why", category="c", severity="high"), result(policy="ns/q", rule="s"), now=7)
    assert touched.taken() == {OF_A}
    [document] = found.documents(OF_A)
    assert schema_errors("policy-report-v1alpha2", document) == []
    assert document["metadata"] == {
        "name": "uid-a",
        "namespace": "ns",
        "labels": {"app.kubernetes.io/managed-by": "pratique"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "uid-a"}],
    }
    assert document["scope"]["name"] == "a"
    assert [(r["policy"], r["result"]) for r in document["results"]] == [("ns/q", "pass"), ("p", "fail")]
    assert document["results"][1] == {
        "source": "pratique",
        "policy": "p",
        "rule": "r",
        "result": "fail",
        "message": "why",
        "scored": True,
        "timestamp": {"seconds": 7, "nanos": 0},
        "category": "c",
        "severity": "high",
        "properties": {"process": "background scan"},
    }
    assert document["summary"] == {"pass": 1, "fail": 1, "warn": 0, "error": 0, "skip": 0}


def test_how_many_resources_have_which_result() -> None:
    found, _ = findings()
    for name in ("a", "b"):
        take(found, result("fail", name=name), result(name=name, policy="ns/q", rule="s"), name=name)
    assert found.tally == {("p", "r", "fail"): 2, ("ns/q", "s", "pass"): 2}
    take(found, result(name="b"), result(name="b", policy="ns/q", rule="s"), name="b")
    assert found.tally == {("p", "r", "fail"): 1, ("p", "r", "pass"): 1, ("ns/q", "s", "pass"): 2}
    found.drop(key("a"))
    assert found.tally == {("p", "r", "pass"): 1, ("ns/q", "s", "pass"): 1}
    found.drop_policy(PolicyId("ns/q", "Policy"))
    assert found.tally == {("p", "r", "pass"): 1}
    take(found, name="b")
    assert not found.tally


def test_a_report_for_each_policy_as_the_article_shows_it() -> None:
    found, touched = findings(BY_POLICY)
    for name in ("b", "a"):
        take(found, result(name=name), result(name=name, policy="ns/q"), name=name)
    assert touched.taken() == set(found.reports()) == {ReportKey("ns", "cpol-p"), ReportKey("ns", "pol-q")}
    [document] = found.documents(ReportKey("ns", "pol-q"), {"kind": "Policy", "name": "q", "uid": "u"})
    assert document["metadata"]["ownerReferences"] == [{"kind": "Policy", "name": "q", "uid": "u"}]
    assert "scope" not in document
    assert [r["resources"][0]["name"] for r in document["results"]] == ["a", "b"]
    assert {r["policy"] for r in document["results"]} == {"ns/q"}


def test_cluster_wide_resources_and_open_reports() -> None:
    form = ReportForm(namespaced=OPEN_REPORT[0], cluster=OPEN_REPORT[1], prefix="pratique-")
    found, _ = findings(form)
    found.take(key("a", ""), resource("a", ""), None, [result(namespace="")], 1)
    [report] = found.reports()
    [document] = found.documents(report)
    assert (document["apiVersion"], document["kind"]) == ("openreports.io/v1alpha1", "ClusterReport")
    assert (document["metadata"]["name"], document["source"]) == ("pratique-uid-a", "pratique")
    assert schema_errors("openreports-v1alpha1", document) == []


def test_what_is_as_before_touches_nothing_and_keeps_its_time() -> None:
    found, touched = findings()
    assert len(take(found, result("fail"), now=1)) == 1
    touched.clear()
    assert take(found, result("fail"), now=9) == []
    assert touched.taken() == set()
    assert found.documents(OF_A)[0]["results"][0]["timestamp"]["seconds"] == 1
    assert len(take(found, result("pass"), now=10)) == 1
    assert found.documents(OF_A)[0]["results"][0]["timestamp"]["seconds"] == 10
    assert take(found, result("pass", "other words"), now=11) == []  # told once


def test_policies_that_were_not_asked_keep_their_results() -> None:
    found, _ = findings()
    take(found, result(), result(policy="q"))
    take(found, result("fail"), judged={P})
    [document] = found.documents(OF_A)
    assert [(r["policy"], r["result"]) for r in document["results"]] == [("p", "fail"), ("q", "pass")]
    take(found, judged={P})
    assert [r["policy"] for r in found.documents(OF_A)[0]["results"]] == ["q"]
    take(found)
    assert found.documents(OF_A) == []
    assert not found.has(OF_A)


@pytest.mark.parametrize("form", [BY_RESOURCE, BY_POLICY], ids=["resource", "policy"])
def test_what_is_no_more_leaves_no_result(form: ReportForm) -> None:
    found, touched = findings(form)
    for name in ("a", "b"):
        take(found, result(name=name), result(name=name, policy="q"), name=name)
    touched.clear()
    found.drop_policy(PolicyId("q", "ClusterPolicy"))
    texts = [str(d) for report in found.reports() for d in found.documents(report)]
    assert texts
    assert not any("'policy': 'q'" in text for text in texts)
    found.drop(key("a"))
    assert not any("'name': 'a'" in str(d) for r in found.reports() for d in found.documents(r))
    found.drop(key("b"))
    found.drop(key("b"))
    assert list(found.reports()) == []
    by_policy = {ReportKey("ns", "cpol-p"), ReportKey("ns", "cpol-q")}
    expected = by_policy if form.grouping is Grouping.POLICY else {OF_A, ReportKey("ns", "uid-b")}
    assert touched.taken() == expected


def test_policies_of_one_name_and_several_kinds_are_several() -> None:
    found, _ = findings(BY_POLICY)
    in_cel = {"kind": "ValidatingPolicy", "rule": ""}
    take(found, result("fail"), result(**in_cel), result(policy="ns/p"))
    assert {report.name for report in found.reports()} == {"cpol-p", "vpol-p", "pol-p"}
    found.drop_policy(P)
    assert {report.name for report in found.reports()} == {"vpol-p", "pol-p"}
    take(found, result("fail", **in_cel), judged={PolicyId("p", "ValidatingPolicy")})
    [document] = found.documents(ReportKey("ns", "vpol-p"))
    assert [each["result"] for each in document["results"]] == ["fail"]


def test_another_object_of_the_same_name_has_another_report() -> None:
    found, touched = findings()
    take(found, result())
    touched.clear()
    take(found, result(), uid="uid-new")
    assert touched.taken() == {OF_A, ReportKey("ns", "uid-new")}
    assert found.documents(OF_A) == []


def test_f27_reports_are_cut_to_what_fits_into_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = findings(BY_POLICY)
    for number in range(25):
        take(found, result(name=f"r{number:02}"), name=f"r{number:02}")
    report = ReportKey("ns", "cpol-p")
    monkeypatch.setattr(module, "MAX_RESULTS", 10)
    assert [d["metadata"]["name"] for d in found.documents(report)] == ["cpol-p", "cpol-p-1", "cpol-p-2"]
    assert [len(d["results"]) for d in found.documents(report)] == [10, 10, 5]
    monkeypatch.setattr(module, "MAX_BYTES", 1_000)
    assert sum(len(d["results"]) for d in found.documents(report)) == 25
    assert len(found.documents(report)) > 5


def test_unscored_failures_are_warnings_and_messages_can_be_replaced() -> None:
    found, _ = findings()
    take(found, result("fail", scored=False, properties=(("failMessage", "told"), ("team", "x"))))
    [entry] = found.documents(OF_A)[0]["results"]
    assert (entry["result"], entry["message"]) == ("warn", "told")
    assert entry["properties"]["team"] == "x"
