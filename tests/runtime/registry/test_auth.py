"""Challenges, tokens and where credentials go (rule R11, threats O1, O4, A1, K31, F1, F15, F35)."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Repository
from pratique.runtime.registry import addresses, exchange
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import pull_secrets
from pratique.runtime.registry.endpoints import InsecureHosts
from pratique.runtime.registry.media_types import OCI_MANIFEST
from tests.support_registry import Asked, FakeRegistry, FixedNames, Reply, image, run
from tests.support_tls import Authority

OK = Reply(body=image(), headers={"Content-Type": OCI_MANIFEST})
PATH = "/v2/team/app/manifests/v1"
PASSWORD = "s3cr3t-marker"
BASIC = Credential(username="user", password=PASSWORD).basic
TOKEN = Reply(body=b'{"token":"good"}')


def keys(*hosts: str, **entry: str) -> Any:
    value = entry or {"auth": base64.b64encode(f"user:{PASSWORD}".encode()).decode()}
    return pull_secrets([json.dumps({"auths": dict.fromkeys(hosts, value)}).encode()])


def wants(header: str, challenge: str, reply: Reply = OK) -> Any:
    def script(asked: Asked) -> Reply:
        if asked.headers.get("authorization") == header:
            return reply
        return Reply(status=401, headers={"WWW-Authenticate": challenge})

    return script


async def pull(client: DistributionClient, host: str, path: str = "team/app") -> str:
    return (await client.manifest(Repository(host, path), "v1")).digest


async def refused(client: DistributionClient, host: str, code: str) -> str:
    with pytest.raises(TransportError) as caught:
        await pull(client, host)
    assert caught.value.code == code
    assert PASSWORD not in caught.value.message + caught.value.detail
    return caught.value.message


def test_basic() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, wants(BASIC, 'Basic realm="x"'))
            async with aclosing(DistributionClient(credentials=keys(registry.host))) as client:
                await pull(client, registry.host)
                await pull(client, registry.host)
            assert [a.headers.get("authorization") for a in registry.asked] == [None, BASIC, BASIC]

    run(scenario)


def test_wrong_password_is_sent_once() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, wants("nothing", 'Basic realm="x"'))
            async with aclosing(DistributionClient(credentials=keys(registry.host))) as client:
                await refused(client, registry.host, "registry-auth")
            assert registry.count() == 2

    run(scenario)


def test_token_is_asked_for_the_one_repository_and_used_again() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            challenge = (
                f'Bearer realm="{registry.url}/token?x=1",service="reg",scope="repository:*:pull,push"'
            )
            registry.on(PATH, wants("Bearer good", challenge))
            registry.on("/v2/other/manifests/v1", wants("Bearer good", challenge))
            registry.on("/token", TOKEN)
            async with aclosing(DistributionClient(credentials=keys(registry.host))) as client:
                for path in ("team/app", "team/app", "other"):
                    await pull(client, registry.host, path)
                assert client.tally.requests.tokens == 2
            tokens = [a for a in registry.asked if a.target.startswith("/token")]
            assert [parse_qs(urlsplit(a.target).query) for a in tokens] == [
                {"x": ["1"], "scope": [f"repository:{path}:pull"], "service": ["reg"]}
                for path in ("team/app", "other")
            ]
            assert [a.headers["authorization"] for a in tokens] == [BASIC, BASIC]
            assert registry.count("/v2/") == 5

    run(scenario)


def test_anonymous_token() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, wants("Bearer good", f'Bearer realm="{registry.url}/token"'))
            registry.on("/token", TOKEN)
            async with aclosing(DistributionClient(credentials=keys("other.example"))) as client:
                await pull(client, registry.host)
            assert [a.headers.get("authorization") for a in registry.asked] == [None, None, "Bearer good"]

    run(scenario)


def test_identity_token_goes_in_the_body() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, wants("Bearer good", f'Bearer realm="{registry.url}/token",service="reg"'))
            registry.on("/token", TOKEN)
            credentials = keys(registry.host, identitytoken=PASSWORD)
            async with aclosing(DistributionClient(credentials=credentials)) as client:
                await pull(client, registry.host)
            asked = registry.asked[1]
            assert (asked.method, asked.target) == ("POST", "/token")
            assert parse_qs(asked.body.decode()) == {
                "grant_type": ["refresh_token"],
                "service": ["reg"],
                "client_id": ["pratique"],
                "scope": ["repository:team/app:pull"],
                "refresh_token": [PASSWORD],
            }

    run(scenario)


def test_registry_token_is_sent_as_it_is() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, wants(f"Bearer {PASSWORD}", 'Bearer realm="https://nowhere.test/"'))
            credentials = keys(registry.host, registrytoken=PASSWORD)
            async with aclosing(DistributionClient(credentials=credentials)) as client:
                await pull(client, registry.host)
            assert registry.count() == 2

    run(scenario)


def test_token_that_the_registry_forgets_is_renewed_once() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            challenge = f'Bearer realm="{registry.url}/token"'
            registry.on("/token", Reply(body=b'{"token":"one"}'), Reply(body=b'{"token":"two"}'))
            registry.on(PATH, wants("Bearer one", challenge))
            async with aclosing(DistributionClient()) as client:
                await pull(client, registry.host)
                registry.on(PATH, wants("Bearer two", challenge))
                await pull(client, registry.host)
            sent = [a.headers.get("authorization") for a in registry.asked if a.target == PATH]
            assert sent == [None, "Bearer one", "Bearer one", "Bearer two"]

    run(scenario)


@pytest.mark.parametrize(("lifetime", "tokens"), [("0", 2), ("3600", 1), ('"soon"', 1), ("-5", 1)])
def test_lifetime_of_a_token(lifetime: str, tokens: int) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, wants("Bearer good", f'Bearer realm="{registry.url}/token"'))
            registry.on("/token", Reply(body=f'{{"token":"good","expires_in":{lifetime}}}'.encode()))
            async with aclosing(DistributionClient()) as client:
                await pull(client, registry.host)
                await pull(client, registry.host)
                assert client.tally.requests.tokens == tokens

    run(scenario)


def test_parallel_requests_share_a_token() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            challenge = f'Bearer realm="{registry.url}/token"'
            registry.on("/token", Reply(body=b'{"token":"good"}', delay_s=0.1))
            tags = [f"v{n}" for n in range(8)]
            for tag in tags:
                registry.on(f"/v2/team/app/manifests/{tag}", wants("Bearer good", challenge))
            async with aclosing(DistributionClient()) as client:
                repository = Repository(registry.host, "team/app")
                await asyncio.gather(*(client.manifest(repository, tag) for tag in tags))
                assert client.tally.requests.tokens == 1

    run(scenario)


@pytest.mark.parametrize(
    "realm",
    [
        "",
        "/token",
        "file:///etc/passwd",
        "ftp://auth.example/",
        "gopher://127.0.0.1:6379/",
        "http://auth.example/token",
        "http://169.254.169.254/latest/meta-data/",
        "https://user:pw@auth.example/token",
        "https://auth.example/token#x",
        "https:///token",
        "https://2130706433/token",
        "https://127.1/token",
        "https://auth.exam ple/token",
        "https://" + "a" * 3000,
        "https://bücher.example/",
    ],
)
def test_realm_that_is_never_asked(realm: str) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, wants("Bearer good", f'Bearer realm="{realm}"'))
            async with aclosing(DistributionClient(credentials=keys(registry.host))) as client:
                await refused(client, registry.host, "registry-token")
            assert registry.count() == 1

    run(scenario)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.2 and up count as public addresses, 127.0.0.1 stays inside."""

    def is_inside(address: str) -> bool:
        return address == "127.0.0.1"

    monkeypatch.setattr(addresses, "is_inside", is_inside)
    monkeypatch.setattr(exchange, "is_inside", is_inside)


