"""Requests to one registry endpoint: scheme, authorization, redirects, throttling and retries.

What comes out is an answer that means something (200, 404 …); everything else is one fault with one code.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from weakref import WeakValueDictionary

from yarl import URL

from pratique.grammar.errors import TransportError
from pratique.runtime.registry.auth import Authenticator
from pratique.runtime.registry.endpoints import Endpoint, Scheme
from pratique.runtime.registry.exchange import Answer, Exchange, HandshakeFault, InsideFault, NotSentFault
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.go_words import error_detail
from pratique.runtime.registry.redirects import MAX_REDIRECTS, STATUSES, RedirectRule, follow
from pratique.runtime.registry.tally import Exchanged, Kind, Tally

OUTAGE_RETRIES = 2
CONNECTION_RETRIES = 1
THROTTLE_RETRIES = 1

FIRST_CONTACT_S = 1.0
"""For which others wait while one finds out what scheme a host speaks."""

_BACKOFF_S = 0.1
_MAX_REMEMBERED = 4096
_SECONDS = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A GET under an endpoint.

    Attributes:
        kind: which figure of `Requests` it counts for.
        parts: path behind the repository, checked names.
        query: as it is sent, without `?`.
        accept: value of the `Accept` header; empty for none.
        max_bytes: limit on the body.
        redirects: what redirects may do.
    """

    kind: Kind
    parts: tuple[str, ...]
    query: str = ""
    accept: str = ""
    max_bytes: int
    redirects: RedirectRule


