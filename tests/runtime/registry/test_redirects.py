"""Redirects (threats F10, H1, O2): blobs may move, credentials may not, nobody leads us inside.

DEVIATION: Kyverno follows up to ten redirects of any kind; these tests are where pratique does not.
"""

from __future__ import annotations

import base64
import json
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Repository
from pratique.runtime.registry import addresses, exchange
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import pull_secrets
from pratique.runtime.registry.media_types import OCI_INDEX, OCI_MANIFEST
from tests.support_registry import Asked, FakeRegistry, FixedNames, Reply, image, index, run, sha256
from tests.support_tls import Authority

BLOB = b"payload"
BLOB_PATH = f"/v2/app/blobs/{sha256(BLOB)}"
TAG_PATH = "/v2/app/manifests/v1"
MANIFEST = Reply(body=image(), headers={"Content-Type": OCI_MANIFEST})
BASIC = Credential(username="u", password="p").basic


def to(location: str, status: int = 307) -> Reply:
    return Reply(status=status, headers={"Location": location})


async def blob(client: DistributionClient, host: str) -> bytes:
    return await client.blob(Repository(host, "app"), sha256(BLOB), max_bytes=100)


async def refused(client: DistributionClient, host: str, ask: Any = blob) -> str:
    with pytest.raises(TransportError) as caught:
        await ask(client, host)
    assert caught.value.code == "redirect-refused"
    return caught.value.message


async def manifest(client: DistributionClient, host: str) -> Any:
    return await client.manifest(Repository(host, "app"), "v1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_blob_on_the_same_host(status: int) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(BLOB_PATH, to("/store/x?sig=a%2Fb%3D", status))
            registry.on("/store/x?sig=a%2Fb%3D", Reply(body=BLOB))
            assert await blob(client, registry.host) == BLOB
            assert registry.count() == 2

    run(scenario)


@pytest.mark.parametrize(("hops", "requests"), [(3, 4), (4, 4), (11, 4)])
def test_f10_three_hops_and_no_more(hops: int, requests: int) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(BLOB_PATH, to("/1"))
            for hop in range(1, hops):
                registry.on(f"/{hop}", to(f"/{hop + 1}"))
            registry.on(f"/{hops}", Reply(body=BLOB))
            if hops <= 3:
                assert await blob(client, registry.host) == BLOB
            else:
                await refused(client, registry.host)
            assert registry.count() == requests

    run(scenario)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "file:///etc/passwd",
        "ftp://host.example/x",
        "javascript:alert(1)",
        "http://user:pw@127.0.0.1/x",
        "http://127.0.0.1:99999/x",
        "/a b",
        "/a\\b",
        "http:\\\\evil.test\\x",
        "http://2130706433/x",
        "http://0177.0.0.1/x",
        "/" + "a" * 9000,
    ],
)
def test_f10_what_is_no_url_to_follow(location: str) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(BLOB_PATH, to(location))
            with pytest.raises(TransportError) as caught:
                await blob(client, registry.host)
            # Beyond 8190 bytes the HTTP library refuses the header itself.
            assert caught.value.code == ("redirect-refused" if len(location) < 8000 else "registry-response")
            assert registry.count() == 1

    run(scenario)


def test_f10_redirect_loop() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(BLOB_PATH, to(BLOB_PATH))
            await refused(client, registry.host)
            assert registry.count() == 4

    run(scenario)


