"""A cluster in memory, with the rules that controllers rely on: versions, conflicts, watches, and faults.

The real API server judges in `tests/e2e`; here are the moments that it cannot be brought into at will.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

from pratique.runtime.kubernetes.client import Cluster, ClusterError, Listing, Object, Page, WatchEvent
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import ResourceType

Key = tuple[str, str, str]


class FakeCluster(Cluster):
    """Objects by plural, namespace and name."""

    def __init__(self) -> None:
        super().__init__(ClusterSettings(server="http://fake"))
        self.objects: dict[Key, Object] = {}
        self.calls: Counter[str] = Counter()
        self.faults: list[tuple[str, str, int, int]] = []
        """Verb, plural, status, times; a verb `*` is every verb, a status 0 is no answer."""
        self.documents: dict[str, Object] = {}
        self.posted: list[tuple[str, str]] = []
        self.page_size = 2
        self.lowest = 0
        """Versions below it are no longer known to watches."""
        self._version = itertools.count(1)
        self._log: list[tuple[int, str, str, Object]] = []
        self._news = asyncio.Event()
        self._watches = 0

    # --- what tests do

    def put(self, type: ResourceType, name: str, namespace: str = "", **content: Any) -> Object:
        """Make or change an object, as somebody else would."""
        found = self.objects.get((type.plural, namespace, name))
        metadata = {"name": name, **({"namespace": namespace} if namespace else {}), "uid": f"uid-{name}"}
        given = content.pop("metadata", {})
        body = {"apiVersion": type.api_version, "kind": type.kind, "metadata": metadata | given, **content}
        return self._keep(type, body, namespace, "MODIFIED" if found else "ADDED")

    def drop(self, type: ResourceType, name: str, namespace: str = "") -> None:
        """Delete an object, as somebody else would."""
        found = self.objects.pop((type.plural, namespace, name))
        found["metadata"]["resourceVersion"] = str(next(self._version))
        self._record("DELETED", type, found)

    def fail(self, verb: str, plural: str, status: int, times: int = 1) -> None:
        """Answer the next requests with a status; 0 for none at all."""
        self.faults.append((verb, plural, status, times))

    def forget(self) -> None:
        """End all watches, and know nothing any more of what was before."""
        self.lowest = next(self._version)
        self.end_watches()

    def end_watches(self) -> None:
        """End all watches."""
        self._watches += 1
        self._wake()

    def of(self, type: ResourceType) -> dict[tuple[str, str], Object]:
        """Return all objects of a type by namespace and name."""
        return {(ns, name): o for (plural, ns, name), o in self.objects.items() if plural == type.plural}

    # --- what `Cluster` does

    async def get(
        self, type: ResourceType, name: str, namespace: str = "", *, subresource: str = ""
    ) -> Object:
        await self._asked("get", type)
        return copy.deepcopy(self._found(type, name, namespace))

    async def list(
        self, type: ResourceType, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> Listing:
        await self._asked("list", type)
        items = [
            copy.deepcopy(o)
            for (plural, ns, name), o in sorted(self.objects.items())
            if plural == type.plural and namespace in ("", ns) and _selected(o, labels, fields)
        ]
        return Listing(items=tuple(items), version=str(next(self._version)))

    async def page(
        self, type: ResourceType, namespace: str = "", *, token: str = "", labels: str = "", fields: str = ""
    ) -> Page:
        found = await self.list(type, namespace, labels=labels, fields=fields)
        start = int(token or 0)
        behind = len(found.items) - start - self.page_size
        return Page(
            items=found.items[start : start + self.page_size],
            version=found.version,
            token=str(start + self.page_size) if behind > 0 else "",
            remaining=max(0, behind),
        )

    async def watch(
        self, type: ResourceType, version: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncGenerator[WatchEvent, None]:
        await self._asked("watch", type)
        if int(version) < self.lowest:
            raise ClusterError("cluster-gone", "watch: 410", 410)
        seen, watches = int(version), self._watches
        while True:
            for number, event, plural, found in list(self._log):
                if number > seen and plural == type.plural:
                    seen = number
                    ns = found["metadata"].get("namespace", "")
                    if namespace in ("", ns) and _selected(found, labels, fields):
                        yield WatchEvent(type=event, object=copy.deepcopy(found))  # type: ignore[arg-type]
            if watches != self._watches:
                return
            await self._news.wait()

    async def create(
        self, type: ResourceType, body: Object, namespace: str = "", *, dry_run: bool = False
    ) -> Object:
        await self._asked("create", type)
        name = body["metadata"].get("name") or f"{body['metadata']['generateName']}{next(self._version)}"
        if (type.plural, namespace, name) in self.objects:
            raise ClusterError("cluster-conflict", f"create {name}: 409", 409)
        body = {**body, "metadata": {"uid": f"uid-{name}", **body["metadata"], "name": name}}
        return self._keep(type, body, namespace, "ADDED")

    async def replace(
        self, type: ResourceType, name: str, body: Object, namespace: str = "", *, subresource: str = ""
    ) -> Object:
        await self._asked("replace", type)
        found = self._found(type, name, namespace)
        version = body["metadata"].get("resourceVersion")
        if version and version != found["metadata"]["resourceVersion"]:
            raise ClusterError("cluster-conflict", f"replace {name}: 409", 409)
        if subresource:
            body = {**found, subresource: body[subresource]}
        body = {**body, "metadata": {"uid": found["metadata"]["uid"], **body["metadata"]}}
        return self._keep(type, body, namespace, "MODIFIED")

    async def merge(
        self, type: ResourceType, name: str, body: Object, namespace: str = "", *, subresource: str = ""
    ) -> Object:
        await self._asked("merge", type)
        return self._keep(type, _merged(self._found(type, name, namespace), body), namespace, "MODIFIED")

    async def apply(
        self,
        type: ResourceType,
        name: str,
        body: Object,
        namespace: str = "",
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        await self._asked("apply", type)
        if dry_run:
            return copy.deepcopy(body)
        found = self.objects.get((type.plural, namespace if type.namespaced else "", name), {})
        whole = _merged(found, body)
        whole["metadata"] = {"uid": f"uid-{name}", **whole["metadata"]}
        return self._keep(type, whole, namespace, "MODIFIED" if found else "ADDED")

    async def delete(self, type: ResourceType, name: str, namespace: str = "") -> None:
        await self._asked("delete", type)
        if (type.plural, namespace, name) in self.objects:
            self.drop(type, name, namespace)

    async def document(self, path: str, *, accept: str = "", limit: int = 0) -> Object:
        self.calls[path] += 1
        await asyncio.sleep(0)
        if path not in self.documents:
            raise ClusterError("cluster-not-found", f"GET {path}: 404", 404)
        return copy.deepcopy(self.documents[path])

    async def post(self, path: str, data: str, *, limit: int = 0) -> Object:
        self.posted.append((path, data))
        return await self.document(f"POST {path}")

    async def aclose(self) -> None:
        self.end_watches()

    # --- inside

    async def _asked(self, verb: str, type: ResourceType) -> None:
        self.calls[f"{verb} {type.plural}"] += 1
        await asyncio.sleep(0)
        for number, (wanted, plural, status, times) in enumerate(self.faults):
            if (
                wanted in (verb, "*")
                and plural in (type.plural, f"{type.version}/{type.plural}", "*")
                and times
            ):
                self.faults[number] = (wanted, plural, status, times - 1)
                code = {409: "cluster-conflict", 410: "cluster-gone", 429: "cluster-throttled"}
                raise ClusterError(code.get(status, "cluster-unavailable"), f"{verb}: {status}", status)

    def _found(self, type: ResourceType, name: str, namespace: str) -> Object:
        try:
            return self.objects[type.plural, namespace if type.namespaced else "", name]
        except KeyError:
            raise ClusterError("cluster-not-found", f"{name}: 404", 404) from None

    def _keep(self, type: ResourceType, body: Object, namespace: str, event: str) -> Object:
        namespace = namespace if type.namespaced else ""
        body = copy.deepcopy(body)
        if namespace:
            body["metadata"]["namespace"] = namespace
        body["metadata"]["resourceVersion"] = str(next(self._version))
        self.objects[type.plural, namespace, body["metadata"]["name"]] = body
        self._record(event, type, body)
        return copy.deepcopy(body)

    def _record(self, event: str, type: ResourceType, body: Object) -> None:
        version = int(body["metadata"]["resourceVersion"])
        self._log.append((version, event, type.plural, copy.deepcopy(body)))
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _selected(found: Object, labels: str, fields: str) -> bool:
    name = fields.removeprefix("metadata.name=") if fields else ""
    if name and found["metadata"]["name"] != name:
        return False
    wanted = dict(pair.split("=", 1) for pair in labels.split(",") if pair)
    return wanted.items() <= (found["metadata"].get("labels") or {}).items()


def _merged(found: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(found) if isinstance(found, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


@contextlib.asynccontextmanager
async def running(*work: Any) -> AsyncGenerator[list[asyncio.Task[Any]], None]:
    """Do some work in the background as long as a test needs it."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
