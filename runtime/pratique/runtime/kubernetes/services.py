"""Calls of services that policies ask for: only of those that whoever runs the server has named.

A call carries the headers that the policy writes, and never a credential of the server; redirects are not
followed, and no body of an error is repeated (R11, K28-K33).

References: Kyverno 1.19 `pkg/engine/apicall/executor.go`.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from pratique.grammar.errors import EvaluationError, TransportError

SECONDS: Final = 10.0
MAX_ANSWER: Final = 2 << 20
"""Bytes of an answer: all that the context of a rule may hold (Kyverno's default)."""


class Services:
    """Services that may be called; to be closed with `aclose`."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Take the services by `HOST` or `HOST:PORT`; a host without a port is allowed on any."""
        self._allowed = frozenset(each.lower() for each in allowed)
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def call(
        self,
        url: str,
        *,
        method: str = "GET",
        data: str = "",
        headers: Iterable[tuple[str, str]] = (),
        authorities: str = "",
    ) -> Any:
        """Return the JSON that a service answers.

        Args:
            url: as it is sent, checked by `outbound.check_url`.
            method: GET or POST.
            data: JSON that a POST sends.
            headers: that the policy writes.
            authorities: PEM that the service's certificate is checked against, instead of the usual ones.

        Raises:
            EvaluationError: `service-refused`: nobody named the service; `service-answer`: what it answers is
                no JSON, too large, or says that the call failed.
            TransportError: `service-unreachable`: there was no answer.
        """
        name = self._checked(url)
        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=False)
        sent = {"Accept": "application/json", "User-Agent": "pratique", **dict(headers)}
        if method == "POST":
            sent.setdefault("Content-Type", "application/json")
        try:
            async with self._session.request(
                method,
                URL(url, encoded=True),
                data=data.encode() if method == "POST" else None,
                headers=sent,
                ssl=_tls(authorities),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as response:
                if not 200 <= response.status < 300:
                    raise EvaluationError("service-answer", f"{name} answers HTTP {response.status}")
                return await _json(response, name)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise TransportError("service-unreachable", f"{name}: {type(error).__name__}") from error

    def _checked(self, url: str) -> str:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if not {host, name} & self._allowed:
            text = f"{name} is none of the services that may be called; name it with --allow-service {name}"
            raise EvaluationError("service-refused", text)
        return name


async def _json(response: aiohttp.ClientResponse, name: str) -> Any:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > MAX_ANSWER:
            text = f"{name}: response length must be less than max allowed response length of {MAX_ANSWER}"
            raise EvaluationError("service-answer", text)
    try:
        return json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise EvaluationError("service-answer", f"{name}: the answer is not JSON") from error


@lru_cache(maxsize=64)
def _tls(authorities: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=authorities or None)
    except ssl.SSLError as error:
        raise EvaluationError("bad-certificate", "failed to parse PEM CA bundle") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
