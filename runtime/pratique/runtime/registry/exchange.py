"""One HTTP request at a time, bounded in every direction; knows nothing of registries.

No redirect is followed, no cookie kept, no proxy asked but the ones given, and nothing decompressed. Foreign
exceptions end here.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from yarl import URL

from pratique.grammar import __version__
from pratique.grammar.errors import TransportError
from pratique.runtime.registry.addresses import InsideAddressError, is_inside, is_inside_name, outside_socket
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.proxies import DIRECT, Proxies

MAX_ERROR_BYTES = 16 << 10
"""What is read of an answer that is not a success: enough for its error code."""

_ERROR_BODY_S = 1.0
_CHUNK = 64 << 10
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNEXPECTED_EOF_WHILE_READING"}
)
"""OpenSSL's reasons when the other side answers the handshake with something else, or hangs up."""

_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""OpenSSL's verification errors that mean: no chain to an authority that is trusted."""


class NotSentFault(TransportError):
    """No request has left: there was no connection to send it on."""


class HandshakeFault(NotSentFault):
    """The port is closed, hangs up on us, or does not speak TLS."""


class InsideFault(NotSentFault):
    """The request must not go to an inside address, and there is no other behind the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        body: whole for status 200, else the first `MAX_ERROR_BYTES`.
        is_inside: the peer has an inside address.
    """

    url: URL
    status: int
    headers: Mapping[str, str]
    challenges: tuple[str, ...]
    body: bytes
    is_inside: bool

    @property
    def media_type(self) -> str:
        """Return `Content-Type` in lower case without parameters; empty where absent."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Exchange:
    """Sends requests, at most `max_concurrency` to one host at the same time.

    Two pools keep connections apart: requests of `public_only` never ride on one that was opened without that
    guard. Must be closed on the event loop it was used on.

    Args:
        timeout_s: seconds for one request from connecting to the last byte; waiting for a place is extra.
        max_concurrency: requests to one host under way at once.
        tls: context for HTTPS; None for the system's authorities.
        resolver: names to addresses; None for the system's.
        proxies: which proxy to send a request through. A proxy resolves names itself, so with one a host is
            known to be inside by its name alone; what else is inside the proxy has to refuse.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        max_concurrency: int,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
        proxies: Proxies = DIRECT,
    ) -> None:
        self.timeout_s = timeout_s
        self._proxies = proxies
        self._max_concurrency = max_concurrency
        self._tls = tls
        self._resolver = resolver
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def send(
        self,
        operation: Operation,
        url: URL,
        *,
        headers: Mapping[str, str],
        max_bytes: int,
        form: Mapping[str, str] | None = None,
        public_only: bool = False,
    ) -> Answer:
        """Return the answer to a GET, or to a POST of `form`.

        Args:
            operation: for messages.
            url: sent exactly as it is.
            headers: besides `User-Agent` and `Accept-Encoding: identity`.
            max_bytes: limit on the body of a success.
            form: fields of a POST.
            public_only: refuse inside addresses.

        Raises:
            NotSentFault: there is no connection (`HandshakeFault`, `InsideFault`, no such name, slow, bad
                certificate).
            TransportError: `registry-unreachable`, `registry-timeout`, `registry-tls`, `too-large` or
                `registry-response`.
        """
        place = self._places.setdefault(url.raw_authority, asyncio.Semaphore(self._max_concurrency))
        try:
            async with place, asyncio.timeout(self.timeout_s):
                return await self._send(operation, url, dict(headers), max_bytes, form, public_only)
        except TimeoutError as error:
            raise operation.fault(
                FaultCode.TIMEOUT, f"no complete answer within {self.timeout_s:g} s"
            ) from error

    async def aclose(self) -> None:
        """Close all connections."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def _send(
        self,
        operation: Operation,
        url: URL,
        headers: dict[str, str],
        max_bytes: int,
        form: Mapping[str, str] | None,
        public_only: bool,
    ) -> Answer:
        proxy = self._proxies.find(url)
        if proxy and public_only and is_inside_name(url.host or ""):
            raise InsideFault(FaultCode.REDIRECT_REFUSED.value, operation.text("not a public address"))
        # The proxy itself may well have an inside address.
        session = self._session(public_only and proxy is None)
        method = "GET" if form is None else "POST"
        try:
            async with session.request(
                method, url, headers=headers, data=form, allow_redirects=False, proxy=proxy
            ) as response:
                body = await _read(response, max_bytes, operation)
                return Answer(
                    url=url,
                    status=response.status,
                    headers=response.headers,
                    challenges=tuple(response.headers.getall("WWW-Authenticate", ())),
                    body=body,
                    is_inside=is_inside_name(url.host or "")
                    if proxy
                    else isinstance(response, _Response) and response.is_inside,
                )
        except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError) as error:
            raise _proxy_fault(error, operation) from error
        except aiohttp.ClientError as error:
            raise _translate(error, operation, url) from error
        except (ValueError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise operation.fault(FaultCode.RESPONSE, "the request could not be made") from error

    def _session(self, public_only: bool) -> aiohttp.ClientSession:
        if public_only not in self._sessions:
            connector = aiohttp.TCPConnector(
                limit=0,
                ssl=self._tls or True,
                resolver=_Unowned(self._resolver or aiohttp.ThreadedResolver()),
                socket_factory=outside_socket if public_only else None,
            )
            session = self._sessions[public_only] = aiohttp.ClientSession(
                connector=connector,
                response_class=_Response,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                headers={"User-Agent": f"pratique/{__version__}", "Accept-Encoding": "identity"},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(5.0, self.timeout_s / 2)),
            )
            # Else aiohttp repeats a request by itself when the connection breaks; retries are ours to count.
            session._retry_connection = False
        return self._sessions[public_only]


class _Response(aiohttp.ClientResponse):
    """Remembers the peer: a short answer has given its connection back before anyone could ask."""

    is_inside = False

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        transport = connection.transport
        peer = transport.get_extra_info("peername") if transport else None
        self.is_inside = peer is not None and is_inside(str(peer[0]))
        return await super().start(connection)


class _Unowned(AbstractResolver):
    """Lends a resolver to a connector, which would close it."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return await self._resolver.resolve(host, port, family)

    async def close(self) -> None:
        """Leave the resolver to its owner."""


