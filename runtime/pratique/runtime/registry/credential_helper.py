"""Asks the programs that keep registry credentials, `docker-credential-NAME`.

References: Docker credential helper protocol (`get`: server on standard input, JSON on standard output).
"""

from __future__ import annotations

import asyncio
import base64
import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.names import DOCKER_HUB
from pratique.runtime.strict_json import parse

MAX_HELPER_BYTES = 64 << 10
HELPER_TIMEOUT_S = 2.0

_DOCKER_HUB_SERVER = "https://index.docker.io/v1/"
_NOT_FOUND = b"credentials not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What opens a registry; its representation shows no secret.

    Attributes:
        identity_token: OAuth2 refresh token, to be exchanged at the token service.
        registry_token: bearer token that is sent to the registry as it is.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """Return the value of an `Authorization` header for user name and password."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


async def ask_helper(name: str, host: str) -> Credential | None:
    """Return what the program `docker-credential-NAME` knows of a host, None where it knows nothing.

    Raises:
        TransportError: `registry-auth`: there is no such program, or it fails, hangs or talks too much.
    """
    operation = Operation(host, f"credential helper {name}")
    server = _DOCKER_HUB_SERVER if host == DOCKER_HUB else host
    command = [f"docker-credential-{name}", "get"]
    try:
        code, output = await asyncio.to_thread(_converse, command, server.encode())
    except TimeoutError as error:
        raise operation.fault(FaultCode.AUTH, f"no answer within {HELPER_TIMEOUT_S:g} s") from error
    except OSError as error:
        raise operation.fault(FaultCode.AUTH, f"cannot be run ({error.strerror})") from error
    if len(output) > MAX_HELPER_BYTES:
        raise operation.fault(FaultCode.AUTH, f"says more than {MAX_HELPER_BYTES} bytes")
    if code != 0:
        if _NOT_FOUND in output.lower():
            return None
        raise operation.fault(FaultCode.AUTH, f"ended with code {code}")
    return _answer(output, operation)


def _converse(command: list[str], question: bytes) -> tuple[int, bytes]:
    """Run a program with `question` as its input; return its code and its output.

    One that says more than `MAX_HELPER_BYTES` is stopped there.

    A thread's work and not asyncio's: its transports stay open as long as any grandchild holds the pipe.

    Raises:
        TimeoutError: it has not ended in time.
        OSError: it cannot be run.
    """
    end = time.monotonic() + HELPER_TIMEOUT_S
    process = subprocess.Popen(  # noqa: S603 - the name is checked by whoever reads the configuration.
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        try:
            output = _talk(process.stdin, process.stdout, question, end)
            if len(output) > MAX_HELPER_BYTES:
                return 0, output
            return process.wait(timeout=max(0.0, end - time.monotonic())), output
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        finally:
            # The whole session: a shell script's children as well.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _talk(stdin: IO[bytes] | None, stdout: IO[bytes] | None, question: bytes, end: float) -> bytes:
    """Write the question, then read until the pipe closes or more than `MAX_HELPER_BYTES` have come."""
    assert stdin is not None and stdout is not None  # noqa: PT018, S101 - both were asked for as pipes.
    with suppress(BrokenPipeError), stdin:
        stdin.write(question)
    output = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while len(output) <= MAX_HELPER_BYTES:
            if not selector.select(max(0.0, end - time.monotonic())):
                raise TimeoutError
            chunk = os.read(stdout.fileno(), MAX_HELPER_BYTES)
            if not chunk:
                break
            output += chunk
    return output


def _answer(output: bytes, operation: Operation) -> Credential:
    try:
        data = parse(output)
        username, secret = data["Username"], data["Secret"]
    except (ValueError, TypeError, KeyError):
        raise operation.fault(FaultCode.AUTH, "its answer is malformed") from None
    if not isinstance(username, str) or not isinstance(secret, str):
        raise operation.fault(FaultCode.AUTH, "its answer is malformed")
    if username == "<token>":
        return Credential(identity_token=secret)
    return Credential(username=username, password=secret)
