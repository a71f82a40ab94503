"""Keeps the webhook configurations in the cluster as they should be.

To be done by one replica. Writes go by the version that was seen; what others changed or deleted is written
again; what the API server makes of a configuration is accepted (it drops fields that it does not know).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from pratique.grammar.errors import PratiqueError
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, ResourceType

PAUSE: Final = 1.0
"""Seconds after a fault; and between two rounds, so that many changes of policies are one of webhooks."""
CHECK_SECONDS: Final = 60.0
GATHER: Final = 0.1

Wanted = Mapping[ResourceType, Object]

_LOG: Final = logging.getLogger(__name__)


class Registrar:
    """Writes what `wanted` returns, whenever it changes or somebody else changed it."""

    def __init__(self, cluster: Cluster, name: str, wanted: Callable[[], Wanted]) -> None:
        """Take the name of both configurations, and what returns them."""
        self.done = asyncio.Event()
        """Set while the cluster holds what is wanted."""
        self.writes = 0
        self._cluster = cluster
        self._name = name
        self._wanted = wanted
        self._wake = asyncio.Event()
        self._accepted: dict[ResourceType, tuple[Object, Any]] = {}

    async def changed(self) -> None:
        """Look again: something else is wanted."""
        self.done.clear()
        self._wake.set()

    async def run(self) -> None:
        """Keep the configurations true until cancelled."""
        fields = f"metadata.name={self._name}"
        mirrors = {
            type: Mirror(self._cluster, type, self._touched, fields=fields)
            for type in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS)
        }
        async with asyncio.TaskGroup() as group:
            for mirror in mirrors.values():
                group.create_task(mirror.run())
            for mirror in mirrors.values():
                await mirror.synced.wait()
            group.create_task(self._keep(mirrors))

    async def _touched(self) -> None:
        self._wake.set()

    async def _keep(self, mirrors: Mapping[ResourceType, Mirror]) -> None:
        while True:
            self._wake.clear()
            try:
                written = [
                    await self._write(type, configuration, mirrors[type].objects.get(("", self._name)))
                    for type, configuration in self._wanted().items()
                ]
            except PratiqueError as error:
                _LOG.warning("webhook configurations could not be written: %s", error)
                await asyncio.sleep(PAUSE)
                continue
            if not all(written):
                await asyncio.sleep(PAUSE)
                continue
            if not self._wake.is_set():
                self.done.set()
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(GATHER)

    async def _write(self, type: ResourceType, wanted: Object, found: Object | None) -> bool:
        """Write a configuration unless the cluster holds it; say whether it does now."""
        if found is not None:
            wanted = _kept(wanted, found)
            content = _content(found)
            if content == _content(wanted) or self._accepted.get(type) == (wanted, content):
                return True
        try:
            if found is None:
                written = await self._cluster.create(type, wanted)
            else:
                version = {"resourceVersion": found["metadata"]["resourceVersion"]}
                body = wanted | {"metadata": wanted["metadata"] | version}
                written = await self._cluster.replace(type, self._name, body)
        except ClusterError as error:
            if error.status in (404, 409):
                return False  # it changed meanwhile, and the copy is about to say so
            raise
        self.writes += 1
        self._accepted[type] = (wanted, _content(written))
        _LOG.info("%s %s was written with %d webhooks", type.kind, self._name, len(wanted["webhooks"]))
        return True


async def remove(cluster: Cluster, name: str) -> None:
    """Delete both configurations, so that nothing is judged any more.

    Raises:
        ClusterError: the cluster could not be asked, or refused.
    """
    for type in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS):
        await cluster.delete(type, name)


def _kept(wanted: Object, found: Object) -> Object:
    """Return what is wanted with what others add to it: annotations, and certificates where none are given.

    cert-manager's injector is asked by an annotation to write what the API server is to trust.
    """
    annotations = (found.get("metadata") or {}).get("annotations")
    bundles = {
        h.get("name"): (h.get("clientConfig") or {}).get("caBundle") for h in found.get("webhooks") or ()
    }
    hooks = []
    for hook in wanted["webhooks"]:
        bundle, client = bundles.get(hook["name"]), hook["clientConfig"]
        kept = bundle and "caBundle" not in client
        hooks.append(hook | {"clientConfig": client | {"caBundle": bundle}} if kept else hook)
    metadata = wanted["metadata"] | ({"annotations": annotations} if annotations else {})
    return wanted | {"metadata": metadata, "webhooks": hooks}


def _content(configuration: Object) -> Any:
    metadata = configuration.get("metadata") or {}
    return (configuration.get("webhooks") or [], metadata.get("labels"), metadata.get("ownerReferences"))