async def _read(response: aiohttp.ClientResponse, max_bytes: int, operation: Operation) -> bytes:
    """Read a body within its limit; an answer that breaks a rule closes its connection."""
    if response.status != 200:
        return await _read_error(response)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        response.close()
        raise operation.fault(FaultCode.TOO_LARGE, "the answer is compressed, so that its size has no limit")
    if response.content_length is not None and response.content_length > max_bytes:
        response.close()
        raise _too_large(max_bytes, operation)
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            response.close()
            # The error keeps this frame for as long as somebody keeps the error (F30).
            chunks.clear()
            raise _too_large(max_bytes, operation)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(max_bytes: int, operation: Operation) -> TransportError:
    return operation.fault(FaultCode.TOO_LARGE, f"larger than the limit of {max_bytes} bytes")


async def _read_error(response: aiohttp.ClientResponse) -> bytes:
    """Return the beginning of an error's body; the status is known, so nothing here can fail."""
    body = b""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_ERROR_BODY_S):
            while len(body) < MAX_ERROR_BYTES and not response.content.at_eof():
                body += await response.content.read(MAX_ERROR_BYTES - len(body))
    if not response.content.at_eof():
        response.close()
    return body


def _translate(error: aiohttp.ClientError, operation: Operation, url: URL) -> TransportError:
    """Return our error for one of aiohttp's."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _certificate_fault(error, operation, url)
        case aiohttp.ClientConnectorSSLError():
            return _tls_fault(error, operation)
        case aiohttp.ClientConnectorDNSError():
            return _unreachable(
                operation, url, "host name does not resolve", f": lookup {url.host}: no such host"
            )
        case aiohttp.ConnectionTimeoutError():
            return _unreachable(operation, url, "connecting took too long", f" {_target(url)}: i/o timeout")
        case aiohttp.ClientConnectorError(os_error=InsideAddressError()):
            return InsideFault(FaultCode.REDIRECT_REFUSED.value, operation.text("not a public address"))
        case aiohttp.ClientConnectorError(errno=errno.ECONNREFUSED):
            reason = f" {_target(url)}: connect: connection refused"
            return _unreachable(operation, url, "connection refused", reason, HandshakeFault)
        case aiohttp.ClientConnectorError(os_error=ConnectionError()) if url.scheme == "https":
            return HandshakeFault(FaultCode.TLS.value, operation.text("hung up on during the TLS handshake"))
        case aiohttp.ClientConnectorError():
            reason = f"cannot connect ({errno.errorcode.get(error.errno or 0, 'connection closed')})"
            return _unreachable(operation, url, reason, kind=HandshakeFault)
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
            return operation.fault(FaultCode.UNREACHABLE, "connection lost before the answer was complete")
        case _:
            return operation.fault(FaultCode.RESPONSE, "the answer is not valid HTTP")


def _proxy_fault(
    error: aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError, operation: Operation
) -> NotSentFault:
    """Return the fault of a proxy, which the message does not name: its address may hold a password."""
    text = "the proxy cannot be reached"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        text = f"the proxy refuses to connect (HTTP {error.status})"
    return NotSentFault(FaultCode.UNREACHABLE.value, operation.text(text))


def _unreachable(
    operation: Operation,
    url: URL,
    text: str,
    dial: str = "",
    kind: type[NotSentFault] = NotSentFault,
) -> NotSentFault:
    """Return a connection's fault; `dial` are Go's words for it, as Kyverno's first request shows."""
    detail = f'Get "{url.origin()}/v2/": dial tcp{dial}' if dial else ""
    return kind(FaultCode.UNREACHABLE.value, operation.text(text), detail=detail)


def _certificate_fault(
    error: aiohttp.ClientConnectorCertificateError, operation: Operation, url: URL
) -> TransportError:
    cause = error.certificate_error
    reason, detail = "not valid", ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = cause.verify_message[:200]
        if cause.verify_code in _UNKNOWN_AUTHORITY:
            words = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
            detail = f'Get "{url.origin()}/v2/": {words}'
    return NotSentFault(FaultCode.TLS.value, operation.text(f"certificate refused: {reason}"), detail=detail)


def _tls_fault(error: aiohttp.ClientConnectorSSLError, operation: Operation) -> TransportError:
    reason = getattr(error.os_error, "reason", None) or "no reason given"
    if reason in _NOT_TLS:
        return HandshakeFault(FaultCode.TLS.value, operation.text("the port does not speak TLS"))
    return NotSentFault(FaultCode.TLS.value, operation.text(f"TLS handshake failed ({reason.lower()})"))


def _target(url: URL) -> str:
    return f"{url.raw_host}:{url.port}"