NAMES = {"reg.example": ["127.0.0.2"], "auth.example": ["127.0.0.3"], "inside.example": ["127.0.0.1"]}


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    ("realm", "code"),
    [
        ("https://auth.example:{auth}/token", None),
        ("https://reg.example:{registry}/token", None),
        ("https://inside.example:{inside}/token", "registry-token"),
        ("https://127.0.0.1:{inside}/token", "registry-token"),
        ("https://2130706433:{inside}/token", "registry-token"),
        ("http://auth.example:{auth}/token", "registry-token"),
    ],
)
@pytest.mark.parametrize("insecure", [False, True])
def test_o1_realm_of_a_public_registry(tmp_path: Path, realm: str, code: str | None, insecure: bool) -> None:
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            tls = authority.server_context("reg.example", "auth.example", "inside.example", "127.0.0.1")
            registry, auth, inside = [
                await stack.enter_async_context(FakeRegistry(address=address, tls=tls))
                for address in ("127.0.0.2", "127.0.0.3", "127.0.0.1")
            ]
            url = realm.format(registry=registry.port, auth=auth.port, inside=inside.port)
            registry.on(PATH, wants("Bearer good", f'Bearer realm="{url}"'))
            for server in (registry, auth, inside):
                server.on("/token", TOKEN)
            host = f"reg.example:{registry.port}"
            other = json.dumps({"auths": {f"auth.example:{auth.port}": {"username": "x", "password": "y"}}})
            client = DistributionClient(
                credentials=pull_secrets(
                    [
                        json.dumps({"auths": {host: {"username": "user", "password": PASSWORD}}}).encode(),
                        other.encode(),
                    ]
                ),
                insecure=InsecureHosts.of(insecure),
                tls=authority.client_context(),
                resolver=FixedNames(NAMES),
            )
            async with aclosing(client):
                if code:
                    await refused(client, host, code)
                    assert auth.asked == inside.asked == []
                else:
                    await pull(client, host)
                    asked = next(a for a in registry.asked + auth.asked if a.target.startswith("/token"))
                    # Only the credential of the registry itself, wherever its token service is.
                    assert asked.headers["authorization"] == BASIC

    run(scenario)


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("listed", [False, True])
def test_o1_listed_registry_may_name_an_inside_realm(tmp_path: Path, listed: bool) -> None:
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        tls = authority.server_context("reg.example", "inside.example")
        async with FakeRegistry(address="127.0.0.2", tls=tls) as registry, FakeRegistry(tls=tls) as inside:
            host = f"reg.example:{registry.port}"
            registry.on(
                PATH, wants("Bearer good", f'Bearer realm="https://inside.example:{inside.port}/token"')
            )
            inside.on("/token", TOKEN)
            client = DistributionClient(
                insecure=InsecureHosts.of([host] if listed else []),
                tls=authority.client_context(),
                resolver=FixedNames(NAMES),
            )
            async with aclosing(client):
                if listed:
                    await pull(client, host)
                else:
                    await refused(client, host, "registry-token")
            assert inside.count() == listed

    run(scenario)


