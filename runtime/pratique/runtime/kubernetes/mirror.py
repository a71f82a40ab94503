"""A copy of all objects of a type, kept up to date: listed once, then watched, listed again when needed.

Whatever happens to the connection, the copy stays what was last known (F25), `synced` says since when there
is one at all, and no change is missed: a watch goes on from the last version that was seen, and where the
server no longer knows that version the list is compared with the copy.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from pratique.grammar.errors import PratiqueError
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.types import ResourceType

FIRST_PAUSE: Final = 0.2
LAST_PAUSE: Final = 30.0
ABSENT_PAUSE: Final = 5.0
"""Before a type that the server did not serve is looked for again."""

Changed = Callable[[], Awaitable[None]]
Seen = Callable[[tuple[str, str], Object | None, Object | None], None]

_LOG: Final = logging.getLogger(__name__)


class Mirror:
    """All objects of a type by namespace and name."""

    def __init__(
        self,
        cluster: Cluster,
        type: ResourceType,
        changed: Changed | None = None,
        namespace: str = "",
        *,
        fields: str = "",
        labels: str = "",
        seen: Seen | None = None,
        trim: Callable[[Object], Object] | None = None,
        may_be_absent: bool = False,
        others: Sequence[str] = (),
    ) -> None:
        """Take where to look and whom to tell.

        Args:
            cluster: the API server.
            type: what is mirrored.
            changed: called after each change, and once after the first list.
            namespace: the one that is looked at; empty for all.
            fields: selector of the objects; empty for all.
            labels: selector of their labels; empty for all.
            seen: called for each object that changed, with its key, what was kept of it, and what is now;
                None for one that was not there, or is no more.
            trim: returns what is kept of an object.
            may_be_absent: a type that the server does not serve has no objects; else that is a fault.
            others: versions that will do where the server does not serve that of the type.
        """
        self.objects: dict[tuple[str, str], Object] = {}
        self.synced = asyncio.Event()
        self.faults = 0
        """Times that the server could not be asked, or ended a watch with an error."""
        self.is_forbidden = False
        """The server refuses to be asked: rights are missing."""
        self._cluster = cluster
        self._type = type
        self._changed = changed
        self._namespace = namespace
        self._fields = fields
        self._labels = labels
        self._seen = seen
        self._said = ""
        self._trim = trim or _trimmed
        self._may_be_absent = may_be_absent
        self._versions = (type.version, *others)
        self._missed = 0
        self._heard_at = 0.0

    @property
    def age(self) -> float:
        """Return the seconds since the server was last heard."""
        return time.monotonic() - self._heard_at

    async def run(self) -> None:
        """Keep the copy up to date until cancelled."""
        pause, version = FIRST_PAUSE, ""
        while True:
            try:
                if not version:
                    version = await self._list()
                    pause = FIRST_PAUSE
                async for seen in self._watch(version):
                    version, pause = seen, FIRST_PAUSE
            except PratiqueError as error:
                if self._may_be_absent and isinstance(error, ClusterError) and error.status == 404:
                    version = ""
                    await self._miss()
                    continue
                self.faults += 1
                self.is_forbidden = isinstance(error, ClusterError) and error.status == 403
                self._say(error)
                if isinstance(error, ClusterError) and error.status == 410:
                    version = ""
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads clients, no secret)
                pause = min(pause * 2, LAST_PAUSE)

    async def _miss(self) -> None:
        """Look for another version of the type; where there is none, there are no objects for now."""
        self._missed += 1
        number = self._missed % len(self._versions)
        self._type = replace(self._type, version=self._versions[number])
        if number == 0:
            await self._take_all({})
            await asyncio.sleep(ABSENT_PAUSE * random.uniform(0.5, 1.0))  # noqa: S311 (as above)

    def _say(self, error: PratiqueError) -> None:
        """Log what goes wrong, once as long as it is the same."""
        said = f"{type(error).__name__} {getattr(error, 'status', '')}"
        if said != self._said:
            self._said = said
            _LOG.warning("%s could not be read: %s", self._type.plural, error)

    async def _list(self) -> str:
        listing = await self._cluster.list(
            self._type, self._namespace, fields=self._fields, labels=self._labels
        )
        await self._take_all({_key(item): self._trim(item) for item in listing.items})
        return listing.version

    async def _take_all(self, found: dict[tuple[str, str], Object]) -> None:
        self.is_forbidden = False
        differs = found != self.objects or not self.synced.is_set()
        before, self.objects = self.objects, found
        self._heard_at = time.monotonic()
        self._said = ""
        if differs and self._seen:
            for key in {**before, **found}:
                if before.get(key) != found.get(key):
                    self._seen(key, before.get(key), found.get(key))
        if differs:
            await self._tell()
        self.synced.set()

    async def _watch(self, version: str) -> AsyncIterator[str]:
        watch = self._cluster.watch(
            self._type, version, self._namespace, fields=self._fields, labels=self._labels
        )
        async with contextlib.aclosing(watch) as events:
            async for event in events:
                self._heard_at = time.monotonic()
                if event.type != "BOOKMARK":
                    self._take(_key(event.object), event.object if event.type != "DELETED" else None)
                if event.type != "BOOKMARK":
                    await self._tell()
                yield _version(event.object)

    def _take(self, key: tuple[str, str], item: Object | None) -> None:
        before = self.objects.pop(key, None)
        after = None if item is None else self._trim(item)
        if after is not None:
            self.objects[key] = after
        if self._seen and before != after:
            self._seen(key, before, after)

    async def _tell(self) -> None:
        if self._changed:
            await self._changed()


def _trimmed(item: Object) -> Object:
    """Leave out who wrote which field: often half of an object."""
    metadata = item.get("metadata") or {}
    if "managedFields" not in metadata:
        return item
    return {**item, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}


def _key(item: Object) -> tuple[str, str]:
    metadata = item.get("metadata") or {}
    return str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def _version(item: Object) -> str:
    match item.get("metadata"):
        case {"resourceVersion": str(version)}:
            return version
        case _:
            raise ClusterError("cluster-response", "watch: an object has no version")
