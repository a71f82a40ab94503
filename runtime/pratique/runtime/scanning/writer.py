"""Writes reports into the cluster, and keeps them true.

What is to be written is made when it is written, so that nothing is lost however long the cluster is away: a
report that could not be written stays marked. Writes go by the version that was seen (F32, F33); a report
that is as it should be is not written, times aside.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from pratique.grammar.errors import PratiqueError
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import NAMESPACES
from pratique.runtime.outputs.report_groups import MANAGED_BY
from pratique.runtime.scanning.findings import Findings, ReportForm, ReportKey

GATHER: Final = 1.0
"""Seconds in which changes of a report are taken together."""
FIRST_PAUSE: Final = 1.0
LAST_PAUSE: Final = 60.0
WORKERS: Final = 4
TRIES: Final = 4
"""Versions of a report that may come between before it waits for its next turn."""

Owner = Callable[[ReportKey], Object | None]
_CHUNK: Final = re.compile(r"(.+)-[1-9][0-9]{0,3}")

_LOG: Final = logging.getLogger(__name__)


class ReportWriter:
    """Keeps the reports of a cluster as the findings say.

    Args:
        cluster: the API server.
        findings: say what reports there are.
        owner: returns the reference to what a report of a policy belongs to; None for nothing.
        complete: says whether everything was looked at, so that other reports are of nothing any more.
    """

    def __init__(
        self,
        cluster: Cluster,
        form: ReportForm,
        owner: Owner = lambda _: None,
        complete: Callable[[], bool] = lambda: False,
        *,
        gather: float = GATHER,
    ) -> None:
        self.writes = 0
        self._cluster = cluster
        self._form = form
        self._owner = owner
        self._complete = complete
        self._gather = gather
        self._findings: Findings | None = None
        self._marked: dict[ReportKey, None] = {}
        self._wake = asyncio.Event()
        labels = ",".join(f"{k}={v}" for k, v in MANAGED_BY.items())
        self._mirrors = {
            type: Mirror(cluster, type, labels=labels, seen=self._seen, trim=_digested)
            for type in (form.namespaced, form.cluster)
        }

    @property
    def waiting(self) -> int:
        """Return how many reports are still to be written."""
        return len(self._marked)

    def touch(self, key: ReportKey) -> None:
        """Take note that a report may no longer be as it should."""
        self._marked[key] = None
        self._wake.set()

    async def run(self, findings: Findings) -> None:
        """Write until cancelled."""
        self._findings = findings
        async with asyncio.TaskGroup() as group:
            for mirror in self._mirrors.values():
                group.create_task(mirror.run())
            for mirror in self._mirrors.values():
                await mirror.synced.wait()
            group.create_task(self._work())

    async def _work(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._wake.wait()
            await asyncio.sleep(self._gather)
            self._wake.clear()
            if self._complete():
                self._mark_strangers()
            marked, self._marked = self._marked, {}
            room = asyncio.Semaphore(WORKERS)
            failed = await asyncio.gather(*(self._settle(key, room) for key in marked))
            if any(failed):
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, no secret)
                pause = min(pause * 2, LAST_PAUSE)
            else:
                pause = FIRST_PAUSE

    def look(self) -> None:
        """Look for reports of what is no more; they go once everything was looked at."""
        self._wake.set()

    async def _settle(self, key: ReportKey, room: asyncio.Semaphore) -> bool:
        """Write a report, or mark it again; say whether that failed."""
        async with room:
            try:
                await self._write(key)
            except PratiqueError as error:
                _LOG.warning("report %s could not be written: %s", "/".join(filter(None, key)), error)
                self.touch(key)
                return True
            return False

    async def _write(self, key: ReportKey) -> None:
        assert self._findings is not None  # noqa: S101 (set before anything is marked for work)
        for _ in range(TRIES):
            wanted = self._findings.documents(key, self._owner(key))
            names = {document["metadata"]["name"] for document in wanted}
            try:
                for document in wanted:
                    await self._put(key, document)
                for name in [name for name in self._objects(key) if name not in names]:
                    await self._cluster.delete(self._form.type_of(key), name, key.namespace)
                    self._kept(key).pop((key.namespace, name), None)
            except ClusterError as error:
                if error.status == 409:
                    await self._look(key)
                    continue
                if error.status == 404 and await self._is_gone(key.namespace):
                    return
                raise
            return
        self.touch(key)

    async def _put(self, key: ReportKey, document: Object) -> None:
        type, name = self._form.type_of(key), document["metadata"]["name"]
        kept, wanted = self._kept(key), _digested(document)
        found = kept.get((key.namespace, name))
        if found is not None and found["digest"] == wanted["digest"]:
            return
        if found is None:
            written = await self._cluster.create(type, document, key.namespace)
        else:
            version = {"resourceVersion": found["version"]}
            body = document | {"metadata": document["metadata"] | version}
            written = await self._cluster.replace(type, name, body, key.namespace)
        self.writes += 1
        kept[key.namespace, name] = _digested(written)

    async def _look(self, key: ReportKey) -> None:
        """Learn how the objects of a report are now: somebody else wrote them."""
        type, kept = self._form.type_of(key), self._kept(key)
        assert self._findings is not None  # noqa: S101 (as above)
        for document in self._findings.documents(key):
            name = document["metadata"]["name"]
            try:
                kept[key.namespace, name] = _digested(await self._cluster.get(type, name, key.namespace))
            except ClusterError as error:
                if error.status != 404:
                    raise
                kept.pop((key.namespace, name), None)

    async def _is_gone(self, namespace: str) -> bool:
        """Say whether a namespace is no more, and its reports with it."""
        try:
            await self._cluster.get(NAMESPACES, namespace)
        except ClusterError as error:
            return error.status == 404
        return False

    def _kept(self, key: ReportKey) -> dict[tuple[str, str], Object]:
        return self._mirrors[self._form.type_of(key)].objects

    def _objects(self, key: ReportKey) -> Iterator[str]:
        """Yield the names of the objects that a report has in the cluster."""
        kept = self._kept(key)
        names = [key.name, *(f"{key.name}-{number}" for number in range(1, 100))]
        for number, name in enumerate(names):
            if (key.namespace, name) in kept:
                yield name
            elif number > 1:
                return

    def _seen(self, key: tuple[str, str], before: Object | None, after: Object | None) -> None:
        """Take note that somebody wrote a report: it may have been us.

        INVARIANT: a report of an earlier process stays until the resource was looked at, or everything was.
        """
        report = self._report(key)
        if self._findings is not None and (self._findings.has(report) or self._complete()):
            self.touch(report)

    def _report(self, key: tuple[str, str]) -> ReportKey:
        namespace, name = key
        chunk = _CHUNK.fullmatch(name)
        if chunk and self._findings and self._findings.has(ReportKey(namespace, chunk[1])):
            return ReportKey(namespace, chunk[1])
        return ReportKey(namespace, name)

    def _mark_strangers(self) -> None:
        """Mark the reports of ours that nothing stands behind any more."""
        assert self._findings is not None  # noqa: S101 (as above)
        for mirror in self._mirrors.values():
            for key in mirror.objects:
                report = self._report(key)
                if not self._findings.has(report):
                    self._marked[report] = None


def _digested(report: Object) -> Object:
    """Return what is kept of a report: its version, and what it says apart from times."""
    metadata = report.get("metadata") or {}
    results = [{k: v for k, v in r.items() if k != "timestamp"} for r in report.get("results") or ()]
    owners = [{k: o.get(k) for k in ("kind", "name", "uid")} for o in metadata.get("ownerReferences") or ()]
    told: list[Any] = [results, report.get("scope"), report.get("summary"), metadata.get("labels"), owners]
    text = json.dumps(told, sort_keys=True).encode()
    digest = hashlib.blake2b(text, digest_size=16).hexdigest()
    return {"digest": digest, "version": metadata.get("resourceVersion", "")}
