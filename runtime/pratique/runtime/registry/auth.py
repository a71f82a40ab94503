"""Answers the challenges of registries: Basic, and Bearer tokens from the token service they name.

The realm of a challenge is chosen by the registry, so it is a stranger's URL: HTTPS (or the registry's own
host where that speaks plain HTTP), never an inside address unless the registry is inside itself, and it gets
nothing but the credential of that very registry (rule R11, threat O1). The scope asked for is always the
pulling of the one repository, whatever the challenge says.

References: Docker registry token authentication and OAuth2 specifications.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from yarl import URL

from pratique.grammar.errors import TransportError
from pratique.runtime.registry.challenge import Challenge, ChallengeError, parse_challenges
from pratique.runtime.registry.content import is_host
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import CredentialSource
from pratique.runtime.registry.endpoints import Endpoint, Scheme
from pratique.runtime.registry.exchange import Answer, Exchange, InsideFault
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.names import canonical_host
from pratique.runtime.registry.tally import Exchanged, Tally
from pratique.runtime.strict_json import StrictJsonError, parse

MAX_TOKEN_ANSWER = 64 << 10
MAX_TOKEN = 16 << 10
MAX_CACHED = 4096

_DEFAULT_LIFETIME_S = 60
_MAX_LIFETIME_S = 3600
_TOKEN = re.compile(r"[\x21-\x7e]+")
_SERVICE = re.compile(r"[\x20-\x7e]{1,256}")


@dataclass(frozen=True, slots=True)
class _Key:
    """What an authorization is good for: one repository at one host, over one scheme."""

    scheme: Scheme
    host: str
    path: str


class Authenticator:
    """Gets, keeps and renews authorizations; one for a set of credentials.

    Args:
        exchange: sends the requests to token services.
        keychain: where credentials are looked up, once a registry asks for one.
        tally: counts requests to token services.
    """

    def __init__(self, exchange: Exchange, keychain: CredentialSource, tally: Tally) -> None:
        self._exchange = exchange
        self._keychain = keychain
        self._tally = tally
        self._headers: dict[_Key, tuple[float, str]] = {}
        self._locks: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()

    def header(self, endpoint: Endpoint, scheme: Scheme) -> str:
        """Return the `Authorization` that is known to be wanted there; empty for none."""
        key = _Key(scheme, endpoint.host, endpoint.path)
        expires, header = self._headers.get(key, (0.0, ""))
        return header if asyncio.get_running_loop().time() < expires else ""

    async def authorize(
        self, endpoint: Endpoint, scheme: Scheme, refusal: Answer, refused: str, operation: Operation
    ) -> str:
        """Return the `Authorization` that answers a 401.

        Args:
            endpoint: who was asked.
            scheme: how it was asked.
            refusal: the 401, from the endpoint itself.
            refused: the `Authorization` that was sent; empty for none.
            operation: for messages.

        Raises:
            TransportError: `registry-auth`, `registry-token`, or a fault of the way to the token service.
        """
        key = _Key(scheme, endpoint.host, endpoint.path)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            known = self.header(endpoint, scheme)
            if known and known != refused:
                return known
            self._headers.pop(key, None)
            header, lifetime = await self._answer(endpoint, scheme, refusal, operation)
            if header == refused:
                raise operation.fault(FaultCode.AUTH, "the configured credential is refused (HTTP 401)")
            while len(self._headers) >= MAX_CACHED:
                del self._headers[next(iter(self._headers))]
            self._headers[key] = (asyncio.get_running_loop().time() + lifetime, header)
            return header

    async def _answer(
        self, endpoint: Endpoint, scheme: Scheme, refusal: Answer, operation: Operation
    ) -> tuple[str, float]:
        """Return the value of the header and for how many seconds it may be used again."""
        try:
            challenges = {c.scheme: c for c in reversed(parse_challenges(refusal.challenges))}
        except ChallengeError as error:
            raise operation.fault(FaultCode.AUTH, f"HTTP 401, and {error}") from error
        credential = await self._keychain.find(canonical_host(endpoint.host), endpoint.path)
        if credential and credential.registry_token and "bearer" in challenges:
            return f"Bearer {credential.registry_token}", _MAX_LIFETIME_S
        if "bearer" in challenges:
            return await self._token(endpoint, scheme, refusal, challenges["bearer"], credential, operation)
        if "basic" not in challenges:
            raise operation.fault(FaultCode.AUTH, "HTTP 401 without a challenge that can be answered")
        if credential is None or not credential.username:
            raise operation.fault(FaultCode.AUTH, "HTTP 401, and no credential is configured for this host")
        return credential.basic, _MAX_LIFETIME_S

    async def _token(
        self,
        endpoint: Endpoint,
        scheme: Scheme,
        refusal: Answer,
        challenge: Challenge,
        credential: Credential | None,
        operation: Operation,
    ) -> tuple[str, float]:
        realm = _realm(challenge, endpoint, scheme, operation)
        request = Operation(endpoint.host, f"token for {endpoint.path}")
        fields = {"scope": f"repository:{endpoint.path}:pull"}
        if _SERVICE.fullmatch(service := challenge.parameters.get("service", "")):
            fields["service"] = service
        headers, form = {}, None
        if credential and credential.identity_token:
            form = fields | {
                "grant_type": "refresh_token",
                "client_id": "pratique",
                "refresh_token": credential.identity_token,
            }
        else:
            realm = realm.extend_query(fields)
            if credential and credential.username:
                headers["Authorization"] = credential.basic
        answer = await self._ask(
            request, realm, headers, form, public_only=not (refusal.is_inside or endpoint.may_lead_inside)
        )
        if answer.status in (400, 401, 403):
            who = "the configured credential" if credential else "anonymous access"
            raise request.fault(FaultCode.AUTH, f"the token service refuses {who} (HTTP {answer.status})")
        if answer.status != 200:
            raise request.fault(FaultCode.TOKEN, f"the token service answers HTTP {answer.status}")
        return _read_token(answer.body, request)

    async def _ask(
        self,
        request: Operation,
        realm: URL,
        headers: dict[str, str],
        form: dict[str, str] | None,
        *,
        public_only: bool,
    ) -> Answer:
        """Ask a token service, twice at most; its faults are token faults."""
        for retries_left in (1, 0):
            self._tally.tokens += 1
            start, code = time.perf_counter(), "cancelled"
            try:
                answer = await self._exchange.send(
                    request,
                    realm,
                    headers=headers,
                    max_bytes=MAX_TOKEN_ANSWER,
                    form=form,
                    public_only=public_only,
                )
                code = str(answer.status)
            except InsideFault as error:
                code = FaultCode.REDIRECT_REFUSED.value
                raise request.fault(FaultCode.TOKEN, "the realm has an inside address") from error
            except TransportError as error:
                code = error.code
                if error.code == FaultCode.UNREACHABLE and retries_left:
                    continue
                reason = error.message.removeprefix(request.text(""))
                raise request.fault(FaultCode.TOKEN, f"the token service: {reason}") from error
            finally:
                if told := self._tally.told:
                    told(Exchanged(request.place, "tokens", code, time.perf_counter() - start))
            if answer.status < 500 or not retries_left:
                return answer
        raise AssertionError  # The last turn of the loop returns or raises.


def _realm(challenge: Challenge, endpoint: Endpoint, scheme: Scheme, operation: Operation) -> URL:
    """Return the URL of the token service, if it is one that may be asked."""
    text = challenge.parameters.get("realm", "")
    try:
        url = URL(text)
        good = len(text) <= 2048 and text.isascii() and is_host(url.raw_authority) and not url.fragment
    except ValueError:
        good = False
    if not good:
        raise operation.fault(FaultCode.TOKEN, "the realm of the challenge is not a URL that can be asked")
    if url.scheme != "https":
        # Plain HTTP only where the registry speaks it as well, and only on its own host.
        same_host = url.host == URL(f"{scheme}://{endpoint.host}").host
        if url.scheme != "http" or scheme != "http" or not same_host:
            raise operation.fault(FaultCode.TOKEN, "the realm of the challenge is not an HTTPS URL")
    return url


def _read_token(body: bytes, request: Operation) -> tuple[str, float]:
    try:
        data: Any = parse(body)
    except StrictJsonError as error:
        raise request.fault(FaultCode.TOKEN, f"the token service answers {error}") from error
    token = (data.get("token") or data.get("access_token")) if isinstance(data, dict) else None
    if not isinstance(token, str) or len(token) > MAX_TOKEN or not _TOKEN.fullmatch(token):
        raise request.fault(FaultCode.TOKEN, "the token service answers without a usable token")
    seconds = data.get("expires_in")
    if type(seconds) is not int or seconds < 0:
        seconds = _DEFAULT_LIFETIME_S
    # A fifth less than promised, so that no token expires on its way.
    return f"Bearer {token}", 0.8 * min(seconds, _MAX_LIFETIME_S)
