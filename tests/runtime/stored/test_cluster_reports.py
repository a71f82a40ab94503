"""The reports of a cluster, read in one go."""

from __future__ import annotations

import asyncio

import pytest

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.kubernetes.types import CLUSTER_POLICY_REPORTS, POLICY_REPORTS, REPORTS
from pratique.runtime.stored.cluster_reports import TYPES, stored_in
from tests.support_fake_cluster import FakeCluster

ENTRY = {"policy": "p", "rule": "r", "result": "fail", "message": "no", "source": "kyverno"}


def cluster() -> FakeCluster:
    found = FakeCluster()
    scope = {"apiVersion": "v1", "kind": "Pod", "name": "cart", "namespace": "shop"}
    found.put(POLICY_REPORTS, "a", "shop", scope=scope, results=[ENTRY])
    found.put(POLICY_REPORTS, "b", "other", results=[ENTRY, ENTRY])
    found.put(CLUSTER_POLICY_REPORTS, "c", results=[ENTRY | {"result": "pass"}])
    found.put(REPORTS, "d", "shop", results=[ENTRY | {"source": "trivy"}])
    return found


def test_all_reports_whoever_wrote_them() -> None:
    read = asyncio.run(stored_in(cluster()))
    assert [verdict.origin for verdict in read.verdicts] == ["kyverno"] * 4 + ["trivy"]
    assert {v.row.result.resource.namespace for v in read.verdicts} == {"shop", "other", ""}


def test_those_of_a_namespace() -> None:
    read = asyncio.run(stored_in(cluster(), "shop"))
    assert sorted(verdict.origin for verdict in read.verdicts) == ["kyverno", "trivy"]


def test_types_that_the_cluster_does_not_have_are_passed_over() -> None:
    found = cluster()
    for type in TYPES[2:]:
        found.fail("list", type.plural, 404)
    assert len(asyncio.run(stored_in(found)).verdicts) == 4
    for type in TYPES:
        found.fail("list", type.plural, 404)
    with pytest.raises(UsageError, match="pratique crds reports"):
        asyncio.run(stored_in(found))


def test_an_outage_is_no_empty_page() -> None:
    found = cluster()
    found.fail("list", "policyreports", 503, times=9)
    with pytest.raises(TransportError):
        asyncio.run(stored_in(found))


def test_a_report_that_is_not_well_formed_is_told_and_left_out() -> None:
    found = cluster()
    found.put(POLICY_REPORTS, "bad", "shop", results=[{"policy": 7, "result": "fail"}])
    read = asyncio.run(stored_in(found))
    assert len(read.verdicts) == 5
    assert read.view.report.notices == ("PolicyReport bad is not well formed: left out",)
