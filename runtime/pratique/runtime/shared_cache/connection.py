"""One connection to the server: commands are written as they come, replies are read in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

from pratique.runtime.shared_cache.address import Address
from pratique.runtime.shared_cache.protocol import Command, ProtocolError, Reply, encode, read_reply

MAX_PENDING: Final = 1_000
"""Replies that are waited for; a server that is further behind is too slow to be worth asking."""
MAX_UNSENT: Final = 8 << 20


class Connection:
    """A connection that is open until something is wrong with it.

    Args:
        reader: what comes.
        writer: what goes.
        max_bytes: bound on one text of the server.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, max_bytes: int) -> None:
        self._writer = writer
        self._pending: deque[asyncio.Future[Reply]] = deque()
        self.is_open = True
        self._task = asyncio.create_task(self._read(reader, max_bytes))

    @classmethod
    async def open(cls, address: Address, max_bytes: int) -> Connection:
        """Return a connection over which commands may be sent.

        Raises:
            OSError: it cannot be had.
            ProtocolError: the server does not speak the protocol, or does not let us in.
        """
        greeting = address.greeting()
        reader, writer = await address.connect()
        connection = cls(reader, writer, max_bytes)
        try:
            for reply in await connection.ask(*greeting):
                if isinstance(reply, Exception):
                    # Its words may quote what was sent.
                    raise ProtocolError("the server refuses the credentials or the database")
        except BaseException:
            connection.close()
            raise
        return connection

    async def ask(self, *commands: Command) -> list[Reply]:
        """Return the replies to commands that are sent together.

        Whoever stops waiting leaves the connection as it is: the replies come all the same, for nobody.

        Raises:
            ProtocolError: the connection has ended, or the server is too far behind.
        """
        if not self.is_open:
            raise ProtocolError("the connection has ended")
        unsent = self._writer.transport.get_write_buffer_size()
        if len(self._pending) + len(commands) > MAX_PENDING or unsent > MAX_UNSENT:
            raise ProtocolError("the server is too far behind")
        loop = asyncio.get_running_loop()
        replies = [loop.create_future() for _ in commands]
        self._pending.extend(replies)
        self._writer.write(b"".join(map(encode, commands)))
        return [await reply for reply in replies]

    def close(self) -> None:
        """End it; whoever waits is told."""
        self.is_open = False
        self._task.cancel()
        self._writer.transport.abort()
        while self._pending:
            reply = self._pending.popleft()
            if not reply.done():
                reply.set_exception(ProtocolError("the connection has ended"))
                reply.exception()  # nobody may be waiting any more

    async def _read(self, reader: asyncio.StreamReader, max_bytes: int) -> None:
        with suppress(ProtocolError, EOFError, OSError):
            while True:
                reply = await read_reply(reader, max_bytes)
                if not self._pending:
                    break  # nobody asked
                waiting = self._pending.popleft()
                if not waiting.done():
                    waiting.set_result(reply)
        self.close()
