"""Makes the objects of an installation in a cluster, by server-side apply; what is Helm's is left to Helm.

References: Kubernetes, "Server-Side Apply", "Dry-run"; Helm 3 (annotation `meta.helm.sh/release-name`, and
custom resource definitions that are never changed).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from pratique.grammar.errors import UsageError
from pratique.runtime.installing.manifests import Object
from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.types import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    DEFINITIONS,
    LEASES,
    NAMESPACES,
    ROLE_BINDINGS,
    SECRETS,
    ResourceType,
)

_ROLES: Final = ResourceType(group="rbac.authorization.k8s.io", version="v1", plural="roles", kind="Role")

TYPES: Final = {
    type.kind: type
    for type in (
        NAMESPACES,
        DEFINITIONS,
        ResourceType(version="v1", plural="serviceaccounts", kind="ServiceAccount"),
        SECRETS,
        LEASES,
        CLUSTER_ROLES,
        CLUSTER_ROLE_BINDINGS,
        _ROLES,
        ROLE_BINDINGS,
        ResourceType(group="networking.k8s.io", version="v1", plural="networkpolicies", kind="NetworkPolicy"),
        ResourceType(group="policy", version="v1", plural="poddisruptionbudgets", kind="PodDisruptionBudget"),
        ResourceType(version="v1", plural="services", kind="Service"),
        ResourceType(group="apps", version="v1", plural="deployments", kind="Deployment"),
    )
}
"""The types of all objects of an installation, by kind."""

_RELEASE: Final = "meta.helm.sh/release-name"


_KEPT: Final = (NAMESPACES.kind, DEFINITIONS.kind)
"""What is not touched where it is there: it may be somebody else's, who wants it as it is."""


class Applied(NamedTuple):
    """What became of an object: `applied`, `kept` as it is, or (asking only) `unknown` for now."""

    kind: str
    name: str
    outcome: str


async def applied(
    cluster: Cluster, objects: Sequence[Object], *, dry_run: bool = False
) -> AsyncIterator[Applied]:
    """Make or update objects, in order; yields what became of each.

    With `dry_run` the server is asked about each and changes nothing; it cannot say anything of objects in a
    namespace that is still to be made.

    Raises:
        UsageError: some object belongs to a release of Helm or to an installation in another namespace;
            nothing was changed.
        ClusterError: the server could not be asked, or refused.
    """
    pairs = [(each, await _existing(cluster, each)) for each in objects]
    for wanted, before in pairs:
        if before is not None and wanted["kind"] not in _KEPT:
            _refuse_others(wanted, before)
    to_come = {
        wanted["metadata"]["name"]
        for wanted, before in pairs
        if wanted["kind"] == NAMESPACES.kind and before is None
    }
    for wanted, before in pairs:
        kind, metadata = wanted["kind"], wanted["metadata"]
        name, namespace = metadata["name"], metadata.get("namespace", "")
        outcome = "applied"
        if kind in _KEPT and before is not None:
            outcome = "kept"
        elif dry_run and namespace in to_come:
            outcome = "unknown"
        else:
            await cluster.apply(TYPES[kind], name, wanted, namespace, dry_run=dry_run)
        yield Applied(kind, name, outcome)


def _refuse_others(wanted: Object, before: Object) -> None:
    """Refuse to take over what another installation has made.

    Raises:
        UsageError: it has.
    """
    name = f"{wanted['kind']} {wanted['metadata']['name']}"
    release = (before["metadata"].get("annotations") or {}).get(_RELEASE)
    if release:
        raise UsageError(f"{name} belongs to the Helm release {release}: use `helm upgrade`")
    if wanted["kind"] == CLUSTER_ROLE_BINDINGS.kind:
        there = {str(each.get("namespace")) for each in before.get("subjects") or ()}
        own = {each["namespace"] for each in wanted["subjects"]}
        if there - own:
            where = ", ".join(sorted(there - own))
            raise UsageError(f"{name} is of an installation in namespace {where}: there is one in a cluster")


async def _existing(cluster: Cluster, wanted: Object) -> Object | None:
    metadata = wanted["metadata"]
    try:
        return await cluster.get(TYPES[wanted["kind"]], metadata["name"], metadata.get("namespace", ""))
    except ClusterError as error:
        if error.status == 404:
            return None
        raise
