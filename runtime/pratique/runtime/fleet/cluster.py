"""A running cluster as an inventory: the types that policies speak about, listed page by page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from pratique.compiler.plan import Plan
from pratique.runtime.fleet.classes import asks_namespaces
from pratique.runtime.fleet.inventory import Identity, Item, Position
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object, Page
from pratique.runtime.kubernetes.discovery import discover
from pratique.runtime.kubernetes.services import Services
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import NAMESPACES
from pratique.runtime.ports import ContextSource
from pratique.runtime.scanning.scope import Target, scope
from pratique.runtime.secrets import Secrets, SecretSource
from pratique.runtime.serving.catalogue import Catalogue
from pratique.runtime.serving.cluster_context import ClusterContext
from pratique.runtime.serving.cluster_secrets import ClusterSecrets
from pratique.runtime.serving.remembered_context import RememberedContext

_EVERY_CLUSTER: Final = "kube-system"
"""The namespace whose uid stands for a cluster, since no cluster has a name."""


class ClusterInventory:
    """The objects of a cluster that background policies can speak about; to be closed.

    Objects come as the API server lists them, in the order of their keys; a page is held at a time. What
    changes while the scan goes on may be seen or not.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        plan: Plan,
        exemptions: tuple[object, ...] = (),
        open_cluster: Callable[[ClusterSettings], Cluster] = Cluster,
    ) -> None:
        """Ask what the cluster serves.

        Raises:
            TransportError: it could not be asked.
        """
        self.position = Position(unit="objects")
        self.namespaces: dict[str, Mapping[str, Any]] = {}
        self._runner = asyncio.Runner()
        self._cluster = open_cluster(settings)
        try:
            self._targets, self.notices = self._runner.run(self._look(plan))
            if asks_namespaces(plan, exemptions):
                found = self._runner.run(self._cluster.list(NAMESPACES))
                self.namespaces = {str(each["metadata"].get("name")): each for each in found.items}
            uid = self._runner.run(self._uid())
        except BaseException:
            self.close()
            raise
        self.identity = Identity(kind="cluster", id=uid, name=settings.server)

    def close(self) -> None:
        """Close all connections."""
        self._runner.run(self._cluster.aclose())
        self._runner.close()

    def items(self) -> Iterator[Item]:
        """Yield all objects, see `Inventory`."""
        for target in self._targets:
            kind = f"{target.type.plural}.{target.type.group}"
            for item in self._listed(target):
                metadata = item["metadata"]
                metadata.pop("managedFields", None)
                namespace, name = str(metadata.get("namespace", "")), str(metadata.get("name", ""))
                yield Item(
                    # As the keys of the API server, by which it sorts.
                    place=(kind, f"{namespace}/{name}"),
                    data=item,
                    namespace=self.namespaces.get(namespace),
                )

    def _listed(self, target: Target) -> Iterator[Object]:
        token = ""
        while True:
            page: Page = self._runner.run(self._cluster.page(target.type, target.namespace, token=token))
            self.position.done += len(page.items)
            self.position.total = max(self.position.total, self.position.done + page.remaining)
            yield from page.items
            token = page.token
            if not token:
                return

    async def _look(self, plan: Plan) -> tuple[list[Target], tuple[str, ...]]:
        discovery = await discover(self._cluster)
        targets = sorted(
            scope(plan.policies.policies, discovery),
            key=lambda target: (target.type.plural, target.type.group, target.namespace),
        )
        notices = tuple(
            f"the API group {group} does not answer: objects of its types are not looked at"
            for group in sorted(discovery.unavailable)
        )
        return targets, notices

    async def _uid(self) -> str:
        try:
            found = await self._cluster.get(NAMESPACES, _EVERY_CLUSTER)
        except ClusterError as error:
            if error.status in (403, 404):
                return self._cluster.settings.server
            raise
        return str(found["metadata"].get("uid", ""))


@asynccontextmanager
async def cluster_context(
    settings: ClusterSettings, given: Secrets
) -> AsyncIterator[tuple[ContextSource, SecretSource]]:
    """Give what answers context entries out of a cluster, and its Secrets behind those that were given.

    No service is called: a scan has nobody's word for any.
    """
    services = Services()
    async with Cluster(settings) as cluster:
        try:
            catalogue = Catalogue(cluster)
            catalogue.discovery = await discover(cluster)
            context = RememberedContext(ClusterContext(cluster, catalogue, services))
            yield context, ClusterSecrets(cluster, given)
        finally:
            await services.aclose()
