"""One of several replicas does what only one may do: whoever holds a Lease.

Whether a holder is gone is judged by the clock of the one who looks, from when it last saw a change: clocks
of machines differ. There may be two holders for a moment, so whatever they write goes by versions (F33).

References: Kubernetes coordination/v1; client-go `leaderelection`, whose durations these are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

from pratique.grammar.errors import TransportError
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.types import LEASES

SECONDS: Final = 15.0
"""After so long without a word from the holder the Lease is free."""

Work = Callable[[], Awaitable[None]]

_LOG: Final = logging.getLogger(__name__)


class Leadership:
    """Holds a Lease, or waits for it."""

    def __init__(
        self, cluster: Cluster, namespace: str, name: str, identity: str, *, seconds: float = SECONDS
    ) -> None:
        """Take which Lease, and a name that no other replica has."""
        self.leading = False
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seconds = seconds
        self._seen = ""
        self._seen_at = 0.0
        self._renewed_at = 0.0

    async def run(self, work: Work) -> None:
        """Do `work` whenever the Lease is held, until cancelled; what it raises is raised here.

        The work is cancelled when the Lease is lost, before another replica may take it.
        """
        task: asyncio.Future[None] | None = None
        try:
            while True:
                held = await self._hold()
                if held and task is None:
                    _LOG.info("%s leads", self._identity)
                    self.leading = True
                    task = asyncio.ensure_future(work())
                elif not held and task is not None:
                    _LOG.warning("%s no longer leads", self._identity)
                    self.leading = False
                    await _cancelled(task)
                    task = None
                pause = asyncio.create_task(asyncio.sleep(self._seconds / 3))
                await asyncio.wait([pause, task] if task else [pause], return_when=asyncio.FIRST_COMPLETED)
                await _cancelled(pause)
                if task is not None and task.done():
                    task.result()
                    return
        finally:
            if task is not None:
                await _cancelled(task)
            if self.leading:
                self.leading = False
                with contextlib.suppress(TransportError, TimeoutError):
                    await self._release()

    async def _hold(self) -> bool:
        """Take or renew the Lease; say whether it is held."""
        try:
            async with asyncio.timeout(self._seconds / 3):
                held = await self._try()
        except (TransportError, TimeoutError) as error:
            # As long as nobody else may have it, it is still held.
            still = self.leading and time.monotonic() - self._renewed_at < self._seconds * 2 / 3
            _LOG.debug("the lease could not be asked for: %s", error)
            return still
        if held:
            self._renewed_at = time.monotonic()
        return held

    async def _try(self) -> bool:
        try:
            lease = await self._cluster.get(LEASES, self._name, self._namespace)
        except ClusterError as error:
            if error.status != 404:
                raise
            return await self._write(self._lease({}), create=True)
        spec = lease.get("spec") or {}
        version = str((lease.get("metadata") or {}).get("resourceVersion", ""))
        if version != self._seen:
            self._seen, self._seen_at = version, time.monotonic()
        holder = spec.get("holderIdentity") or ""
        lasts = spec.get("leaseDurationSeconds")
        lasts = lasts if isinstance(lasts, int) and lasts > 0 else self._seconds
        if holder not in ("", self._identity) and time.monotonic() - self._seen_at < lasts:
            return False
        return await self._write(self._lease(lease), create=False)

    def _lease(self, before: Object) -> Object:
        spec: dict[str, Any] = dict(before.get("spec") or {})
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        if spec.get("holderIdentity") != self._identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + bool(before)
        spec |= {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._seconds)),
            "renewTime": now,
        }
        metadata = before.get("metadata") or {"name": self._name, "namespace": self._namespace}
        return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata, "spec": spec}

    async def _write(self, lease: Object, *, create: bool) -> bool:
        # Where another was faster this is a conflict, and an error like others.
        if create:
            written = await self._cluster.create(LEASES, lease, self._namespace)
        else:
            written = await self._cluster.replace(LEASES, self._name, lease, self._namespace)
        self._seen = str(written["metadata"]["resourceVersion"])
        self._seen_at = time.monotonic()
        return True

    async def _release(self) -> None:
        """Give the Lease away at once, so that nobody has to wait until it is over."""
        async with asyncio.timeout(self._seconds / 3):
            lease = await self._cluster.get(LEASES, self._name, self._namespace)
            if (lease.get("spec") or {}).get("holderIdentity") == self._identity:
                lease["spec"]["holderIdentity"] = ""
                await self._cluster.replace(LEASES, self._name, lease, self._namespace)


async def _cancelled(task: asyncio.Future[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
