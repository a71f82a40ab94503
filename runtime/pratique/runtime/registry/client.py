"""Image store over OCI distribution registries, with mirrors.

References: OCI distribution specification 1.1.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from copy import copy
from typing import TypeVar
from urllib.parse import quote

from aiohttp.abc import AbstractResolver
from yarl import URL

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Descriptor, Digest, Manifest, Repository
from pratique.runtime.registry.auth import Authenticator
from pratique.runtime.registry.content import (
    MAX_MANIFEST_BYTES,
    MAX_REFERRERS,
    NO_REFERRERS_INDEX,
    algorithm_of,
    check_digest,
    check_reference,
    check_repository,
    fallback_tag,
    is_digest,
    read_index,
    read_manifest,
    referrers_in,
    with_artifact_type,
)
from pratique.runtime.registry.credentials import ANONYMOUS, CredentialSource
from pratique.runtime.registry.endpoints import (
    NO_MIRRORS,
    TLS_ONLY,
    Endpoint,
    InsecureHosts,
    Mirrors,
    endpoints,
)
from pratique.runtime.registry.exchange import Answer, Exchange
from pratique.runtime.registry.faults import TRANSIENT, FaultCode, Operation
from pratique.runtime.registry.go_words import error_detail
from pratique.runtime.registry.media_types import ACCEPT_MANIFEST, INDEXES, OCI_INDEX
from pratique.runtime.registry.proxies import DIRECT, Proxies
from pratique.runtime.registry.redirects import BLOBS, MANIFESTS
from pratique.runtime.registry.requests import Request, Requester
from pratique.runtime.registry.tally import Kind, Tally
from pratique.runtime.single_flight import SingleFlight

MAX_PAGES = 20
"""Pages of referrers that are read."""

NO_REFERRERS_API = frozenset({400, 404, 405, 406, 501})
"""How registries say that they do not know the referrers API; 406 is Artifactory."""

_NEXT = re.compile(r'<([^<>]{1,4096})>\s*;[^,]{0,256}\brel="?next"?')

T = TypeVar("T")


class DistributionClient:
    """Asks registries over HTTP(S).

    Nothing is kept but authorizations and which hosts speak plain HTTP: each call asks the registry, except
    that equal calls under way at the same time are one. All limits are finite without any configuration.

    Args:
        credentials: where a challenge's credential is looked up; without it access is anonymous.
        insecure: who may be spoken to over plain HTTP.
        mirrors: places to ask before the origin.
        timeout_s: seconds for one HTTP request.
        deadline_s: seconds for one call with all its requests, redirects, retries and waiting.
        max_concurrency: requests to one host under way at once.
        tls: context for HTTPS; None for the system's authorities.
        resolver: names to addresses; None for the system's.
        proxies: which proxy to send a request through.
    """

    def __init__(
        self,
        *,
        credentials: CredentialSource = ANONYMOUS,
        insecure: InsecureHosts = TLS_ONLY,
        mirrors: Mirrors = NO_MIRRORS,
        timeout_s: float = 10.0,
        deadline_s: float = 30.0,
        max_concurrency: int = 8,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
        proxies: Proxies = DIRECT,
    ) -> None:
        self._insecure = insecure
        self._mirrors = mirrors
        self._deadline_s = deadline_s
        self.tally = Tally()
        self._exchange = Exchange(
            timeout_s=timeout_s,
            max_concurrency=max_concurrency,
            tls=tls,
            resolver=resolver,
            proxies=proxies,
        )
        self._ask_with(credentials)

    def with_access(
        self, credentials: CredentialSource, *, insecure: InsecureHosts | None = None
    ) -> DistributionClient:
        """Return a client with other credentials, which shares nothing that these could have opened.

        It has the connections, limits and figures of this one; close only this one.

        Args:
            credentials: instead of this client's.
            insecure: who may be spoken to over plain HTTP; None for this client's.
        """
        other = copy(self)
        other._insecure = self._insecure if insecure is None else insecure
        other._ask_with(credentials)
        return other

    def _ask_with(self, credentials: CredentialSource) -> None:
        """Start without any authorization, knowledge of hosts or call under way."""
        self._requester = Requester(
            self._exchange, Authenticator(self._exchange, credentials, self.tally), self.tally
        )
        self._manifests = SingleFlight[Manifest]()
        self._blobs = SingleFlight[bytes]()
        self._referrers = SingleFlight[tuple[Descriptor, ...]]()

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        """Return the manifest that a tag or digest names, see `ImageStore.manifest`.

        References: distribution specification, pulling manifests. The digest of a tag is sha256 of the bytes.
        """
        operation = _operation(repository, f"manifest {_join(repository, reference)}")
        check_repository(repository, operation)
        check_reference(reference, operation)

        async def ask(endpoint: Endpoint, deadline: float) -> Manifest:
            place = Operation(endpoint.host, operation.what)
            return await self._manifest(endpoint, repository, reference, place, deadline)

        return await self._manifests.run(
            (repository, reference), lambda: self._ask(repository, ask, operation)
        )

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        """Return a blob, see `ImageStore.blob`."""
        operation = _operation(repository, f"blob {digest} of {repository.path}")
        check_repository(repository, operation)
        algorithm_of(digest, operation)

        async def ask(endpoint: Endpoint, deadline: float) -> bytes:
            place = Operation(endpoint.host, operation.what)
            request = Request(kind="blobs", parts=("blobs", digest), max_bytes=max_bytes, redirects=BLOBS)
            answer = await self._requester.get(endpoint, request, place, deadline)
            if answer.status == 404:
                raise place.missing(
                    FaultCode.BLOB_NOT_FOUND, detail=error_detail(answer, digest, endpoint.path)
                )
            _demand_success(answer, place)
            check_digest(answer.body, digest, place)
            return answer.body

        return await self._blobs.run(
            (repository, digest, max_bytes), lambda: self._ask(repository, ask, operation)
        )

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """Return the referrers of a digest, see `ImageStore.referrers`.

        A registry that does not know the API is asked for the fallback tag; without that there are none.
        Where a mirror has none the origin is asked, since mirrors often leave referrers out.

        References: distribution specification, listing referrers, unavailable referrers API.
        """
        operation = _operation(repository, f"referrers of {_join(repository, digest)}")
        check_repository(repository, operation)
        algorithm_of(digest, operation)

        async def ask(endpoint: Endpoint, deadline: float) -> tuple[Descriptor, ...]:
            place = Operation(endpoint.host, operation.what)
            found = await self._by_api(endpoint, digest, artifact_type, place, deadline)
            if found is None:
                found = await self._by_tag(endpoint, repository, digest, place, deadline)
            found = with_artifact_type(found, artifact_type)
            if endpoint.is_mirror and not found:
                raise place.missing(FaultCode.IMAGE_NOT_FOUND, "no referrers")
            return found

        return await self._referrers.run(
            (repository, digest, artifact_type), lambda: self._ask(repository, ask, operation)
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._exchange.aclose()

    async def _ask(
        self, repository: Repository, ask: Callable[[Endpoint, float], Awaitable[T]], operation: Operation
    ) -> T:
        """Ask the mirror, then the origin, within the deadline; a mirror gets half of it."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._deadline_s
        for endpoint in endpoints(repository, self._mirrors, self._insecure):
            deadline = (clock() + end) / 2 if endpoint.is_mirror else end
            try:
                async with asyncio.timeout_at(deadline):
                    return await ask(endpoint, deadline)
            except TimeoutError as error:
                if not endpoint.is_mirror:
                    text = f"no answer within {self._deadline_s:g} s, retries and waiting included"
                    raise operation.fault(FaultCode.TIMEOUT, text) from error
            except TransportError as error:
                if not endpoint.is_mirror or error.code not in TRANSIENT:
                    raise
        raise AssertionError  # The origin is the last endpoint, and returns or raises.

    async def _manifest(
        self,
        endpoint: Endpoint,
        repository: Repository,
        reference: str,
        operation: Operation,
        deadline: float,
        *,
        kind: Kind = "manifests",
    ) -> Manifest:
        request = Request(
            kind=kind,
            parts=("manifests", reference),
            accept=ACCEPT_MANIFEST,
            max_bytes=MAX_MANIFEST_BYTES,
            redirects=MANIFESTS,
        )
        answer = await self._requester.get(endpoint, request, operation, deadline)
        if answer.status == 404:
            detail = error_detail(answer, reference, endpoint.path)
            raise operation.missing(FaultCode.IMAGE_NOT_FOUND, detail=detail)
        _demand_success(answer, operation)
        return read_manifest(
            operation,
            repository,
            answer.body,
            reference=reference,
            media_type=answer.media_type,
            claimed=answer.headers.get("Docker-Content-Digest", ""),
            may_be_empty=kind == "referrers",
        )

    async def _by_api(
        self,
        endpoint: Endpoint,
        digest: Digest,
        artifact_type: str,
        operation: Operation,
        deadline: float,
    ) -> tuple[Descriptor, ...] | None:
        """Return the referrers that the API lists, None where the registry does not have it."""
        query = f"artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
        found: tuple[Descriptor, ...] = ()
        seen: set[str] = set()
        while query not in seen and len(seen) < MAX_PAGES:
            seen.add(query)
            request = Request(
                kind="referrers",
                parts=("referrers", digest),
                query=query,
                accept=OCI_INDEX,
                max_bytes=MAX_MANIFEST_BYTES,
                redirects=MANIFESTS,
            )
            answer = await self._requester.get(endpoint, request, operation, deadline)
            if not found and len(seen) == 1 and _lacks_api(answer):
                return None
            _demand_success(answer, operation)
            found += referrers_in(read_index(answer.body, OCI_INDEX, operation), operation)
            if len(found) > MAX_REFERRERS:
                break
            link = _NEXT.search(answer.headers.get("Link", ""))
            if link is None:
                return found
            query = _next_query(link[1], answer, operation)
        raise operation.fault(
            FaultCode.TOO_LARGE, f"more than {MAX_REFERRERS} referrers or {MAX_PAGES} pages"
        )

    async def _by_tag(
        self,
        endpoint: Endpoint,
        repository: Repository,
        digest: Digest,
        operation: Operation,
        deadline: float,
    ) -> tuple[Descriptor, ...]:
        tag = fallback_tag(digest)
        try:
            index = await self._manifest(endpoint, repository, tag, operation, deadline, kind="referrers")
        except NotFoundError:
            return ()
        if index.digest == digest:
            # GitLab takes `sha256-…` for the digest and answers with the subject itself.
            return ()
        if index.media_type not in INDEXES:
            raise operation.fault(FaultCode.BAD_MANIFEST, NO_REFERRERS_INDEX)
        return referrers_in(index.data, operation)


def _lacks_api(answer: Answer) -> bool:
    return answer.status in NO_REFERRERS_API or (answer.status == 200 and answer.media_type != OCI_INDEX)


def _next_query(link: str, answer: Answer, operation: Operation) -> str:
    """Return the query of the next page, which must be under the same URL."""
    try:
        url = answer.url.join(URL(link, encoded=True))
        same = url.origin() == answer.url.origin() and url.raw_path == answer.url.raw_path
    except ValueError:
        same = False
    if not same or not url.raw_query_string.isprintable():
        raise operation.fault(FaultCode.RESPONSE, "the next page of referrers leads elsewhere")
    return url.raw_query_string


def _demand_success(answer: Answer, operation: Operation) -> None:
    if answer.status != 200:
        text = f"unexpected answer (HTTP {answer.status})"
        raise operation.fault(FaultCode.RESPONSE, text, detail=error_detail(answer))


def _operation(repository: Repository, what: str) -> Operation:
    return Operation(repository.registry[:255], what[:512])


def _join(repository: Repository, reference: str) -> str:
    return f"{repository.path}{'@' if is_digest(reference) else ':'}{reference}"
