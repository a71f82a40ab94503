"""The cache that replicas share: answers under names, and which replica is finding one out.

The server may be lost, slow, full, or lie: none of it raises here, all of it is a miss (F23, F24). A command
is waited for 50 ms; after three failures in a row nothing is asked for a while. Connections are opened beside
the requests, which do without until there is one.

A flight is the work on one question. Whoever begins it takes a lease under the name of the question; others
who ask meanwhile wait for what that very flight brings. So no answer is taken that was complete before it was
asked for: a tag that moves is noticed by the next request (K3). A lease ends by itself, and nobody waits for
long: a replica that dies, or a server that says that there is one, costs a second once.

References: Valkey `SET NX PX`, https://valkey.io/topics/distributed-locks/.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from pratique.runtime.shared_cache.address import Address
from pratique.runtime.shared_cache.breaker import Breaker
from pratique.runtime.shared_cache.connection import Connection
from pratique.runtime.shared_cache.protocol import Command, ProtocolError, Reply, ServerError
from pratique.runtime.shared_cache.records import Answer, ForgedError, Sealer

MAX_VALUE: Final = 1 << 20
"""Bytes of an answer that is shared; larger ones are asked for by each replica."""
ASK_S: Final = 0.05
CONNECT_S: Final = 2.0
LEASE_S: Final = 3.0
"""After which a lease ends by itself, and for which the answer of a flight can be had."""
WAIT_S: Final = 1.0
"""For which a flight of another replica is waited for."""
_FIRST_LOOK_S: Final = 0.005
_LAST_LOOK_S: Final = 0.05
_OVERHEAD: Final = 8 << 10

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Flight:
    """Work on a question that is under way: ours, or that of another replica.

    Attributes:
        kept: record that was there when ours began.
    """

    name: bytes
    token: bytes
    is_ours: bool
    kept: bytes | None = None

    @property
    def lease(self) -> bytes:
        """Return the name of the lease."""
        return self.name + b":lease"

    @property
    def result(self) -> bytes:
        """Return the name under which this flight's answer is found."""
        return self.name + b":" + self.token


