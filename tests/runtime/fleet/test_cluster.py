from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from pratique.compiler.plan import Plan
from pratique.grammar.errors import TransportError
from pratique.runtime.fleet.cluster import ClusterInventory
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import NAMESPACES, PODS, ResourceType
from tests.runtime.fleet.test_classes import SELECTING, SIGNED
from tests.support_fake_cluster import FakeCluster
from tests.support_fleet import policies

DEPLOYMENTS = ResourceType(group="apps", version="v1", plural="deployments", kind="Deployment")
NODES = ResourceType(version="v1", plural="nodes", kind="Node", namespaced=False)


def served(*types: ResourceType) -> list[dict[str, Any]]:
    return [
        {"name": t.plural, "kind": t.kind, "namespaced": t.namespaced, "verbs": ["list", "watch"]}
        for t in types
    ]


def group(name: str) -> dict[str, Any]:
    return {"name": name, "versions": [{"groupVersion": f"{name}/v1"}]}


def cluster() -> FakeCluster:
    fake = FakeCluster()
    fake.documents = {
        "/api": {"versions": ["v1"]},
        "/apis": {
            "groups": [
                {"name": name, "versions": [{"groupVersion": f"{name}/v1"}]}
                for name in ("apps", "down.example")
            ]
        },
        "/api/v1": {"groupVersion": "v1", "resources": served(PODS, NODES, NAMESPACES)},
        "/apis/apps/v1": {"groupVersion": "apps/v1", "resources": served(DEPLOYMENTS)},
    }
    fake.put(NAMESPACES, "kube-system", metadata={"uid": "the-cluster"})
    for name in ("web", "web-a", "other"):
        fake.put(NAMESPACES, name, metadata={"labels": {"env": name}})
        for number in range(3):
            fake.put(PODS, f"p{number}", name, metadata={"managedFields": [{"manager": "x"}]}, spec={})
    fake.put(DEPLOYMENTS, "d", "web", spec={})
    fake.put(NODES, "n")
    return fake


Opened = Callable[..., ClusterInventory]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Return what opens inventories of a fake cluster, which are closed at the end."""
    with ExitStack() as stack:

        def open_(fake: FakeCluster, *texts: str) -> ClusterInventory:
            settings = ClusterSettings(server="http://fake")
            found = ClusterInventory(settings, Plan(policies(*texts)), open_cluster=lambda _: fake)
            return stack.enter_context(closing(found))

        yield open_


def test_only_what_policies_speak_about_is_listed_page_by_page(opened: Opened) -> None:
    fake = cluster()
    inventory = opened(fake, SIGNED)
    found = [(item.data["kind"], item.place[1]) for item in inventory.items()]
    pods = [("Pod", f"{ns}/p{n}") for ns in ("other", "web", "web-a") for n in range(3)]
    assert [each for each in found if each[0] == "Pod"] == pods
    assert {kind for kind, _ in found} == {
        "Pod",
        "Deployment",
    }  # what autogen makes of the rule is asked, too
    assert fake.calls["list pods"] == 5
    assert not fake.calls["list nodes"] + fake.calls["list namespaces"]
    assert (inventory.position.done, inventory.position.total) == (10, 10)


def test_a_cluster_is_known_by_the_uid_of_its_first_namespace(opened: Opened) -> None:
    assert opened(cluster(), SIGNED).identity.id == "the-cluster"
    fake = cluster()
    fake.drop(NAMESPACES, "kube-system")
    assert opened(fake, SIGNED).identity.id == "http://fake"


def test_groups_that_do_not_answer_are_told(opened: Opened) -> None:
    assert opened(cluster(), SIGNED).notices == (
        "the API group down.example does not answer: objects of its types are not looked at",
    )


def test_objects_come_with_their_namespace_where_rules_look_at_it(opened: Opened) -> None:
    first = next(opened(cluster(), SELECTING).items())
    assert first.namespace is not None
    assert first.namespace["metadata"]["labels"] == {"env": first.data["metadata"]["namespace"]}
    assert "managedFields" not in first.data["metadata"]
    assert next(opened(cluster(), SIGNED).items()).namespace is None


def test_an_outage_is_no_empty_cluster(opened: Opened) -> None:
    fake = cluster()
    inventory = opened(fake, SIGNED)
    fake.fail("list", "pods", 503)
    with pytest.raises(TransportError):
        list(inventory.items())
    fake.documents.clear()
    with pytest.raises(TransportError):
        opened(fake, SIGNED)
