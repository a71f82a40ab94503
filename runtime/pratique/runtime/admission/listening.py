"""The socket under the handlers: TLS, and an end in which no request is lost (F29)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from pratique.grammar.errors import UsageError
from pratique.runtime.admission.connections import HEADER_SECONDS, MAX_CONNECTIONS, Connections
from pratique.runtime.admission.server import Webhook


@asynccontextmanager
async def listening(
    webhook: Webhook, host: str, port: int, tls: ssl.SSLContext | None, *, grace: float, linger: float
) -> AsyncIterator[int]:
    """Serve as long as the context lasts; gives the port.

    At its end the server says that it is not ready, and goes on answering for `linger` seconds, in which the
    API server gets to know. Then it accepts no more connections, and ends once all requests are answered.

    Args:
        webhook: the handlers.
        host: address to listen on.
        port: 0 for any.
        tls: see `server_tls`; None to answer nothing but how the server does, over plain HTTP.
        grace: seconds that requests in flight are given at most.
        linger: seconds of going on.

    Raises:
        UsageError: nobody can listen there.
    """
    connections = Connections()
    app = webhook.application(reviews=tls is not None, middlewares=[connections.middleware])
    async with bound(app, connections, host, port, tls) as actual:
        yield actual
        webhook.drain()
        await asyncio.sleep(linger)
        await webhook.idle(grace)


@asynccontextmanager
async def bound(
    app: web.Application, connections: Connections, host: str, port: int, tls: ssl.SSLContext | None
) -> AsyncIterator[int]:
    """Serve an application as long as the context lasts, with bounds on connections; gives the port.

    Args:
        app: its first middleware is that of `connections`.
        connections: watched.
        host: address to listen on.
        port: 0 for any.
        tls: None for plain HTTP.

    Raises:
        UsageError: nobody can listen there.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    server = runner.server
    assert server is not None  # noqa: S101 (set up)
    try:
        try:
            socket = await asyncio.get_running_loop().create_server(
                lambda: connections.watch(server()),
                host,
                port,
                ssl=tls,
                ssl_handshake_timeout=HEADER_SECONDS if tls else None,
                backlog=MAX_CONNECTIONS,
            )
        except OSError as error:
            raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        try:
            yield socket.sockets[0].getsockname()[1]
        finally:
            socket.close()
    finally:
        await runner.cleanup()


def server_tls(clients: str = "") -> ssl.SSLContext:
    """Return the context of a server, still without a certificate.

    TLS 1.2 or later, with the suites that the library deems strong (K18).

    Args:
        clients: PEM of the authorities that a client's certificate must be of, if it shows one; empty to ask
            for none.

    Raises:
        ssl.SSLError: `clients` cannot be used.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=clients or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if clients:
        # Whoever looks whether the server is well has none.
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