class Requester:
    """Sends requests to registries and keeps what it learns of them: schemes and authorizations."""

    def __init__(self, exchange: Exchange, authenticator: Authenticator, tally: Tally) -> None:
        self._exchange = exchange
        self._authenticator = authenticator
        self._tally = tally
        self._schemes: dict[str, Scheme] = {}
        self._first_contacts: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(
        self, endpoint: Endpoint, request: Request, operation: Operation, deadline: float
    ) -> Answer:
        """Return the answer to a request; an outage is retried twice, a broken connection once.

        Args:
            endpoint: whom to ask.
            request: what to ask.
            operation: for messages.
            deadline: time of the event loop's clock beyond which nothing is waited for.

        Raises:
            TransportError: any fault; a 4xx other than 401, 403 and 429 is an answer.
        """
        outages, breaks, throttles = OUTAGE_RETRIES, CONNECTION_RETRIES, THROTTLE_RETRIES
        while True:
            try:
                answer = await self._over_scheme(endpoint, request, operation)
            except TransportError as error:
                if error.code != FaultCode.UNREACHABLE or not breaks:
                    raise
                if not await _pause(_jitter(CONNECTION_RETRIES - breaks), deadline):
                    raise
                breaks -= 1
                continue
            if answer.status == 429:
                throttles -= 1
                wait = _retry_after(answer)
                if throttles >= 0 and wait is not None and await _pause(wait, deadline):
                    continue
                text = "too many requests (HTTP 429)"
                raise operation.fault(FaultCode.THROTTLED, text, detail=error_detail(answer))
            if answer.status >= 500 and answer.status != 501:
                if outages and await _pause(_jitter(OUTAGE_RETRIES - outages), deadline):
                    outages -= 1
                    continue
                text = f"HTTP {answer.status}"
                raise operation.fault(FaultCode.UNAVAILABLE, text, detail=error_detail(answer))
            return answer

    async def _over_scheme(self, endpoint: Endpoint, request: Request, operation: Operation) -> Answer:
        """Use the scheme that the host speaks: found out on the first contact, and anew when that changes."""
        if len(endpoint.schemes) == 1:
            return await self._authorized(endpoint, endpoint.schemes[0], request, operation)
        if known := self._schemes.get(endpoint.host):
            try:
                return await self._authorized(endpoint, known, request, operation)
            except HandshakeFault:
                self._schemes.pop(endpoint.host, None)
        # One caller finds out, so that a crowd does not knock with the wrong scheme all at once; but nobody
        # waits long for a first question that hangs (W21).
        lock = self._first_contacts.setdefault(endpoint.host, asyncio.Lock())
        try:
            async with asyncio.timeout(FIRST_CONTACT_S):
                await lock.acquire()
        except TimeoutError:
            return await self._first_contact(endpoint, request, operation)
        try:
            known = self._schemes.get(endpoint.host)
            if not known:
                return await self._first_contact(endpoint, request, operation)
        finally:
            lock.release()
        return await self._authorized(endpoint, known, request, operation)

    async def _first_contact(self, endpoint: Endpoint, request: Request, operation: Operation) -> Answer:
        details = []
        for scheme in endpoint.schemes:
            try:
                answer = await self._authorized(endpoint, scheme, request, operation)
            except HandshakeFault as error:
                details.append(error.detail)
                last = error
                continue
            while len(self._schemes) >= _MAX_REMEMBERED:
                del self._schemes[next(iter(self._schemes))]
            self._schemes[endpoint.host] = scheme
            return answer
        raise TransportError(last.code, last.message, detail="; ".join(filter(None, details))) from last

    async def _authorized(
        self, endpoint: Endpoint, scheme: Scheme, request: Request, operation: Operation
    ) -> Answer:
        """Send with the authorization that is known; answer one challenge."""
        sent = self._authenticator.header(endpoint, scheme)
        answer = await self._redirected(endpoint, scheme, request, operation, sent)
        own = answer.url.origin() == endpoint.url(scheme).origin()
        if answer.status == 401 and own:
            header = await self._authenticator.authorize(endpoint, scheme, answer, sent, operation)
            answer = await self._redirected(endpoint, scheme, request, operation, header)
        if answer.status in (401, 403):
            text = f"access refused (HTTP {answer.status})"
            raise operation.fault(FaultCode.AUTH, text, detail=error_detail(answer))
        return answer

    async def _redirected(
        self, endpoint: Endpoint, scheme: Scheme, request: Request, operation: Operation, authorization: str
    ) -> Answer:
        """Send, and follow what the rule allows. `Authorization` never leaves the endpoint's own origin."""
        url = endpoint.url(scheme, *request.parts, query=request.query)
        origin, public_only, what = url.origin(), False, operation.what
        for _ in range(MAX_REDIRECTS + 1):
            headers = {"Accept": request.accept} if request.accept else {}
            if authorization and url.origin() == origin:
                headers["Authorization"] = authorization
            answer = await self._send(operation, url, headers, request, public_only)
            if answer.status not in STATUSES:
                return answer
            hop = follow(
                answer, request.redirects, may_lead_inside=endpoint.may_lead_inside, operation=operation
            )
            # An answer from outside never leads in, so a chain that went outside does not come back.
            url, public_only = hop.url, hop.public_only
            if url.origin() != origin:
                operation = Operation(endpoint.host, f"{what} (redirected)")
        raise operation.fault(FaultCode.REDIRECT_REFUSED, f"more than {MAX_REDIRECTS} redirects")

    async def _send(
        self,
        operation: Operation,
        url: URL,
        headers: Mapping[str, str],
        request: Request,
        public_only: bool,
    ) -> Answer:
        start, code = time.perf_counter(), "cancelled"
        try:
            answer = await self._exchange.send(
                operation, url, headers=headers, max_bytes=request.max_bytes, public_only=public_only
            )
            code = str(answer.status)
        except InsideFault as error:
            code = FaultCode.REDIRECT_REFUSED.value
            text = "redirected to an inside address"
            raise operation.fault(FaultCode.REDIRECT_REFUSED, text) from error
        except TransportError as error:
            code = error.code
            if not isinstance(error, NotSentFault):
                self._tally.count(request.kind)
            if url.raw_authority != operation.place:
                # The registry chose that host: its name is the registry's word.
                error.detail = ""
            raise
        finally:
            if told := self._tally.told:
                told(Exchanged(operation.place, request.kind, code, time.perf_counter() - start))
        self._tally.count(request.kind)
        self._tally.bytes += len(answer.body)
        return answer


async def _pause(seconds: float, deadline: float) -> bool:
    """Sleep if there is time for that and for a request afterwards; say whether it was done."""
    if asyncio.get_running_loop().time() + seconds >= deadline:
        return False
    await asyncio.sleep(seconds)
    return True


def _jitter(attempt: int) -> float:
    # Spread, so that replicas that failed together do not come back together. No secret depends on it.
    return _BACKOFF_S * (1 << attempt) * random.uniform(0.5, 1.5)  # noqa: S311


def _retry_after(answer: Answer) -> float | None:
    """Return the seconds that `Retry-After` asks for, as a number or an HTTP date; None for neither."""
    text = answer.headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
