"""Asks the programs that keep registry credentials, `docker-credential-NAME`.

References: Docker credential helper protocol (`get`: server on standard input, JSON on standard output).
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from dataclasses import dataclass, field

from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.names import DOCKER_HUB
from pratique.runtime.registry.strict_json import parse

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
    try:
        process = await asyncio.create_subprocess_exec(
            f"docker-credential-{name}",
            "get",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise operation.fault(FaultCode.AUTH, f"cannot be run ({error.strerror})") from error
    try:
        async with asyncio.timeout(HELPER_TIMEOUT_S):
            output = await _converse(process, server.encode())
            code = await process.wait()
    except TimeoutError as error:
        raise operation.fault(FaultCode.AUTH, f"no answer within {HELPER_TIMEOUT_S:g} s") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if code != 0:
        if _NOT_FOUND in output.lower():
            return None
        raise operation.fault(FaultCode.AUTH, f"ended with code {code}")
    return _answer(output, operation)


async def _converse(process: asyncio.subprocess.Process, question: bytes) -> bytes:
    """Write the question and return the output; more than `MAX_HELPER_BYTES` of it are cut off."""
    if process.stdin is None or process.stdout is None:  # Both were asked for as pipes.
        return b""
    with suppress(ConnectionError):
        process.stdin.write(question)
        await process.stdin.drain()
    process.stdin.close()
    output = b""
    while len(output) <= MAX_HELPER_BYTES and (chunk := await process.stdout.read(MAX_HELPER_BYTES)):
        output += chunk
    if len(output) > MAX_HELPER_BYTES:
        with suppress(ProcessLookupError):
            process.kill()
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
