"""Roles out of bindings, and rules that ask for them."""

import asyncio
from typing import Any

import pytest

from pratique.compiler.selection import Requester
from pratique.grammar.errors import TransportError
from pratique.runtime.kubernetes.types import CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS
from pratique.runtime.serving.roles import ClusterRoles
from tests.support_admission import judge, world
from tests.support_fake_cluster import FakeCluster, running
from tests.support_serve import until


def subject(kind: str, name: str, **more: str) -> dict[str, str]:
    return {"kind": kind, "name": name, **more}


def bound(cluster: FakeCluster) -> None:
    editor = {"kind": "Role", "name": "editor"}
    cluster.put(ROLE_BINDINGS, "a", "ns", roleRef=editor, subjects=[subject("User", "ann")])
    view = {"kind": "ClusterRole", "name": "view"}
    robot = subject("ServiceAccount", "robot")
    cluster.put(ROLE_BINDINGS, "b", "ns", roleRef=view, subjects=[robot, subject("Group", "devs")])
    admin = {"kind": "ClusterRole", "name": "cluster-admin"}
    cluster.put(CLUSTER_ROLE_BINDINGS, "c", roleRef=admin, subjects=[subject("Group", "system:masters")])
    cluster.put(CLUSTER_ROLE_BINDINGS, "empty", roleRef=admin)


@pytest.mark.parametrize(
    ("requester", "roles", "cluster_roles"),
    [
        (Requester(username="ann"), ("ns:editor",), ()),
        (Requester(username="system:serviceaccount:ns:robot"), (), ("view",)),
        (Requester(username="system:serviceaccount:other:robot"), (), ()),
        (
            Requester(username="ann", groups=("devs", "system:masters")),
            ("ns:editor",),
            ("cluster-admin", "view"),
        ),
        (Requester(username="devs"), (), ()),
    ],
)
def test_bindings_grant_roles(
    requester: Requester, roles: tuple[str, ...], cluster_roles: tuple[str, ...]
) -> None:
    async def run() -> Requester:
        cluster = FakeCluster()
        bound(cluster)
        known = ClusterRoles(cluster)
        with pytest.raises(TransportError, match="not known yet"):
            await known.of(requester)
        async with running(known.run()):
            await until(known.synced.is_set)
            return await known.of(requester)

    found = asyncio.run(run())
    assert (found.roles, found.cluster_roles) == (roles, cluster_roles)


def test_a_binding_that_goes_takes_its_role_away() -> None:
    async def run() -> None:
        cluster = FakeCluster()
        bound(cluster)
        known, ann = ClusterRoles(cluster), Requester(username="ann")
        async with running(known.run()):
            await until(known.synced.is_set)
            assert (await known.of(ann)).roles == ("ns:editor",)
            cluster.drop(ROLE_BINDINGS, "a", "ns")

            async def gone() -> bool:
                return not (await known.of(ann)).roles

            await until(gone)

    asyncio.run(run())


class Known:
    async def of(self, requester: Requester) -> Requester:
        return Requester(
            username=requester.username, cluster_roles=("admin",) if requester.username == "ann" else ()
        )


@pytest.mark.parametrize(("name", "allowed"), [("ann", False), ("bob", True)])
def test_rules_that_match_roles_are_judged_by_them(name: str, allowed: bool) -> None:
    match: dict[str, Any] = {"any": [{"resources": {"kinds": ["Pod"]}, "clusterRoles": ["admin"]}]}
    given = world(signed=False, match=match, spec={"background": False})
    verdict = judge(given, roles=Known(), userInfo={"username": name})
    assert verdict.allowed is allowed
