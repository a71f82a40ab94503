"""The fault matrix of registries (threats F1 to F16, F35): one fault, one code, a bounded number of requests.

Each row scripts the registry, asks once, and states the code and how many requests the registry saw.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.faults import FaultCode
from pratique.runtime.registry.media_types import OCI_INDEX, OCI_MANIFEST
from tests.support_registry import (
    Asked,
    FakeRegistry,
    Reply,
    descriptor,
    free_port,
    image,
    index,
    run,
    sha256,
)

BODY = image()
DIGEST = sha256(BODY)
OTHER = image("other")
OK = Reply(body=BODY, headers={"Content-Type": OCI_MANIFEST})
TAG_PATH = "/v2/team/app/manifests/v1"
DIGEST_PATH = f"/v2/team/app/manifests/{DIGEST}"
BLOB = b"payload"
BLOB_PATH = f"/v2/team/app/blobs/{sha256(BLOB)}"
REFERRERS_PATH = f"/v2/team/app/referrers/{DIGEST}"
FALLBACK_PATH = f"/v2/team/app/manifests/{DIGEST.replace(':', '-')}"

Ask = Callable[[DistributionClient, Repository], Awaitable[Any]]
Setup = Callable[[FakeRegistry], None]


async def by_tag(client: DistributionClient, repository: Repository) -> Any:
    return (await client.manifest(repository, "v1")).digest


async def by_digest(client: DistributionClient, repository: Repository) -> Any:
    return (await client.manifest(repository, DIGEST)).digest


async def blob(client: DistributionClient, repository: Repository) -> Any:
    return await client.blob(repository, sha256(BLOB), max_bytes=1 << 20)


async def referrers(client: DistributionClient, repository: Repository) -> Any:
    return await client.referrers(repository, DIGEST)


def opened(**options: Any) -> aclosing[DistributionClient]:
    return aclosing(DistributionClient(**options))


def on(path: str, *replies: Reply | Callable[[Asked], Reply]) -> Setup:
    return lambda registry: registry.on(path, *replies)


def status(code: int, **headers: str) -> Reply:
    return Reply(status=code, headers={name.replace("_", "-"): text for name, text in headers.items()})


def served(body: bytes, media_type: str = OCI_MANIFEST, **headers: str) -> Reply:
    more = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(body=body, headers={"Content-Type": media_type} | more)


def guarded(realm: str, reply: Reply = OK, token: str = "good") -> Callable[[Asked], Reply]:
    """A script that wants a bearer token."""

    def answer(asked: Asked) -> Reply:
        if asked.headers.get("authorization") == f"Bearer {token}":
            return reply
        return status(401, WWW_Authenticate=f'Bearer realm="{realm}",service="reg"')

    return answer


def with_token(*answers: Reply, **options: Any) -> Setup:
    """A registry with a token service on its own host."""

    def setup(registry: FakeRegistry) -> None:
        registry.on(TAG_PATH, guarded(f"{registry.url}/token", **options))
        registry.on("/token", *answers)

    return setup


def token_answer(**fields: Any) -> Reply:
    return Reply(body=json.dumps(fields).encode(), headers={"Content-Type": "application/json"})


GOOD_TOKEN = token_answer(token="good")


def descending(depth: int) -> bytes:
    return b'{"schemaVersion":2,"x":' + b"[" * depth + b"]" * depth + b"}"


@dataclass(frozen=True)
class Row:
    """One line of the matrix: what the registry does, what is asked, and what comes of it."""

    id: str
    setup: Setup
    ask: Ask
    code: FaultCode | None
    requests: int


F = FaultCode
SOON = formatdate(time.time() + 1, usegmt=True)
ROWS = [
    Row("F1 token service", with_token(GOOD_TOKEN), by_tag, None, 3),
    Row("F1 access_token", with_token(token_answer(access_token="good")), by_tag, None, 3),
    Row("F2 403", on(TAG_PATH, status(403)), by_tag, F.AUTH, 1),
    Row("F2 401 without challenge", on(TAG_PATH, status(401)), by_tag, F.AUTH, 1),
    Row("F2 401 after token", with_token(GOOD_TOKEN, token="other"), by_tag, F.AUTH, 3),
    Row("F2 403 after token", with_token(GOOD_TOKEN, reply=status(403)), by_tag, F.AUTH, 3),
    Row("F2 token service refuses", with_token(status(401)), by_tag, F.AUTH, 2),
    Row(
        "F2 Basic without credential",
        on(TAG_PATH, status(401, WWW_Authenticate='Basic realm="x"')),
        by_tag,
        F.AUTH,
        1,
    ),
    Row(
        "F2 malformed challenge",
        on(TAG_PATH, status(401, WWW_Authenticate='Bearer realm="x" realm')),
        by_tag,
        F.AUTH,
        1,
    ),
    Row("F2 unknown scheme", on(TAG_PATH, status(401, WWW_Authenticate="Negotiate")), by_tag, F.AUTH, 1),
    Row("F3 no manifest", on(TAG_PATH, status(404)), by_tag, F.IMAGE_NOT_FOUND, 1),
    Row("F3 no blob", on(BLOB_PATH, status(404)), blob, F.BLOB_NOT_FOUND, 1),
    Row("F4 no referrers", on(REFERRERS_PATH, served(index(), OCI_INDEX)), referrers, None, 1),
    Row("F5 404", on(REFERRERS_PATH, status(404)), referrers, None, 2),
    Row("F5 405", on(REFERRERS_PATH, status(405)), referrers, None, 2),
    Row("F5 406", on(REFERRERS_PATH, status(406)), referrers, None, 2),
    Row("F5 501", on(REFERRERS_PATH, status(501)), referrers, None, 2),
    Row("F5 HTML", on(REFERRERS_PATH, served(b"<html>", "text/html")), referrers, None, 2),
    Row("F6 soon", on(TAG_PATH, status(429, Retry_After="1"), OK), by_tag, None, 2),
    Row("F6 at a date", on(TAG_PATH, status(429, Retry_After=SOON), OK), by_tag, None, 2),
    Row("F6 again", on(TAG_PATH, status(429, Retry_After="0")), by_tag, F.THROTTLED, 2),
    Row("F6 in an hour", on(TAG_PATH, status(429, Retry_After="3600")), by_tag, F.THROTTLED, 1),
    Row("F6 garbage", on(TAG_PATH, status(429, Retry_After="soon")), by_tag, F.THROTTLED, 1),
    Row("F6 negative", on(TAG_PATH, status(429, Retry_After="-1")), by_tag, F.THROTTLED, 1),
    Row("F6 nothing said", on(TAG_PATH, status(429)), by_tag, F.THROTTLED, 1),
    Row("F7 500", on(TAG_PATH, status(500)), by_tag, F.UNAVAILABLE, 3),
    Row("F7 502", on(TAG_PATH, status(502)), by_tag, F.UNAVAILABLE, 3),
    Row("F7 503", on(BLOB_PATH, status(503)), blob, F.UNAVAILABLE, 3),
    Row("F7 504", on(REFERRERS_PATH, status(504)), referrers, F.UNAVAILABLE, 3),
    Row("F7 twice, then well", on(TAG_PATH, status(500), status(503), OK), by_tag, None, 3),
    Row("F8 hang up", on(TAG_PATH, Reply(hang_up=True)), by_tag, F.UNREACHABLE, 2),
    Row("F8 hang up once", on(TAG_PATH, Reply(hang_up=True), OK), by_tag, None, 2),
    Row("F8 reset in the body", on(TAG_PATH, Reply(body=BODY, reset_after=9)), by_tag, F.UNREACHABLE, 2),
    Row("F9 one byte a second", on(TAG_PATH, Reply(body=BODY, drip_s=1.0)), by_tag, F.TIMEOUT, 1),
    Row("F9 stalled after the head", on(TAG_PATH, Reply(body=BODY, stall=True)), by_tag, F.TIMEOUT, 1),
    Row("F9 no head", on(TAG_PATH, Reply(delay_s=60)), by_tag, F.TIMEOUT, 1),
    Row("F9 endless manifest", on(TAG_PATH, Reply(endless=True)), by_tag, F.TOO_LARGE, 1),
    Row("F9 endless blob", on(BLOB_PATH, Reply(endless=True)), blob, F.TOO_LARGE, 1),
    Row(
        "F9 endless referrers",
        on(REFERRERS_PATH, Reply(endless=True, headers={"Content-Type": OCI_INDEX})),
        referrers,
        F.TOO_LARGE,
        1,
    ),
    Row("F9 endless error", on(TAG_PATH, Reply(status=404, endless=True)), by_tag, F.IMAGE_NOT_FOUND, 1),
    Row("F11 5 MiB", on(TAG_PATH, served(b" " * (5 << 20))), by_tag, F.TOO_LARGE, 1),
    Row("F11 1 GiB declared", on(TAG_PATH, Reply(declared=1 << 30, stall=True)), by_tag, F.TOO_LARGE, 1),
    Row("F11 10 GiB declared (C6)", on(BLOB_PATH, Reply(declared=10 << 30)), blob, F.TOO_LARGE, 1),
    Row("F11 too long declared", on(TAG_PATH, Reply(body=BODY, declared=9999)), by_tag, F.UNREACHABLE, 2),
    Row(
        "F11 too short declared",
        on(TAG_PATH, Reply(body=BODY, declared=9, headers=OK.headers)),
        by_tag,
        F.RESPONSE,
        1,
    ),
    Row("F11 gzip", on(TAG_PATH, served(BODY, Content_Encoding="gzip")), by_tag, F.TOO_LARGE, 1),
    Row("F11 gzip blob", on(BLOB_PATH, served(BLOB, Content_Encoding="gzip")), blob, F.TOO_LARGE, 1),
    Row("F11 no length", on(TAG_PATH, Reply(body=BODY, declared=-1, headers=OK.headers)), by_tag, None, 1),
    Row("F12 malformed", on(TAG_PATH, served(b"{")), by_tag, F.BAD_MANIFEST, 1),
    Row("F12 media type", on(TAG_PATH, served(BODY, "text/plain")), by_tag, F.BAD_MANIFEST, 1),
    Row("F12 schema 1", on(TAG_PATH, served(b'{"schemaVersion":1}')), by_tag, F.BAD_MANIFEST, 1),
    Row("F12 empty index", on(TAG_PATH, served(index(), OCI_INDEX)), by_tag, F.BAD_MANIFEST, 1),
    Row("F12 deep", on(TAG_PATH, served(descending(50_000))), by_tag, F.BAD_MANIFEST, 1),
    Row("F12 nothing", on(TAG_PATH, served(b"")), by_tag, F.BAD_MANIFEST, 1),
    Row("F12 two readings (O3)", on(TAG_PATH, served(image(manifests=[]))), by_tag, F.AMBIGUOUS_MANIFEST, 1),
    Row("F12 other type (O3)", on(TAG_PATH, served(BODY, OCI_INDEX)), by_tag, F.AMBIGUOUS_MANIFEST, 1),
    Row("F13 by digest (K2)", on(DIGEST_PATH, served(OTHER)), by_digest, F.DIGEST_MISMATCH, 1),
    Row(
        "F13 header by tag (K2)",
        on(TAG_PATH, served(OTHER, Docker_Content_Digest=DIGEST)),
        by_tag,
        F.DIGEST_MISMATCH,
        1,
    ),
    Row(
        "F13 header by digest (N4)",
        on(DIGEST_PATH, served(BODY, Docker_Content_Digest=sha256(OTHER))),
        by_digest,
        F.DIGEST_MISMATCH,
        1,
    ),
    Row("F13 blob", on(BLOB_PATH, served(b"other")), blob, F.DIGEST_MISMATCH, 1),
    Row("F15 token service 500", with_token(status(500)), by_tag, F.TOKEN, 3),
    Row("F15 token service 500 once", with_token(status(500), GOOD_TOKEN), by_tag, None, 4),
    Row("F15 hangs up", with_token(Reply(hang_up=True)), by_tag, F.TOKEN, 3),
    Row("F15 slow", with_token(Reply(stall=True, body=b"{}")), by_tag, F.TOKEN, 2),
    Row("F15 404", with_token(status(404)), by_tag, F.TOKEN, 2),
    Row("F15 redirects", with_token(status(302, Location="https://evil.test/")), by_tag, F.TOKEN, 2),
    Row("F15 no token", with_token(token_answer(expires_in=60)), by_tag, F.TOKEN, 2),
    Row("F15 not JSON", with_token(Reply(body=b"<html>")), by_tag, F.TOKEN, 2),
    Row("F15 token of 1 MiB", with_token(token_answer(token="x" * (1 << 20))), by_tag, F.TOKEN, 2),
    Row("F15 token with line feed", with_token(token_answer(token="a\r\nX: y")), by_tag, F.TOKEN, 2),
    Row("F15 token is a number", with_token(token_answer(token=7)), by_tag, F.TOKEN, 2),
    Row("unexpected 418", on(TAG_PATH, status(418)), by_tag, F.RESPONSE, 1),
    Row("unexpected 206", on(BLOB_PATH, Reply(status=206, body=BLOB)), blob, F.RESPONSE, 1),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_one_fault_has_one_code(row: Row) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, opened(timeout_s=0.6, deadline_s=5) as client:
            row.setup(registry)
            started = time.monotonic()
            repository = Repository(registry.host, "team/app")
            if row.code is None:
                await row.ask(client, repository)
            else:
                with pytest.raises(TransportError) as caught:
                    await row.ask(client, repository)
                _check(caught.value, row.code, registry.host)
            assert registry.count() == row.requests
            assert client.tally.requests.total + client.tally.tokens == row.requests
            assert time.monotonic() - started < 15

    run(scenario)


def _check(error: TransportError, code: FaultCode, host: str) -> None:
    assert error.code == code
    assert error.message.startswith(f"{host}: ")
    assert "team/app" in error.message
    assert error.message.isprintable()
    is_missing = code in (FaultCode.IMAGE_NOT_FOUND, FaultCode.BLOB_NOT_FOUND)
    assert isinstance(error, NotFoundError) is is_missing


@pytest.mark.parametrize("name", ["nosuch.invalid", ""], ids=["F8 no such name", "F8 refused"])
def test_unreachable(name: str) -> None:
    async def scenario() -> None:
        host = name or f"127.0.0.1:{free_port()}"
        async with opened(timeout_s=2) as client:
            with pytest.raises(TransportError) as caught:
                await client.manifest(Repository(host, "team/app"), "v1")
        _check(caught.value, FaultCode.UNREACHABLE, host)
        assert client.tally.requests.total == 0
        if name:
            words = f'Get "https://{host}/v2/": dial tcp: lookup {host}: no such host'
        else:
            words = "; ".join(
                f'Get "{scheme}://{host}/v2/": dial tcp {host}: connect: connection refused'
                for scheme in ("https", "http")
            )
        assert caught.value.detail == words

    run(scenario)


def test_deadline_covers_retries_and_waiting() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, opened(timeout_s=5, deadline_s=0.5) as client:
            registry.on(TAG_PATH, Reply(status=503, delay_s=0.3))
            registry.on(DIGEST_PATH, status(429, Retry_After="2"))
            repository = Repository(registry.host, "team/app")
            for ask, code in ((by_tag, FaultCode.TIMEOUT), (by_digest, FaultCode.THROTTLED)):
                started = time.monotonic()
                with pytest.raises(TransportError) as caught:
                    await ask(client, repository)
                assert caught.value.code in (code, FaultCode.UNAVAILABLE)
                assert time.monotonic() - started < 8

    run(scenario)


def test_f16_the_digest_asked_for_decides() -> None:
    """An index and its child are two manifests; nothing leads from one to the other by itself."""

    async def scenario() -> None:
        async with FakeRegistry() as registry, opened() as client:
            whole = index(descriptor(BODY, OCI_MANIFEST))
            registry.manifest("team/app", whole, "v1", media_type=OCI_INDEX)
            registry.manifest("team/app", BODY)
            repository = Repository(registry.host, "team/app")
            assert (await client.manifest(repository, "v1")).digest == sha256(whole)
            assert (await client.manifest(repository, DIGEST)).digest == DIGEST
            assert registry.count() == 2

    run(scenario)


def test_messages_say_nothing_that_the_registry_said() -> None:
    """K30: whatever the body, the headers or the status line hold, none of it comes back."""
    marker = "REMOTE-MARKER"
    body = json.dumps({"errors": [{"code": marker, "message": marker, "detail": marker}]}).encode()
    headers = {"X": marker, "Content-Type": marker, "WWW-Authenticate": f'Bearer realm="{marker}"'}

    async def scenario() -> None:
        async with FakeRegistry() as registry, opened(timeout_s=1) as client:
            repository = Repository(registry.host, "team/app")
            for code in (200, 302, 400, 401, 403, 404, 418, 429, 500):
                reply = Reply(status=code, body=body, headers=headers | {"Location": f"http://{marker}/"})
                asks = [(TAG_PATH, by_tag), (BLOB_PATH, blob), (REFERRERS_PATH, referrers)]
                # 404 for referrers and for their tag is no fault.
                for path, ask in asks[:2] if code == 404 else asks:
                    registry.on(path, reply)
                    registry.on(FALLBACK_PATH, reply)
                    with pytest.raises(TransportError) as caught:
                        await ask(client, repository)
                    assert marker not in caught.value.message + caught.value.detail

    run(scenario)


def test_every_code_has_its_row_in_the_reference() -> None:
    text = (Path(__file__).parents[3] / "docs" / "reasons.md").read_text()
    section = text.partition("## Registries and layouts")[2].partition("\n## ")[0]
    documented = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(documented) == sorted(code.value for code in FaultCode)
