"""A bounded closed loop against a webhook: a few connections, each with one request under way.

Blocking sockets in threads, with requests made beforehand: of what Python offers, that takes the least time
beside the server on the same machine.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

CONNECTIONS = 8
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Load:
    """What a server did under load: answers a second, how long they took, CPU time of one, memory."""

    rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_us: float
    resident_mb: float

    def __str__(self) -> str:
        return (
            f"{self.rate:,.0f}/s, p50 {self.p50_ms:.2f}, p95 {self.p95_ms:.2f}, p99 {self.p99_ms:.2f} ms,"
            f" {self.cpu_us:.0f} us CPU each, {self.resident_mb:.0f} MB"
        )


@dataclass(frozen=True)
class Asked:
    """A request as it goes over the wire, and what must stand in its answer."""

    request: bytes
    wanted: tuple[bytes, ...]


def http_request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def load(port: int, authority: Path, asked: Sequence[Asked], count: int, pid: int) -> Load:
    """Send `count` requests, taken from `asked` in turn, and return the figures.

    Raises:
        RuntimeError: an answer without what is wanted.
        OSError: a connection that ends.
    """
    context = ssl.create_default_context(cafile=str(authority))
    seconds: list[float] = []
    faults: list[BaseException] = []

    def work(first: int) -> None:
        times = []
        mine = (*asked[first:], *asked[:first])
        try:
            with context.wrap_socket(socket.create_connection((HERE, port)), server_hostname=HERE) as line:
                for one in islice(cycle(mine), count // CONNECTIONS):
                    start = time.perf_counter()
                    line.sendall(one.request)
                    answer = _answer(line)
                    times.append(time.perf_counter() - start)
                    if not all(text in answer for text in one.wanted):
                        raise RuntimeError(f"the server answered {answer[:2000]!r}")
        except (OSError, RuntimeError) as fault:
            faults.append(fault)
        seconds.extend(times)

    cpu, start = cpu_seconds(pid), time.perf_counter()
    step = len(asked) // CONNECTIONS
    threads = [threading.Thread(target=work, args=(number * step,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - start
    if faults:
        raise faults[0]
    seconds.sort()
    return Load(
        rate=len(seconds) / elapsed,
        p50_ms=seconds[len(seconds) // 2] * 1e3,
        p95_ms=seconds[len(seconds) * 95 // 100] * 1e3,
        p99_ms=seconds[len(seconds) * 99 // 100] * 1e3,
        cpu_us=(cpu_seconds(pid) - cpu) / len(seconds) * 1e6,
        resident_mb=resident_mb(pid),
    )


def at_once(port: int, authority: Path, asked: Sequence[Asked]) -> float:
    """Send each request over a connection of its own, all at the same moment; return seconds until the last.

    Raises:
        RuntimeError: an answer without what is wanted.
        OSError: a connection that ends.
    """
    context = ssl.create_default_context(cafile=str(authority))
    with ExitStack() as stack:
        lines = [
            stack.enter_context(
                context.wrap_socket(socket.create_connection((HERE, port)), server_hostname=HERE)
            )
            for _ in asked
        ]
        start = time.perf_counter()
        for line, one in zip(lines, asked, strict=True):
            line.sendall(one.request)
        for line, one in zip(lines, asked, strict=True):
            answer = _answer(line)
            if not all(text in answer for text in one.wanted):
                raise RuntimeError(f"the server answered {answer[:2000]!r}")
        return time.perf_counter() - start


def _answer(line: ssl.SSLSocket) -> bytes:
    """Return one answer with its head; whole, however it is cut."""
    content = b""
    while True:
        piece = line.recv(1 << 16)
        if not piece:
            raise OSError("the server ended the connection")
        content += piece
        head, found, body = content.partition(b"\r\n\r\n")
        if found:
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            if len(body) >= int(length):
                return content


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, user and system; hundredths of a second count."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def resident_mb(pid: int) -> float:
    """Return the megabytes of a process that are in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6
