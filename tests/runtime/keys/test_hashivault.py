"""Keys in Vault's transit engine, from a scripted server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.keys import hashivault
from pratique.runtime.keys.hashivault import Vault
from pratique.runtime.keys.material import Material, pem_of
from tests.support_registry import FakeRegistry, Reply
from tests.support_tls import Authority

ONE, TWO = (pem_of(ec.generate_private_key(ec.SECP256R1()).public_key()) for _ in range(2))
PATH = "/v1/transit/keys/team.key"
REFERENCE = "hashivault://team.key"


def answer(*versions: str, latest: object = None, name: str = "P-256", **more: Any) -> Reply:
    keys = {str(n): {"public_key": text, "name": name} for n, text in enumerate(versions, start=1)}
    data = {"keys": keys, "latest_version": len(versions) if latest is None else latest, **more}
    return Reply(body=json.dumps({"data": data}).encode())


def fetch(
    *replies: Reply,
    path: str = PATH,
    reference: str = REFERENCE,
    url: str = "{url}",
    **environment: str,
) -> tuple[Material, FakeRegistry]:
    registry = FakeRegistry()

    async def run() -> Material:
        async with registry:
            registry.on(path, *replies)
            variables = {"VAULT_ADDR": url.format(url=registry.url), "VAULT_TOKEN": "hvs.t", **environment}
            return await Vault({k: v for k, v in variables.items() if v}).fetch(reference)

    return asyncio.run(run()), registry


def refusal(*replies: Reply, **options: Any) -> TransportError | VerificationError:
    with pytest.raises((TransportError, VerificationError)) as caught:
        fetch(*replies, **options)
    error = caught.value
    assert isinstance(error, TransportError | VerificationError)
    assert "hvs.t" not in error.message
    return error


def test_the_request() -> None:
    found, registry = fetch(answer(ONE))
    assert found == Material(pem=ONE)
    (asked,) = registry.asked
    assert (asked.method, asked.target) == ("GET", PATH)
    assert asked.headers["x-vault-token"] == "hvs.t"
    assert asked.headers["x-vault-request"] == "true"
    assert "x-vault-namespace" not in asked.headers


def test_the_version_of_the_key() -> None:
    assert fetch(answer(ONE, TWO))[0].pem == TWO
    assert fetch(answer(ONE, TWO), VAULT_KEY_PREFIX="vault:v1:")[0].pem == ONE
    assert "corrupted response" in refusal(answer(ONE), VAULT_KEY_PREFIX="vault:v7:").message


@pytest.mark.parametrize(
    ("environment", "path", "reference"),
    [
        ({"TRANSIT_SECRET_ENGINE_PATH": "team/transit/"}, "/v1/team/transit/keys/team.key", REFERENCE),
        ({"url": "{url}/vault/"}, "/vault/v1/transit/keys/team.key", REFERENCE),
        ({}, PATH, "openbao://team.key"),
    ],
)
def test_paths(environment: dict[str, str], path: str, reference: str) -> None:
    assert fetch(answer(ONE), path=path, reference=reference, **environment)[0].pem == ONE


def test_a_namespace_and_the_names_of_openbao() -> None:
    _, registry = fetch(answer(ONE), VAULT_NAMESPACE="team", VAULT_TOKEN="", BAO_TOKEN="s.bao")
    assert registry.asked[0].headers["x-vault-namespace"] == "team"
    assert registry.asked[0].headers["x-vault-token"] == "s.bao"


def test_the_token_file(tmp_path: Path) -> None:
    (tmp_path / ".vault-token").write_text("hvs.file\n")
    _, registry = fetch(answer(ONE), VAULT_TOKEN="", HOME=str(tmp_path))
    assert registry.asked[0].headers["x-vault-token"] == "hvs.file"


def test_ed25519_keys_are_bare_bytes() -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    raw = base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    assert fetch(answer(raw, name="ed25519"))[0].pem == pem_of(public)
    for wrong in ("AAAA", "not base64", raw + "AAAA"):
        assert "corrupted response" in refusal(answer(wrong, name="ed25519")).message


def test_https_is_checked_by_the_authority_of_the_environment(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    context = authority.server_context("127.0.0.1")

    async def run(**environment: str) -> Material:
        async with FakeRegistry(tls=context) as registry:
            registry.on(PATH, answer(ONE))
            return await Vault({"VAULT_ADDR": registry.url, "VAULT_TOKEN": "t", **environment}).fetch(
                REFERENCE
            )

    assert asyncio.run(run(VAULT_CACERT=str(authority.file))).pem == ONE
    with pytest.raises(TransportError, match="certificate refused"):
        asyncio.run(run())
    with pytest.raises(TransportError, match="VAULT_CACERT cannot be read"):
        asyncio.run(run(VAULT_CACERT=str(tmp_path / "missing.pem")))


@pytest.mark.parametrize(
    ("replies", "why", "requests"),
    [
        ([Reply(status=404)], "could not read data from transit key path: /transit/keys/team.key", 1),
        ([Reply(status=403, body=b"secret words")], "127.0.0.1 answers HTTP 403 (is the token valid?)", 1),
        ([Reply(status=503)], "127.0.0.1 answers HTTP 503", 2),
        (
            [Reply(status=307, headers={"Location": "https://attacker.example"})],
            "127.0.0.1 answers HTTP 307",
            1,
        ),
        ([Reply(body=b"x" * (2 << 20))], "larger than the limit", 1),
        ([Reply(body=b"not json")], "corrupted response", 1),
        ([Reply(body=b"[]")], "corrupted response", 1),
        ([Reply(body=b'{"data":{"keys":[],"latest_version":1}}')], "corrupted response", 1),
        ([answer(ONE, latest=9)], "corrupted response", 1),
        (
            [Reply(body=b'{"data":{"keys":{"1":{"public_key":1}},"latest_version":1}}')],
            "corrupted response",
            1,
        ),
    ],
)
def test_an_answer_that_gives_no_key_is_an_outage(replies: list[Reply], why: str, requests: int) -> None:
    registry = FakeRegistry()

    async def run() -> None:
        async with registry:
            registry.on(PATH, *replies)
            await Vault({"VAULT_ADDR": registry.url, "VAULT_TOKEN": "hvs.t"}).fetch(REFERENCE)

    with pytest.raises(TransportError) as caught:
        asyncio.run(run())
    assert caught.value.code == "key-unavailable"
    assert caught.value.message.startswith(f"failed to load public key from {REFERENCE}: ")
    assert why in caught.value.message
    assert "secret words" not in caught.value.message
    assert len(registry.asked) == requests


def test_an_outage_is_overcome_once() -> None:
    assert fetch(Reply(status=503), answer(ONE))[0].pem == ONE
    assert fetch(Reply(hang_up=True), answer(ONE))[0].pem == ONE


def test_a_vault_that_hangs_costs_its_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashivault, "TIMEOUT_S", 0.2)
    assert "no complete answer within 0.2 s" in refusal(Reply(body=b"x", stall=True)).message


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"VAULT_ADDR": ""}, "VAULT_ADDR or BAO_ADDR is not set"),
        ({"VAULT_ADDR": "vault:8200"}, "VAULT_ADDR is no http(s) URL"),
        ({"VAULT_ADDR": "http://me:pw@vault"}, "VAULT_ADDR is no http(s) URL"),
        ({"VAULT_ADDR": "http://["}, "VAULT_ADDR is no http(s) URL"),
        ({"VAULT_TOKEN": ""}, "no Vault token found: neither VAULT_TOKEN nor the file ~/.vault-token"),
        ({"VAULT_TOKEN": "hvs.t\r\nX: y"}, "the Vault token holds characters that no token has"),
        (
            {"TRANSIT_SECRET_ENGINE_PATH": "a/../sys"},
            "TRANSIT_SECRET_ENGINE_PATH is no path of a secret engine",
        ),
        ({"TRANSIT_SECRET_ENGINE_PATH": "a?b"}, "TRANSIT_SECRET_ENGINE_PATH is no path of a secret engine"),
    ],
)
def test_an_environment_that_cannot_be_used(environment: dict[str, str], why: str) -> None:
    error = refusal(answer(ONE), **environment)
    assert isinstance(error, TransportError)
    assert error.message == f"failed to load public key from {REFERENCE}: {why}"


@pytest.mark.parametrize(
    "reference",
    [
        "hashivault://",
        "hashivault://a/b",
        "hashivault://..",
        "hashivault://a?x",
        "hashivault://a%2fb",
        "hashivault://é",
    ],
)
def test_k21_references_that_are_no_name_of_a_key(reference: str) -> None:
    error = refusal(answer(ONE), reference=reference)
    assert isinstance(error, VerificationError)
    assert error.message.endswith("kms specification should be in the format hashivault://<key>")
