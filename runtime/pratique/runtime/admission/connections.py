"""What a connection may cost before it says anything: time for its headers, and a place among others (W9)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final, cast

from aiohttp import web

HEADER_SECONDS: Final = 5.0
"""From a connection, or the first bytes of a request, until its headers are complete."""
IDLE_SECONDS: Final = 120.0
"""Between requests: more than the API server keeps a connection (90 s), so that it is never cut off."""
MAX_CONNECTIONS: Final = 1_000


class Connections:
    """The connections of a server; those that would only wait are ended."""

    def __init__(self) -> None:
        self._watched: dict[asyncio.Protocol, _Watched] = {}

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._watched)

    def watch(self, protocol: asyncio.Protocol) -> asyncio.Protocol:
        """Return a protocol that hands everything to `protocol`, and looks after the time."""
        return _Watched(protocol, self._watched)

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Take the time that a request takes off the time of its connection."""
        watched = self._watched.get(cast(asyncio.Protocol, request.protocol))
        if watched is None:
            return await handler(request)
        watched.answering()
        try:
            return await handler(request)
        finally:
            watched.answered()


class _Watched(asyncio.Protocol):
    """A protocol in front of another one."""

    def __init__(self, inner: asyncio.Protocol, among: dict[asyncio.Protocol, _Watched]) -> None:
        self._inner = inner
        self._among = among
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        """Never later than the deadline, and seldom moved: requests move the deadline alone."""
        self._deadline = math.inf
        self._under_way = True
        """Headers come in, or are being answered."""

    def answering(self) -> None:
        self._under_way = True
        self._stop()

    def answered(self) -> None:
        self._under_way = False
        if self._among.get(self._inner):
            self._start(IDLE_SECONDS)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        full = len(self._among) >= MAX_CONNECTIONS
        self._among[self._inner] = self
        self._inner.connection_made(transport)
        if full:
            self._transport.abort()
        else:
            self._start(HEADER_SECONDS)

    def data_received(self, data: bytes) -> None:
        if not self._under_way:
            self._under_way = True
            self._start(HEADER_SECONDS)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._stop()
        if self._timer:
            self._timer.cancel()
        self._among.pop(self._inner, None)
        self._inner.connection_lost(error)

    def _start(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm()

    def _stop(self) -> None:
        self._deadline = math.inf

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._over)

    def _over(self) -> None:
        self._timer = None
        if self._deadline == math.inf:
            return
        if self._loop.time() < self._deadline:
            self._arm()
        elif self._transport:
            self._transport.abort()
