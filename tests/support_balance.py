"""One address in front of several servers, as a Service is."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator, Sequence


@contextlib.asynccontextmanager
async def forwarding(port: int, behind: Sequence[int]) -> AsyncIterator[int]:
    """Forward connections to one or the other of several ports, whichever answers; gives the port.

    Args:
        port: to listen on; 0 for any.
        behind: ports of the servers.
    """
    turn = 0

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turn
        for _ in behind:
            turn += 1
            try:
                there = await asyncio.open_connection("127.0.0.1", behind[turn % len(behind)])
            except OSError:
                continue
            await asyncio.gather(_pipe(reader, there[1]), _pipe(there[0], writer), return_exceptions=True)
            return
        writer.close()

    server = await asyncio.start_server(forward, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.contextmanager
def balanced(behind: Sequence[int]) -> Iterator[int]:
    """Do the same in a thread of its own, on any port."""
    loop = asyncio.new_event_loop()
    ports: list[int] = []
    started, end = threading.Event(), asyncio.Event()

    async def run() -> None:
        async with forwarding(0, behind) as port:
            ports.append(port)
            started.set()
            await end.wait()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    assert started.wait(10)
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)
        loop.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