class SharedCache:
    """See the module. For one event loop.

    Args:
        address: the server.
        sealer: has the key of the installation.
        ask_s: seconds that a command is waited for; None for `ASK_S`.
        wait_s: seconds that a flight of another replica is waited for; None for `WAIT_S`.
        lease_s: seconds after which a lease ends by itself; None for `LEASE_S`.

    Attributes:
        counts: what happened: `hit`, `miss`, `joined` (another replica's flight brought it), `unavailable`.
        faults: what went wrong: `connection`, `timeout`, `protocol`, `refused` (the server, such as one that
            is full), `forged`, `abandoned` (a flight brought nothing in time).
    """

    def __init__(
        self,
        address: Address,
        sealer: Sealer,
        *,
        ask_s: float | None = None,
        wait_s: float | None = None,
        lease_s: float | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._address = address
        self._sealer = sealer
        self._ask_s = ASK_S if ask_s is None else ask_s
        self._wait_s = WAIT_S if wait_s is None else wait_s
        self._lease_ms = b"%d" % int((LEASE_S if lease_s is None else lease_s) * 1000)
        self._breaker = Breaker()
        self._waiting = Breaker(failures=1, first_s=10.0, last_s=60.0)
        self._connection: Connection | None = None
        self._is_closed = False
        self._connecting: asyncio.Task[None] | None = None
        self._writes: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        """Say whether there is a connection that answers."""
        return self._connection is not None and self._connection.is_open and not self._breaker.is_open

    async def ready(self) -> bool:
        """Wait until a first attempt to connect has succeeded or failed; say which."""
        self._reach()
        if self._connecting is not None:
            await asyncio.shield(self._connecting)
        return self.is_up

    def name(self, *question: str) -> bytes:
        """Return the name of a question."""
        return self._sealer.name(*question)

    async def get(self, name: bytes, max_age: float | None) -> Answer | None:
        """Return the answer under a name, if there is a good one."""
        replies = await self._ask((b"GET", name))
        if replies is None:
            return None
        found = self._opened(name, replies[0], max_age)
        if found is None and isinstance(replies[0], bytes):
            self._beside((b"DEL", name))
        self.counts["miss" if found is None else "hit"] += 1
        return found

    def put(self, name: bytes, answer: Answer, seconds: float) -> None:
        """Keep an answer; waits for nothing."""
        if len(answer.body) <= MAX_VALUE:
            self._beside(self._keeping(name, answer, seconds))

    def _keeping(self, name: bytes, answer: Answer, seconds: float) -> Command:
        return b"SET", name, self._sealer.seal(name, answer), b"PX", b"%d" % int(seconds * 1000)

    async def begin(self, name: bytes) -> Flight | None:
        """Begin to work on a question, or return who does already; None where nobody can know.

        What is kept under the name by now comes along: a flight may have landed since it was looked for.
        """
        if self._waiting.is_open:
            return None
        token = secrets.token_hex(16).encode()
        ours = Flight(name, token, is_ours=True)
        replies = await self._ask(
            (b"SET", ours.lease, token, b"NX", b"PX", self._lease_ms),
            (b"GET", ours.lease),
            (b"GET", name),
        )
        match replies:
            case [b"OK", _, bytes(kept)]:
                return replace(ours, kept=kept)
            case [b"OK", _, _]:
                return ours
            case [None, bytes(theirs), _] if len(theirs) == len(token):
                return Flight(name, theirs, is_ours=False)
            case _:
                return None

    def kept(self, flight: Flight, max_age: float | None) -> Answer | None:
        """Return the good answer that a flight of ours found when it began."""
        return self._opened(flight.name, flight.kept, max_age)

    async def joined(self, flight: Flight) -> Answer | None:
        """Return what another replica's flight brings; None if it brings nothing, or not in time."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + self._wait_s, _FIRST_LOOK_S
        while loop.time() < end:
            replies = await self._ask((b"GET", flight.result), (b"GET", flight.lease))
            if replies is None:
                return None
            result, holder = replies
            if result is None and holder != flight.token:
                # It may have landed between the two.
                again = await self._ask((b"GET", flight.result))
                result = again[0] if again else b""
                if result is None:
                    break
            if result is not None:
                found = self._opened(flight.result, result, None) if result else None
                self.counts["joined"] += found is not None
                self._waiting.succeed()
                return found
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK_S)
        self.faults["abandoned"] += 1
        if self._waiting.fail():
            _LOG.warning("another replica's work brought nothing in time; each works for itself for a while")
        return None

    def land(self, flight: Flight, answer: Answer | None, seconds: float = 0) -> None:
        """End a flight of ours with what it brought; waits for nothing.

        Args:
            flight: ours.
            answer: None for nothing.
            seconds: for which it is kept for those who ask later; 0 for not at all.
        """
        value = b""
        keep: tuple[Command, ...] = ()
        if answer is not None and len(answer.body) <= MAX_VALUE:
            value = self._sealer.seal(flight.result, answer)
            if seconds:
                keep = (self._keeping(flight.name, answer, seconds),)
        # Together: whoever asks after this finds what is kept, or begins a flight of its own.
        self._beside(
            (b"MULTI",),
            *keep,
            (b"DEL", flight.lease),
            (b"SET", flight.result, value, b"PX", self._lease_ms),
            (b"EXEC",),
        )

    async def aclose(self) -> None:
        """Write what is still to be written, for a moment, and close the connection."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=self._ask_s)
        self._is_closed = True
        for task in (self._connecting, *self._writes):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self, name: bytes, record: Reply, max_age: float | None) -> Answer | None:
        if record is None:
            return None
        try:
            if not isinstance(record, bytes):
                raise ForgedError
            return self._sealer.open(name, record, max_age)
        except ForgedError:
            self.faults["forged"] += 1
            _LOG.warning("the shared cache holds something that nobody of this installation wrote")
            return None

    async def _ask(self, *commands: Command) -> list[Reply] | None:
        """Return the replies to commands; None where there are none in time, or one is a refusal."""
        connection = self._reach()
        if connection is None:
            self.counts["unavailable"] += 1
            return None
        try:
            async with asyncio.timeout(self._ask_s):
                replies = await connection.ask(*commands)
        except TimeoutError:
            self._failed("timeout")
            return None
        except ProtocolError:
            self._failed("protocol")
            return None
        self._breaker.succeed()
        if any(isinstance(reply, ServerError) for reply in replies):
            self.faults["refused"] += 1
            return None
        return replies

    def _beside(self, *commands: Command) -> None:
        """Send commands whose replies nobody needs."""

        async def send() -> None:
            await self._ask(*commands)

        task = asyncio.create_task(send())
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    def _reach(self) -> Connection | None:
        """Return the connection if there is one; else begin to open one, if it is time for that."""
        if self._breaker.is_open or self._is_closed:
            return None
        if self._connection is not None and self._connection.is_open:
            return self._connection
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())
        return None

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                self._connection = await Connection.open(self._address, MAX_VALUE + _OVERHEAD)
        except (OSError, ValueError, ProtocolError) as error:  # also timeouts, TLS, names that are none
            self._failed("connection", error)
        finally:
            self._connecting = None

    def _failed(self, fault: str, error: Exception | None = None) -> None:
        self.faults[fault] += 1
        if self._breaker.fail():
            why = f": {error}" if error and str(error) else ""
            _LOG.warning("the shared cache is left alone for a while (%s%s)", fault, why)
            if self._connection is not None:
                self._connection.close()
                self._connection = None
