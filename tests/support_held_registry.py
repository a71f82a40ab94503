"""A lab served as a registry that takes its time, so that those who ask at the same time meet."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from aiohttp import web

from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.serve import LayoutServer


class HeldRegistry(LayoutServer):
    """Serves the layout of a lab as `ghcr.io`.

    Attributes:
        asked: paths of requests for manifests and blobs, counted when they come.
        delay_s: for which each answer about a manifest is kept back.
        held: no such answer is given.
    """

    def __init__(self, lab: Path, delay_s: float = 0) -> None:
        super().__init__(LayoutStore(lab / "layout"), registry="ghcr.io")
        self.asked: Counter[str] = Counter()
        self.delay_s = delay_s
        self.held = False

    async def _manifest(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        await asyncio.sleep(self.delay_s)
        while self.held:
            await asyncio.sleep(0.01)
        return await super()._manifest(request)

    async def _blob(self, request: web.Request) -> web.Response:
        self.asked[request.path] += 1
        return await super()._blob(request)
