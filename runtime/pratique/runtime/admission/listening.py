"""The socket under the handlers: TLS, and an end in which no request is lost (F29)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from pratique.grammar.errors import UsageError
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
    app = webhook.application(reviews=tls is not None)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
        yield runner.addresses[0][1]
        webhook.drain()
        await asyncio.sleep(linger)
        await webhook.idle(grace)
    finally:
        await runner.cleanup()


def server_tls() -> ssl.SSLContext:
    """Return the context of a server, still without a certificate.

    TLS 1.2 or later, with the suites that the library deems strong (K18).
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
