"""Reads the policy reports of a cluster, whoever wrote them."""

from __future__ import annotations

import asyncio
from typing import Final

from pydantic import ValidationError

from pratique.grammar.errors import UsageError
from pratique.runtime.decision import Report
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.settings import find_cluster
from pratique.runtime.kubernetes.types import (
    CLUSTER_POLICY_REPORTS,
    CLUSTER_REPORTS,
    POLICY_REPORTS,
    REPORTS,
    ResourceType,
)
from pratique.runtime.outputs.text import visible
from pratique.runtime.outputs.view import Verdict
from pratique.runtime.stored.reading import Stored, joined, verdicts_of

TYPES: Final = (POLICY_REPORTS, CLUSTER_POLICY_REPORTS, REPORTS, CLUSTER_REPORTS)


def read_cluster(kubeconfig: str = "", context: str = "", namespace: str = "") -> Stored:
    """Return what the reports of a cluster say.

    Args:
        kubeconfig: how it is reached; empty for the usual way.
        context: of the kubeconfig; empty for the current one.
        namespace: only reports there; empty for all, those of the whole cluster among them.

    Raises:
        UsageError: there is no such cluster, or it has no reports.
        TransportError: it could not be asked.
    """

    async def run() -> Stored:
        async with Cluster(find_cluster(kubeconfig, context)) as cluster:
            return await stored_in(cluster, namespace)

    return asyncio.run(run())


async def stored_in(cluster: Cluster, namespace: str = "") -> Stored:
    """Return what the reports of `cluster` say; raises as `read_cluster`."""
    found: list[tuple[Report, list[Verdict]]] = []
    notices: list[str] = []
    served = False
    for type in TYPES:
        if namespace and not type.namespaced:
            continue
        items = await _items(cluster, type, namespace)
        served = served or items is not None
        for item in items or ():
            try:
                held = verdicts_of(item)
            except ValidationError:
                name = (item.get("metadata") or {}).get("name", "")
                notices.append(visible(f"{type.kind} {name} is not well formed: left out"))
                continue
            if held:
                found.append(held)
    if not served:
        raise UsageError(
            "the cluster knows no policy reports; `pratique crds reports` prints their definitions"
        )
    return joined(found, notices)


async def _items(cluster: Cluster, type: ResourceType, namespace: str) -> tuple[Object, ...] | None:
    """Return all objects of a type; None where the cluster does not have the type."""
    try:
        return (await cluster.list(type, namespace)).items
    except ClusterError as error:
        if error.status == 404:
            return None
        raise
