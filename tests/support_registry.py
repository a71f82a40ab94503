"""A registry on loopback that does exactly what a test scripts, and writes down what it was asked.

It speaks HTTP/1.1 over raw streams, so that it can break every rule: lie about lengths, stall, drip, reset,
never end, answer something else to the nth request.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import struct
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp.abc import AbstractResolver, ResolveResult

from pratique.runtime.ports import Digest
from pratique.runtime.registry.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One scripted answer.

    Attributes:
        declared: value of `Content-Length` instead of the true one; -1 for none at all (close ends the body).
        delay_s: wait before the status line.
        drip_s: wait before each single byte of the body.
        endless: repeat the body until the client hangs up.
        stall: send the head, then nothing more.
        reset_after: reset the connection after so many bytes of the body.
        hang_up: close without any answer.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    declared: int | None = None
    delay_s: float = 0.0
    drip_s: float = 0.0
    endless: bool = False
    stall: bool = False
    reset_after: int | None = None
    hang_up: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


Script = Callable[[Asked], Reply]


class FakeRegistry:
    """The scripted server, an async context manager.

    Attributes:
        host: `ADDRESS:PORT` while it runs.
        asked: every request in order; TLS handshakes and other garbage on a plain port are not among them.
    """

    def __init__(
        self, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self._address = address
        self._tls = tls
        self.port = port
        self.asked: list[Asked] = []
        self._scripts: dict[str, list[Reply | Script]] = {}
        self._turns: defaultdict[str, int] = defaultdict(int)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def host(self) -> str:
        return f"{self._address}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self.host}"

    def on(self, path: str, *replies: Reply | Script) -> None:
        """Script a path (with or without query): the nth request gets the nth reply, then the last again."""
        self._scripts[path] = list(replies)
        self._turns.pop(path, None)

    def count(self, part: str = "") -> int:
        """Return how many requests had `part` in their target."""
        return sum(part in asked.target for asked in self.asked)

    def manifest(
        self, path: str, body: bytes, *tags: str, media_type: str = OCI_MANIFEST, **headers: str
    ) -> Digest:
        """Serve a manifest by digest and tags."""
        digest = sha256(body)
        reply = Reply(
            body=body, headers={"Content-Type": media_type, "Docker-Content-Digest": digest} | headers
        )
        for reference in (digest, *tags):
            self.on(f"/v2/{path}/manifests/{reference}", reply)
        return digest

    def blob(self, path: str, body: bytes) -> Digest:
        """Serve a blob."""
        digest = sha256(body)
        self.on(
            f"/v2/{path}/blobs/{digest}",
            Reply(body=body, headers={"Content-Type": "application/octet-stream"}),
        )
        return digest

    async def __aenter__(self) -> FakeRegistry:
        self._server = await asyncio.start_server(
            self._connected, self._address, self.port, ssl=self._tls, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
                while await self._turn(reader, writer):
                    pass
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await _first_byte(reader, writer)
        if not first:
            return False
        head = first + await reader.readuntil(b"\r\n")
        method, target, _ = head.decode().split(" ")
        headers = {}
        while line := (await reader.readuntil(b"\r\n")).strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        asked = Asked(method, target, headers, body)
        self.asked.append(asked)
        return await _send(self._reply(asked), writer)

    def _reply(self, asked: Asked) -> Reply:
        for path in (asked.target, asked.target.partition("?")[0]):
            if path in self._scripts:
                script = self._scripts[path]
                reply = script[min(self._turns[path], len(script) - 1)]
                self._turns[path] += 1
                return reply if isinstance(reply, Reply) else reply(asked)
        return Reply(status=404)


async def _first_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the first byte of a request; a TLS handshake gets what servers answer, and ends it."""
    first = await reader.read(1)
    if first == b"\x16":
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
    return first if first in (b"G", b"P", b"H", b"D") else b""


async def _send(reply: Reply, writer: asyncio.StreamWriter) -> bool:
    """Send a reply; say whether the connection goes on."""
    await asyncio.sleep(reply.delay_s)
    if reply.hang_up:
        return False
    length = len(reply.body) if reply.declared is None else reply.declared
    headers = dict(reply.headers)
    if length >= 0 and not (reply.endless and reply.declared is None):
        headers.setdefault("Content-Length", str(length))
    lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()
    if reply.stall:
        await asyncio.sleep(3600)
    while reply.endless:
        writer.write(reply.body or bytes(1 << 16))
        await writer.drain()
    if reply.reset_after is not None:
        writer.write(reply.body[: reply.reset_after])
        await writer.drain()
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    if reply.drip_s:
        for byte in reply.body:
            await asyncio.sleep(reply.drip_s)
            writer.write(bytes([byte]))
            await writer.drain()
    else:
        writer.write(reply.body)
        await writer.drain()
    if "Content-Length" not in headers or reply.declared is not None:
        await asyncio.sleep(0.02)
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        return False
    return True


class FixedNames(AbstractResolver):
    """Resolves names by a table, each look-up by the next entry of its list (the last one stays)."""

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        self._table = {name: list(addresses) for name, addresses in table.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self._table.get(host)
        if not addresses:
            raise OSError(f"no such name: {host}")
        address = addresses.pop(0) if len(addresses) > 1 else addresses[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        pass


def sha256(body: bytes) -> Digest:
    """Return the sha256 digest of bytes."""
    return Digest("sha256:" + hashlib.sha256(body).hexdigest())


def descriptor(body: bytes, media_type: str = "application/octet-stream", **more: Any) -> dict[str, Any]:
    """Return the JSON descriptor of bytes."""
    return {"mediaType": media_type, "digest": sha256(body), "size": len(body)} | more


def image(seed: str = "app", **more: Any) -> bytes:
    """Return an image manifest, another one for each seed."""
    data = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(b"{}", OCI_CONFIG),
        "layers": [descriptor(seed.encode())],
    }
    return json.dumps(data | more).encode()


def index(*entries: dict[str, Any], **more: Any) -> bytes:
    """Return an index."""
    return json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)} | more
    ).encode()


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def run(scenario: Callable[[], Awaitable[T]], limit_s: float = 20.0) -> T:
    """Run an async scenario; one that hangs fails."""

    async def bounded() -> T:
        async with asyncio.timeout(limit_s):
            return await scenario()

    return asyncio.run(bounded())