def test_h1_credentials_stay_with_the_registry() -> None:
    """O2 as well: an inside registry may lead to another inside host, but takes no credential there."""

    async def scenario() -> None:
        async with FakeRegistry() as registry, FakeRegistry() as store:

            def script(asked: Asked) -> Reply:
                if asked.headers.get("authorization") == BASIC:
                    return to(f"{store.url}/x")
                return Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'})

            registry.on(BLOB_PATH, script)
            store.on("/x", Reply(body=BLOB))
            auth = {"auth": base64.b64encode(b"u:p").decode()}
            secret = json.dumps({"auths": {registry.host: auth, store.host: auth}}).encode()
            async with aclosing(DistributionClient(credentials=pull_secrets([secret]))) as client:
                assert await blob(client, registry.host) == BLOB
                assert "authorization" not in store.asked[0].headers
                # A challenge from there gets no answer.
                store.on("/x", Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
                with pytest.raises(TransportError) as caught:
                    await blob(client, registry.host)
                assert caught.value.code == "registry-auth"
                assert all("authorization" not in asked.headers for asked in store.asked)
                assert store.count() == 2

    run(scenario)


def test_o2_challenge_of_a_redirect_target_gets_no_credential_of_the_registry() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, FakeRegistry() as store:
            registry.on(BLOB_PATH, to(f"{store.url}/x"))
            store.on("/token", Reply(body=b'{"token":"good"}'))
            secret = {"auths": {registry.host: {"username": "u", "password": "p"}}}
            for challenge in (f'Bearer realm="{store.url}/token"', 'Basic realm="x"'):
                store.on("/x", Reply(status=401, headers={"WWW-Authenticate": challenge}))
                credentials = pull_secrets([json.dumps(secret).encode()])
                async with aclosing(DistributionClient(credentials=credentials)) as client:
                    with pytest.raises(TransportError) as caught:
                        await blob(client, registry.host)
                    assert caught.value.code == "registry-auth"
            assert [asked.target for asked in store.asked] == ["/x", "/x"]
            assert all("authorization" not in asked.headers for asked in registry.asked + store.asked)

    run(scenario)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.2 and up count as public addresses, 127.0.0.1 stays inside."""

    def is_inside(address: str) -> bool:
        return address == "127.0.0.1"

    monkeypatch.setattr(addresses, "is_inside", is_inside)
    monkeypatch.setattr(exchange, "is_inside", is_inside)


NAMES = {
    "reg.example": ["127.0.0.2"],
    "store.example": ["127.0.0.3"],
    "inside.example": ["127.0.0.1"],
}


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("ask", [blob, manifest])
@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("https://store.example:{store}/x", True),
        ("https://reg.example:{registry}/x", True),
        ("https://inside.example:{inside}/x", False),
        ("https://127.0.0.1:{inside}/x", False),
        ("https://2130706433:{inside}/x", False),
        ("http://store.example:{store}/x", False),
        ("http://reg.example:{registry}/x", False),
    ],
)
def test_f10_public_registry_leads_to_public_https_hosts_only(
    tmp_path: Path, ask: Any, location: str, followed: bool
) -> None:
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            tls = authority.server_context("reg.example", "store.example", "inside.example", "127.0.0.1")
            registry, store, inside = [
                await stack.enter_async_context(FakeRegistry(address=address, tls=tls))
                for address in ("127.0.0.2", "127.0.0.3", "127.0.0.1")
            ]
            target = location.format(registry=registry.port, store=store.port, inside=inside.port)
            registry.on(BLOB_PATH, to(target))
            registry.on(TAG_PATH, to(target))
            answer = Reply(body=BLOB) if ask is blob else MANIFEST
            for server in (registry, store, inside):
                server.on("/x", answer)
            client = await stack.enter_async_context(
                aclosing(DistributionClient(tls=authority.client_context(), resolver=FixedNames(NAMES)))
            )
            host = f"reg.example:{registry.port}"
            if followed:
                await ask(client, host)
            else:
                await refused(client, host, ask)
                assert registry.count() == 1
                assert store.asked == inside.asked == []

    run(scenario)


@pytest.mark.usefixtures("outside")
def test_chain_that_went_outside_does_not_come_back_in(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        tls = authority.server_context("store.example", "inside.example")
        async with (
            FakeRegistry(tls=tls) as registry,
            FakeRegistry(address="127.0.0.3", tls=tls) as store,
            aclosing(
                DistributionClient(tls=authority.client_context(), resolver=FixedNames(NAMES))
            ) as client,
        ):
            registry.on(BLOB_PATH, to(f"https://store.example:{store.port}/x"))
            store.on("/x", to(f"https://inside.example:{registry.port}/secret"))
            registry.on("/secret", Reply(body=BLOB))
            await refused(client, f"inside.example:{registry.port}")
            assert registry.count() == 1

    run(scenario)


def test_manifests_of_an_inside_registry_stay_there_over_tls_too(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        async with (
            FakeRegistry(tls=authority.server_context("127.0.0.1")) as registry,
            aclosing(DistributionClient(tls=authority.client_context())) as client,
        ):
            registry.on(TAG_PATH, to("/x"))
            registry.on(BLOB_PATH, to("/y"))
            registry.on("/x", MANIFEST)
            registry.on("/y", Reply(body=BLOB))
            await refused(client, registry.host, manifest)
            assert registry.count("/x") == 0
            assert await blob(client, registry.host) == BLOB

    run(scenario)


def test_manifests_and_referrers_of_an_inside_registry_stay_there() -> None:
    async def referrers(client: DistributionClient, host: str) -> Any:
        return await client.referrers(Repository(host, "app"), sha256(BLOB))

    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(TAG_PATH, to("/x"))
            registry.on(f"/v2/app/referrers/{sha256(BLOB)}", to("/y"))
            registry.on("/x", MANIFEST)
            registry.on("/y", Reply(body=index(), headers={"Content-Type": OCI_INDEX}))
            await refused(client, registry.host, manifest)
            await refused(client, registry.host, referrers)
            assert registry.count() == 2

    run(scenario)


def test_message_does_not_say_where_to() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(BLOB_PATH, to("http://marker.invalid/x"))
            with pytest.raises(TransportError) as caught:
                await blob(client, registry.host)
            assert caught.value.code == "registry-unreachable"
            assert "(redirected)" in caught.value.message
            assert "marker" not in caught.value.message + caught.value.detail

    run(scenario)
