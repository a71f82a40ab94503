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
    """The types of a cluster.

    Attributes:
        missing: something is looked for that is not there: look again soon.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.discovery = Discovery(())
        self.missing = False
        self._cluster = cluster
        self._soon = asyncio.Event()

    async def begin(self) -> None:
        """Look for the first time.

        Raises:
            TransportError: the cluster could not be asked.
        """
        self.discovery = await discover(self._cluster)

    def look(self) -> None:
        """Look again at once."""
        self._soon.set()

    async def run(self, changed: Changed) -> None:
        """Look again until cancelled; `changed` is called where something differs."""
        while True:
            pause = MISSING_SECONDS if self.missing or self.discovery.unavailable else SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._soon.wait()
            except TimeoutError:
                pass
            self._soon.clear()
            try:
                found = await discover(self._cluster)
            except TransportError as error:
                _LOG.warning("the types of the cluster could not be asked for: %s", error)
                continue
            if found != self.discovery:
                self.discovery = found
                await changed()
