"""Events about objects of the cluster, written beside the work: bounded, and none of them twice in a while.

References: Kubernetes `events.k8s.io/v1`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pratique.grammar.errors import PratiqueError
from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.types import EVENTS

MAX_WAITING: Final = 1_000
"""Events that wait to be written; more push the oldest out."""
MAX_REMEMBERED: Final = 10_000
QUIET_SECONDS: Final = 600.0
"""In which the same event is not written again."""
MAX_NOTE: Final = 1_024
"""Bytes that the API server takes."""

_LOG: Final = logging.getLogger(__name__)


class EventRecorder:
    """Writes events."""

    def __init__(self, cluster: Cluster, instance: str) -> None:
        """Take where to write, and the name of this replica."""
        self.dropped = 0
        self.written = 0
        self._cluster = cluster
        self._instance = instance
        self._waiting: deque[Object] = deque()
        self._wake = asyncio.Event()
        self._lately: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def add(
        self,
        regarding: Mapping[str, Any],
        *,
        reason: str,
        action: str,
        note: str,
        warning: bool = True,
        related: Mapping[str, Any] | None = None,
        controller: str = "pratique",
    ) -> None:
        """Have an event written; never waits.

        Args:
            regarding: object reference.
            reason: such as `PolicyViolation`.
            action: what was done.
            note: for people.
            warning: or a normal one.
            related: another object reference.
            controller: part of pratique that tells.
        """
        note = note.encode()[:MAX_NOTE].decode(errors="ignore")
        if self._is_known((str(sorted(regarding.items())), reason, note)):
            return
        namespace = str(regarding.get("namespace") or "default")
        # A name as client-go makes them: of the object, and something that is used once.
        name = f"{str(regarding.get('name') or 'x')[:200]}.{secrets.token_hex(8)}"
        event: Object = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "action": action,
            "note": note,
            "regarding": dict(regarding),
            "reportingController": controller,
            "reportingInstance": self._instance[:128],
        }
        if related:
            event["related"] = dict(related)
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(event)
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled; an event that the cluster does not take is gone."""
        while True:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            event = self._waiting.popleft()
            try:
                await self._cluster.create(EVENTS, event, event["metadata"]["namespace"])
                self.written += 1
            except PratiqueError as error:
                self.dropped += 1
                _LOG.debug("an event could not be written: %s", error)
                await asyncio.sleep(0.1)

    def _is_known(self, key: tuple[str, ...]) -> bool:
        now = time.monotonic()
        if now - self._lately.get(key, -QUIET_SECONDS) < QUIET_SECONDS:
            return True
        self._lately[key] = now
        self._lately.move_to_end(key)
        while len(self._lately) > MAX_REMEMBERED:
            self._lately.popitem(last=False)
        return False
