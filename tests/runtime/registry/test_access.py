"""Whose credentials go along: Secrets of entries, pull secrets of resources, providers, plain HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.grammar.errors import TransportError
from pratique.runtime.now import run_now
from pratique.runtime.ports import Access, Repository
from pratique.runtime.registry.access import HOSTS, RegistryAccesses
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import CredentialSource, DockerConfig, Keychain
from pratique.runtime.registry.open import StoreOptions, cached, open_accesses, open_store
from pratique.runtime.secrets import NO_SECRETS, Secret, Secrets
from tests.support_registry import FakeRegistry, Reply, image

HOST = "r.example"


def auths(**passwords: str) -> dict[str, Any]:
    return {
        host: {"username": f"of-{password}", "password": password} for host, password in passwords.items()
    }


def pull_secret(password: str, host: str = HOST) -> Secret:
    body = json.dumps({"auths": auths(**{host: password})}).encode()
    return Secret(type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": body})


def old_secret(password: str) -> Secret:
    body = json.dumps(auths(**{HOST: password})).encode()
    return Secret(type="kubernetes.io/dockercfg", data={".dockercfg": body})


SECRETS = Secrets(
    {
        ("kyverno", "own"): pull_secret("kyverno-own"),
        ("kyverno", "old"): old_secret("kyverno-old"),
        ("team", "pull"): pull_secret("team-pull"),
        ("default", "pull"): pull_secret("default-pull"),
        ("team", "elsewhere"): pull_secret("elsewhere", "other.example"),
        ("team", "key"): Secret(type="Opaque", data={".dockerconfigjson": b"{}"}),
        ("team", "broken"): Secret(
            type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": b'{"auths": hunter2'}
        ),
        ("team", "broken-old"): Secret(type="kubernetes.io/dockercfg", data={".dockercfg": b"hunter2"}),
    }
)


class Made:
    """A store that remembers how it was asked for."""

    def __init__(self, credentials: CredentialSource, insecure: bool) -> None:
        self.credentials = credentials
        self.insecure = insecure

    def password(self, host: str = HOST) -> str | None:
        found = asyncio.run(self.credentials.find(host, "app"))
        return found.password if found else None


DOCKER = DockerConfig(
    entries={h: Credential(username="u", password=f"docker-{h}") for h in (HOST, "ghcr.io", "gcr.io")}
)


def accesses(**options: Any) -> RegistryAccesses:
    usual = Made(DOCKER, False)
    environment = options.pop("environment", {})
    return RegistryAccesses(usual, Made, DOCKER, SECRETS, environment=environment, **options)  # type: ignore[arg-type]


def made(
    credentials: ir.RegistryCredentials | None,
    pull_secrets: Sequence[str] = (),
    namespace: str = "team",
    **options: Any,
) -> tuple[Made, Access]:
    access = run_now(accesses(**options).choose(credentials, pull_secrets, namespace))
    assert isinstance(access.store, Made)
    return access.store, access


def entry(*secrets: str, providers: tuple[str, ...] = (), insecure: bool = False) -> ir.RegistryCredentials:
    return ir.RegistryCredentials(secrets=secrets, providers=providers, insecure=insecure)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("own", "kyverno-own"),
        ("old", "kyverno-old"),
        ("kyverno/own", "kyverno-own"),
        ("/own", "kyverno-own"),
        ("team/pull", "team-pull"),
        # Not given, or none with registry credentials: passed over, and the user's own are left.
        ("pull", "docker-r.example"),
        ("team/key", "docker-r.example"),
        # Found, but knows nothing of this host: nothing else is asked then.
        ("team/elsewhere", None),
    ],
)
def test_secrets_of_an_entry(name: str, password: str | None) -> None:
    store, _ = made(entry(name))
    assert store.password() == password


def test_the_namespace_of_kyverno() -> None:
    store, _ = made(entry("pull"), own_namespace="team")
    assert store.password() == "team-pull"


def test_the_first_secret_decides_and_those_of_the_entry_come_first() -> None:
    assert made(entry("team/elsewhere", "own", "team/pull"))[0].password() == "kyverno-own"
    assert made(entry("own"), ["pull"])[0].password() == "kyverno-own"
    assert made(entry("team/elsewhere"), ["pull"])[0].password() == "team-pull"


@pytest.mark.parametrize(
    ("name", "namespace", "password"),
    [
        ("pull", "team", "team-pull"),
        ("pull", "", "default-pull"),
        ("own", "", "docker-r.example"),
        ("own", "team", "docker-r.example"),
        ("kyverno/own", "team", "docker-r.example"),
        ("/own", "kyverno", "docker-r.example"),
    ],
)
def test_pull_secrets_of_a_resource(name: str, namespace: str, password: str) -> None:
    """They are of its own namespace, however they are written."""
    assert made(None, [name], namespace)[0].password() == password


@pytest.mark.parametrize("name", ["team/broken", "team/broken-old"])
def test_f35_a_malformed_secret_is_an_error_that_shows_nothing_of_it(name: str) -> None:
    with pytest.raises(TransportError) as caught:
        made(entry(name))
    assert caught.value.code == "registry-auth"
    assert caught.value.message.startswith(f"Secret {name}: credentials: ")
    assert "hunter2" not in caught.value.message


def test_r3_ways_with_other_credentials_have_other_names() -> None:
    one = accesses()

    def name(credentials: ir.RegistryCredentials | None, *pull_secrets: str, namespace: str = "team") -> str:
        return run_now(one.choose(credentials, pull_secrets, namespace)).id

    usual = name(None)
    assert usual == ""
    # Nothing but the user's own credentials is left, so these are the usual way.
    same = [name(entry()), name(entry("missing")), name(entry(providers=("default",))), name(None, "missing")]
    assert set(same) == {""}
    others = [
        name(entry("own")),
        name(entry("team/pull")),
        name(entry("own", "team/pull")),
        name(entry("team/pull", "own")),
        name(entry(insecure=True)),
        name(entry("own", insecure=True)),
        name(entry(providers=("google",))),
        name(entry("own", providers=("google",))),
        name(entry("own", providers=("default",))),
        name(None, "elsewhere"),
        name(None, "pull", namespace="default"),
    ]
    assert len({*others, usual}) == len(others) + 1
    # The same credentials by whatever name are the same way, and the same store.
    assert name(None, "pull") == name(entry("team/pull"))
    pulled = run_now(one.choose(None, ["pull"], "team"))
    assert pulled is run_now(one.choose(entry("team/pull"), [], "x"))
    assert not any("own" in other or "pull" in other for other in others)


def test_insecure_is_for_this_entry_only() -> None:
    one = accesses()
    for credentials, insecure in ((entry(insecure=True), True), (None, False), (entry("own"), False)):
        store = run_now(one.choose(credentials, [], "team")).store
        assert isinstance(store, Made)
        assert store.insecure is insecure


@pytest.mark.parametrize(
    ("providers", "host", "password"),
    [
        (("default",), HOST, "docker-r.example"),
        (("google",), "gcr.io", "docker-gcr.io"),
        (("google",), HOST, None),
        (("google", "default"), HOST, "docker-r.example"),
        (("github",), "ghcr.io", "token"),
        (("github",), "gcr.io", None),
        (("amazon", "azure"), "ghcr.io", None),
    ],
)
def test_providers(providers: tuple[str, ...], host: str, password: str | None) -> None:
    store, _ = made(entry(providers=providers, insecure=True), environment={"GITHUB_TOKEN": "token"})
    assert store.password(host) == password
    store, _ = made(entry(providers=providers, insecure=True))
    assert store.password(host) == ("docker-ghcr.io" if password == "token" else password)


@pytest.mark.parametrize(
    ("provider", "host", "own"),
    [
        ("amazon", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", True),
        ("amazon", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", True),
        ("amazon", "public.ecr.aws", True),
        ("amazon", "123456789012.dkr.ecr.eu-west-1.amazonaws.com.attacker.example", False),
        ("amazon", "attacker.example.amazonaws.com", False),
        ("azure", "acme.azurecr.io", True),
        ("azure", "acme.azurecr.io.attacker.example", False),
        ("azure", "acme.azurecr.io:5000", False),
        ("azure", "x.acme.azurecr.io", False),
        ("github", "ghcr.io", True),
        ("github", "xghcr.io", False),
        ("google", "eu.gcr.io", True),
        ("google", "europe-docker.pkg.dev", True),
        ("google", "eu.gcr.io.attacker.example", False),
        ("google", "xgcr.io", False),
    ],
)
def test_a1_look_alikes_of_clouds(provider: str, host: str, own: bool) -> None:
    assert bool(HOSTS[provider].fullmatch(host)) is own


def test_layouts_and_offline_runs_have_one_way(tmp_path: Path) -> None:
    for options in (StoreOptions(layout=tmp_path), StoreOptions(offline=True)):
        store = open_store(options)
        ways = open_accesses(options, store, store, SECRETS)
        found = run_now(ways.choose(entry("own", insecure=True), ["pull"], "team"))
        assert (found.store, found.id) == (store, "")


def protected(registry: FakeRegistry, password: str) -> None:
    """Make the registry give `app:v1` for one password only."""
    expected = "Basic " + base64.b64encode(f"of-{password}:{password}".encode()).decode()

    def answer(asked: Any) -> Reply:
        if asked.headers.get("authorization") == expected:
            media_type = "application/vnd.oci.image.manifest.v1+json"
            return Reply(body=image(), headers={"Content-Type": media_type})
        return Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})

    registry.on("/v2/app/manifests/v1", answer)


@pytest.mark.parametrize("disk_cache", [False, True])
def test_r3_an_answer_for_one_credential_is_not_told_to_another(tmp_path: Path, disk_cache: bool) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    if disk_cache:
        (tmp_path / "cache").mkdir(mode=0o700)
    options = StoreOptions(docker_config=config, cache_dir=tmp_path / "cache" if disk_cache else None)

    async def scenario() -> None:
        async with FakeRegistry() as registry:
            protected(registry, "right")
            secrets = Secrets(
                {
                    ("team", "right"): pull_secret("right", registry.host),
                    ("team", "wrong"): pull_secret("wrong", registry.host),
                }
            )
            client = open_store(options)
            found = open_accesses(options, client, cached(client, options), secrets)
            repository = Repository(registry.host, "app")
            try:
                allowed = (await found.choose(entry("team/right"), [], "team")).store
                assert (await allowed.manifest(repository, "v1")).body == image()
                for way in (entry("team/wrong"), None):
                    with pytest.raises(TransportError) as caught:
                        await (await found.choose(way, [], "team")).store.manifest(repository, "v1")
                    assert caught.value.code == "registry-auth"
                assert (await allowed.manifest(repository, "v1")).body == image()
            finally:
                await client.aclose()

    asyncio.run(scenario())


def test_derived_clients_share_limits_and_figures_and_nothing_else() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry:
            protected(registry, "right")
            right = Keychain(
                (DockerConfig.parse(pull_secret("right", registry.host).data[".dockerconfigjson"], "x"),)
            )
            client = DistributionClient()
            derived = client.with_access(right)
            repository = Repository(registry.host, "app")
            await derived.manifest(repository, "v1")
            with pytest.raises(TransportError):
                await client.manifest(repository, "v1")
            assert client.tally is derived.tally
            assert client.tally.requests.manifests == len(registry.asked)
            await client.aclose()

    asyncio.run(scenario())


def test_no_secrets_at_all() -> None:
    options = StoreOptions(docker_config=Path("/nonexistent/config.json"))
    client = open_store(options)
    ways = open_accesses(options, client, client, NO_SECRETS)
    assert run_now(ways.choose(entry("own"), ["pull"], "x")).id == ""
