"""Types that a cluster serves, in the form of new servers and of old ones."""

import asyncio
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.runtime.kubernetes.client import ClusterError
from pratique.runtime.kubernetes.discovery import Discovery, Served, discover
from tests.support_discovery import DISCOVERY, served
from tests.support_fake_cluster import FakeCluster

VERBS = ["create", "list", "watch"]


def group(name: str, *versions: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "versions": list(versions)}


def version(name: str, plural: str, kind: str, *subresources: str, **more: Any) -> dict[str, Any]:
    resource = {
        "resource": plural,
        "responseKind": {"group": "", "version": name, "kind": kind},
        "scope": "Namespaced",
        "verbs": VERBS,
        "subresources": [{"subresource": s} for s in subresources],
    }
    return {"version": name, "resources": [resource], **more}


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIGroupDiscoveryList", "items": list(items)}


def found(documents: dict[str, Any]) -> Discovery:
    cluster = FakeCluster()
    cluster.documents = documents
    return asyncio.run(discover(cluster))


def test_new_servers_say_it_at_once() -> None:
    result = found(
        {
            "/api": listed(group("", version("v1", "pods", "Pod", "ephemeralcontainers"))),
            "/apis": listed(
                group(
                    "batch", version("v1", "cronjobs", "CronJob"), version("v1beta1", "cronjobs", "CronJob")
                ),
                group("x.io", version("v1", "xs", "X", freshness="Stale")),
            ),
        }
    )
    pods, new, old, _ = result.served
    assert pods == Served(
        type=served("", "v1", "pods", "Pod").type,
        verbs=frozenset(VERBS),
        subresources=frozenset({"ephemeralcontainers"}),
    )
    assert (new.preferred, old.preferred) == (True, False)
    assert pods.can_be_watched
    assert result.unavailable == {"x.io"}


def resources(name: str, *listed: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIResourceList", "groupVersion": name, "resources": list(listed)}


def test_old_servers_are_asked_group_by_group() -> None:
    pods = {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": VERBS}
    groups = [
        {
            "name": "apps",
            "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
            "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
        },
        {"name": "down.io", "versions": [{"groupVersion": "down.io/v1", "version": "v1"}]},
    ]
    result = found(
        {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "groups": groups},
            "/api/v1": resources("v1", pods, {"name": "pods/status", "kind": "Pod"}),
            "/apis/apps/v1": resources(
                "apps/v1", {"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": ["get"]}
            ),
        }
    )
    first, second = result.served
    assert (first.type.api_version, first.preferred) == ("v1", True)
    assert first.subresources == {"status"}
    assert (second.type.path("n"), second.can_be_watched) == ("/apis/apps/v1/namespaces/n/deployments", False)
    assert result.unavailable == {"down.io"}


def test_a_cluster_that_is_down_is_an_error() -> None:
    with pytest.raises(ClusterError):
        found({})


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (ir.KindSelector(kind="Pod"), {"v1/Pod"}),
        (ir.KindSelector(kind="CronJob"), {"batch/v1/CronJob"}),
        (ir.KindSelector(kind="CronJob", version="v1beta1"), {"batch/v1beta1/CronJob"}),
        (
            ir.KindSelector(group="apps", kind="*Set"),
            {f"apps/v1/{k}Set" for k in ("Daemon", "Replica", "Stateful")},
        ),
        (ir.KindSelector(kind="Rollout"), set()),
    ],
)
def test_selectors_name_types(selector: ir.KindSelector, expected: set[str]) -> None:
    assert {f"{s.type.api_version}/{s.type.kind}" for s in DISCOVERY.selected(selector)} == expected
