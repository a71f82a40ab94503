"""What the cluster serves, looked at again from time to time: types come with their definitions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from pratique.grammar.errors import TransportError
from pratique.runtime.kubernetes.client import Cluster
from pratique.runtime.kubernetes.discovery import Discovery, discover

SECONDS: Final = 300.0
MISSING_SECONDS: Final = 10.0
"""While a policy names what is not served yet."""

Changed = Callable[[], Awaitable[None]]

_LOG: Final = logging.getLogger(__name__)


class Catalogue:
    """The types of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.discovery = Discovery(())
        self.synced = asyncio.Event()
        """Set once the types are known."""
        self._cluster = cluster
        self._missing = asyncio.Event()

    def miss(self, missing: bool) -> None:
        """Take note whether something is looked for that is not there, which is then looked for often."""
        if missing:
            self._missing.set()
        else:
            self._missing.clear()

    async def run(self, changed: Changed) -> None:
        """Look again and again until cancelled; `changed` is called where something differs."""
        while True:
            try:
                found = await discover(self._cluster)
            except TransportError as error:
                _LOG.warning("the types of the cluster could not be asked for: %s", error)
            else:
                differs, self.discovery = found != self.discovery, found
                self.synced.set()
                if differs:
                    await changed()
            if self.synced.is_set() and not self.discovery.unavailable:
                try:
                    async with asyncio.timeout(SECONDS - MISSING_SECONDS):
                        await self._missing.wait()
                except TimeoutError:
                    pass
            await asyncio.sleep(MISSING_SECONDS)