@pytest.mark.usefixtures("outside")
def test_o1_name_that_turns_inside_is_refused(tmp_path: Path) -> None:
    """K29: first a public address, then a private one: the address connected to decides."""
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        tls = authority.server_context("reg.example", "turns.example")
        async with FakeRegistry(address="127.0.0.2", tls=tls) as registry, FakeRegistry(tls=tls) as inside:
            challenge = f'Bearer realm="https://turns.example:{inside.port}/token"'
            registry.on(PATH, wants("Bearer good", challenge))
            names = FixedNames(NAMES | {"turns.example": ["127.0.0.9", "127.0.0.1"]})
            messages = []
            for _ in range(2):
                # A new client each time: one alone remembers a name's addresses for some seconds.
                async with aclosing(
                    DistributionClient(tls=authority.client_context(), resolver=names)
                ) as client:
                    host = f"reg.example:{registry.port}"
                    messages.append((await refused(client, host, "registry-token")).rpartition(": ")[2])
            assert messages == ["connection refused", "the realm has an inside address"]
            assert inside.asked == []

    run(scenario)


def test_a1_credential_of_a_cloud_is_not_for_its_look_alike() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
            credentials = keys("cloud.example", "*.example.evil.test", "evil.test", "example.evil.test")
            client = DistributionClient(
                credentials=credentials,
                insecure=InsecureHosts.of(True),
                resolver=FixedNames({"x.cloud.example.evil.test": ["127.0.0.1"]}),
            )
            async with aclosing(client):
                await refused(client, f"x.cloud.example.evil.test:{registry.port}", "registry-auth")
            assert [a.headers.get("authorization") for a in registry.asked] == [None]

    run(scenario)


def test_authorization_is_not_carried_over_to_another_scheme(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        tls = authority.server_context("127.0.0.1")
        async with FakeRegistry(tls=tls) as registry:
            registry.on(PATH, wants(BASIC, 'Basic realm="x"'))
            host, port = registry.host, registry.port
            client = DistributionClient(credentials=keys(host), tls=authority.client_context())
            await pull(client, host)
        async with aclosing(client), FakeRegistry(port=port) as plain:
            plain.on(PATH, OK)
            await pull(client, host)
            assert [a.headers.get("authorization") for a in plain.asked] == [None]

    run(scenario)


def test_malformed_docker_config_is_a_fault_only_when_asked_for(tmp_path: Path) -> None:
    from pratique.runtime.registry.credentials import DockerConfigFile

    path = tmp_path / "config.json"
    path.write_text(PASSWORD)

    async def scenario() -> None:
        async with FakeRegistry() as registry:
            registry.on(PATH, OK, Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
            async with aclosing(DistributionClient(credentials=DockerConfigFile(path))) as client:
                await pull(client, registry.host)
                assert str(path) in await refused(client, registry.host, "registry-auth")

    run(scenario)


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("impostor", [False, True])
def test_o4_the_token_service_must_prove_its_name(tmp_path: Path, impostor: bool) -> None:
    """CVE-2019-10214: a client that asked for tokens without looking at the service's certificate."""
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        good = authority.server_context("reg.example", "auth.example")
        bad = authority.server_context("auth.example", self_signed=True)
        async with (
            FakeRegistry(address="127.0.0.2", tls=good) as registry,
            FakeRegistry(address="127.0.0.3", tls=bad if impostor else good) as auth,
        ):
            url = f"https://auth.example:{auth.port}/token"
            registry.on(PATH, wants("Bearer good", f'Bearer realm="{url}"'))
            auth.on("/token", TOKEN)
            host = f"reg.example:{registry.port}"
            client = DistributionClient(
                credentials=keys(host), tls=authority.client_context(), resolver=FixedNames(NAMES)
            )
            async with aclosing(client):
                if impostor:
                    with pytest.raises(TransportError):
                        await pull(client, host)
                else:
                    await pull(client, host)
            assert (auth.asked == []) is impostor
            # Nothing but the one manifest is ever asked for: no catalogue, no list of tags.
            assert {asked.target.partition("?")[0] for asked in registry.asked} == {PATH}

    run(scenario)
