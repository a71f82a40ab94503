"""Roles of whoever sends a request: reviews do not carry them, bindings in the cluster say them.

References: Kyverno 1.19 `pkg/userinfo/roleRef.go`: roles are `namespace:name`, cluster roles names.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from pratique.compiler.selection import Requester
from pratique.grammar.errors import TransportError
from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS

_ACCOUNT: Final = "system:serviceaccount:"

Grant = tuple[str, str]
"""`Role` or `ClusterRole`, and its name as policies write it."""


class ClusterRoles:
    """Knows the bindings of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._bindings = Mirror(cluster, ROLE_BINDINGS, self._changed)
        self._cluster_bindings = Mirror(cluster, CLUSTER_ROLE_BINDINGS, self._changed)
        self._grants: dict[str, set[Grant]] | None = None
        self.synced = asyncio.Event()
        """Set once all bindings are known."""

    async def run(self) -> None:
        """Keep up to date until cancelled."""
        await asyncio.gather(self._bindings.run(), self._cluster_bindings.run(), self._wait())

    async def _wait(self) -> None:
        await self._bindings.synced.wait()
        await self._cluster_bindings.synced.wait()
        self.synced.set()

    async def of(self, requester: Requester) -> Requester:
        """Return a requester with the roles that the cluster grants.

        Raises:
            TransportError: the bindings are not known yet.
        """
        if not self.synced.is_set():
            raise TransportError("cluster-unavailable", "the role bindings of the cluster are not known yet")
        if self._grants is None:
            self._grants = _grants(
                [*self._bindings.objects.values(), *self._cluster_bindings.objects.values()]
            )
        names = (f"User {requester.username}", *(f"Group {group}" for group in requester.groups))
        found = {grant for name in names for grant in self._grants.get(name, ())}
        return replace(
            requester,
            roles=tuple(sorted(name for kind, name in found if kind == "Role")),
            cluster_roles=tuple(sorted(name for kind, name in found if kind == "ClusterRole")),
        )

    async def _changed(self) -> None:
        self._grants = None


def _grants(bindings: Iterable[Object]) -> dict[str, set[Grant]]:
    """Return what each user and group is granted."""
    found: defaultdict[str, set[Grant]] = defaultdict(set)
    for binding in bindings:
        namespace = (binding.get("metadata") or {}).get("namespace", "")
        role = binding.get("roleRef") or {}
        name = str(role.get("name", ""))
        grant = ("Role", f"{namespace}:{name}") if role.get("kind") == "Role" else ("ClusterRole", name)
        for subject in _subjects(binding, namespace):
            found[subject].add(grant)
    return dict(found)


def _subjects(binding: Object, namespace: str) -> Iterator[str]:
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name", "")
        if kind == "ServiceAccount":
            yield f"User {_ACCOUNT}{subject.get('namespace') or namespace}:{name}"
        elif kind in ("User", "Group"):
            yield f"{kind} {name}"
