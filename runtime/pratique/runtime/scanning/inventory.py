"""The resources that are scanned: copies of the cluster's objects, packed, and what changes of them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import ResourceType
from pratique.runtime.scanning.scope import Target

_PASSING: Final = ("resourceVersion", "generation", "managedFields")
"""Metadata that changes with every status."""


class ResourceKey(NamedTuple):
    """Which resource."""

    type: ResourceType
    namespace: str
    name: str


Changed = Callable[[ResourceKey, bool], None]
"""Called with a resource that changed, and whether it is still there."""


class Inventory:
    """All objects of some targets."""

    def __init__(self, cluster: Cluster, changed: Changed) -> None:
        self._cluster = cluster
        self._changed = changed
        self._mirrors: dict[Target, tuple[Mirror, asyncio.Task[None]]] = {}

    @property
    def synced(self) -> bool:
        """Say whether everything that there is, is known."""
        return all(mirror.synced.is_set() for mirror, _ in self._mirrors.values())

    @property
    def forbidden(self) -> frozenset[ResourceType]:
        """Return the types that may not be read."""
        return frozenset(target.type for target, (mirror, _) in self._mirrors.items() if mirror.is_forbidden)

    def __len__(self) -> int:
        """Return the number of objects."""
        return sum(len(mirror.objects) for mirror, _ in self._mirrors.values())

    def keys(self) -> Iterator[ResourceKey]:
        """Yield all objects."""
        for target, (mirror, _) in self._mirrors.items():
            for namespace, name in list(mirror.objects):
                yield ResourceKey(target.type, namespace, name)

    def get(self, key: ResourceKey) -> Object | None:
        """Return an object; None if there is none."""
        for target in (Target(key.type), Target(key.type, key.namespace)):
            if target in self._mirrors:
                kept = self._mirrors[target][0].objects.get((key.namespace, key.name))
                return _unpacked(kept) if kept is not None else None
        return None

    async def follow(self, targets: frozenset[Target]) -> None:
        """Look at these targets from now on, and at no others."""
        for target in self._mirrors.keys() - targets:
            mirror, task = self._mirrors.pop(target)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for namespace, name in mirror.objects:
                key = ResourceKey(target.type, namespace, name)
                if self.get(key) is None:
                    self._changed(key, False)
        for target in targets - self._mirrors.keys():
            mirror = Mirror(
                self._cluster,
                target.type,
                namespace=target.namespace,
                seen=self._teller(target.type),
                trim=_packed,
            )
            self._mirrors[target] = mirror, asyncio.create_task(mirror.run())

    async def aclose(self) -> None:
        """Look at nothing any more, and tell nobody."""
        tasks = [task for _, task in self._mirrors.values()]
        self._mirrors.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _teller(self, type: ResourceType) -> Callable[[tuple[str, str], Object | None, Object | None], None]:
        def tell(key: tuple[str, str], before: Object | None, after: Object | None) -> None:
            if before is None or after is None or before["digest"] != after["digest"]:
                self._changed(ResourceKey(type, *key), after is not None)

        return tell


def _packed(item: Object) -> Object:
    """Return what is kept of an object: all that rules may ask for, in a fifth of the memory."""
    metadata = {k: v for k, v in (item.get("metadata") or {}).items() if k != "managedFields"}
    content = json.dumps({**item, "metadata": metadata}, separators=(",", ":")).encode()
    lasting = {k: v for k, v in metadata.items() if k not in _PASSING}
    told: Any = {**item, "metadata": lasting, "status": None}
    digest = hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=16).digest()
    return {"packed": zlib.compress(content, 1), "digest": digest}


def _unpacked(kept: Object) -> Object:
    found: Object = json.loads(zlib.decompress(kept["packed"]))
    return found
