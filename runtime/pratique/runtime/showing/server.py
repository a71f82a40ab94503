"""The handlers of the page: they read, and answer nobody but who came by an address of this machine.

A page in a browser may ask any server that the browser can reach. It cannot read the answer of another
origin, unless the name of its own origin leads here (DNS rebinding): so a request must name this server by an
address, by `localhost`, or by the name that it listens on.

References: RFC 9110 (Host), Fetch Standard (Cross-Origin-Resource-Policy, Sec-Fetch-Site), HTML Living
Standard (X-Frame-Options, Referrer-Policy).
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from pratique.runtime.admission.connections import Connections
from pratique.runtime.admission.listening import bound
from pratique.runtime.outputs.json_text import json_line
from pratique.runtime.showing.live_page import LivePage

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of everything that is no page."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def showing(page: LivePage, host: str, port: int) -> AsyncIterator[int]:
    """Show a page as long as the context lasts, by plain HTTP; gives the port.

    Args:
        page: what is shown.
        host: address to listen on.
        port: 0 for any.

    Raises:
        UsageError: nobody can listen there.
    """
    connections = Connections()
    app = application(page, host, connections)
    async with bound(app, connections, host, port, None) as actual:
        yield actual


def application(page: LivePage, host: str, connections: Connections) -> web.Application:
    """Return the application with its routes, all of which only read."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        response: web.StreamResponse
        if not known_host(request.host, host):
            response = web.Response(status=421, text="this server goes by its address, or by localhost\n")
        elif from_elsewhere(request.headers):
            response = web.Response(status=403, text="a page of another origin asked\n")
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=f"{error.reason}\n")
        response.headers.update(HEADERS)
        response.headers.setdefault("Content-Security-Policy", NOTHING)
        return response

    async def show(_: web.Request) -> web.Response:
        found = await page.page()
        policy = f"{found.policy}; frame-ancestors 'none'"
        return web.Response(
            text=found.text, content_type="text/html", headers={"Content-Security-Policy": policy}
        )

    async def data(_: web.Request) -> web.Response:
        return web.Response(text=json_line(await page.state()), content_type="application/json")

    app = web.Application(client_max_size=0, middlewares=[connections.middleware, guarded])
    app.router.add_get("/", show)
    app.router.add_get("/ui/state", data)
    return app


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Say whether a page of another origin asks for something, other than to be left for this one."""
    site, mode = headers.get("Sec-Fetch-Site", "none"), headers.get("Sec-Fetch-Mode", "navigate")
    return site not in ("none", "same-origin") and mode != "navigate"


def known_host(named: str, host: str) -> bool:
    """Say whether a request may name this server so (with or without a port).

    Args:
        named: what the request says, as its `Host`.
        host: what the server listens on.
    """
    name = named.rpartition(":")[0] if named.rpartition(":")[2].isdecimal() else named
    name = name.strip("[]").rstrip(".").lower()
    if name in ("localhost", host.lower()):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
