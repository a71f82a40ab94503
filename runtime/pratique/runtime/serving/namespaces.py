"""Labels of namespaces: from a copy that is kept up to date, and from the cluster where the copy has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import NAMESPACES


class ClusterNamespaces:
    """Knows the namespaces of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.relabelled: Callable[[str], None] | None = None
        """Called with each namespace whose labels changed."""
        self._cluster = cluster
        self.mirror = Mirror(cluster, NAMESPACES, seen=self._seen, trim=_labelled)

    async def labels(self, name: str) -> Mapping[str, str]:
        """Return the labels of a namespace; one that the copy does not have yet is asked for (K11).

        Raises:
            TransportError: the cluster could not be asked, or has no such namespace.
        """
        found = self.mirror.objects.get(("", name))
        if found is None:
            found = await self._cluster.get(NAMESPACES, name)
        return _labels(found)

    def _seen(self, key: tuple[str, str], before: Object | None, after: Object | None) -> None:
        if self.relabelled and before and after and _labels(before) != _labels(after):
            self.relabelled(key[1])


def _labelled(item: Object) -> Object:
    """Keep of a namespace what is asked for."""
    metadata = item.get("metadata") or {}
    kept = {k: metadata[k] for k in ("name", "labels", "resourceVersion", "uid") if k in metadata}
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": kept}


def _labels(item: Object) -> dict[str, str]:
    found: Any = (item.get("metadata") or {}).get("labels")
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
