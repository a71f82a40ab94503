"""Namespaces: from a copy that is kept up to date, and from the cluster where the copy has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import NAMESPACES
from pratique.runtime.resource import labels_of


class ClusterNamespaces:
    """Knows the namespaces of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.relabelled: Callable[[str], None] | None = None
        """Called with each namespace whose labels changed."""
        self._cluster = cluster
        self.mirror = Mirror(cluster, NAMESPACES, seen=self._seen)

    async def find(self, name: str) -> Mapping[str, Any]:
        """Return a namespace; one that the copy does not have yet is asked for (K11).

        Raises:
            TransportError: the cluster could not be asked, or has no such namespace.
        """
        found = self.mirror.objects.get(("", name))
        if found is None:
            found = await self._cluster.get(NAMESPACES, name)
        return {"apiVersion": NAMESPACES.api_version, "kind": NAMESPACES.kind, **found}

    def _seen(self, key: tuple[str, str], before: Object | None, after: Object | None) -> None:
        if self.relabelled and before and after and labels_of(before) != labels_of(after):
            self.relabelled(key[1])
