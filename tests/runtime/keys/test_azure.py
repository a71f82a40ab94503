"""Keys in Azure Key Vault, through Microsoft's own kit and a scripted transport below it."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.keys.azure import AzureKms
from pratique.runtime.keys.material import Material, pem_of

REFERENCE = "azurekms://team.vault.azure.net/key"
EC = ec.generate_private_key(ec.SECP384R1()).public_key()
RSA = rsa.generate_private_key(65537, 2048).public_key()


@pytest.mark.parametrize(
    "reference",
    [
        "azurekms://",
        "azurekms://team.vault.azure.net",
        f"{REFERENCE}/1/2",
        f"{REFERENCE}?x",
        f"{REFERENCE}/A",
    ],
)
def test_references_of_no_known_form(reference: str) -> None:
    with pytest.raises(VerificationError, match="kms specification should be in the format azurekms://"):
        asyncio.run(AzureKms({}).fetch(reference))


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "vault.azure.net",
        "team.vault.azure.net.attacker.example",
        "team.vault.azure.net:8443",
        "me@team.vault.azure.net",
        "169.254.169.254",
        "a.b.vault.azure.net",
    ],
)
def test_r11_vaults_of_strangers_are_not_asked(host: str) -> None:
    with pytest.raises(VerificationError) as caught:
        asyncio.run(AzureKms({}).fetch(f"azurekms://{host}/key"))
    assert caught.value.message.endswith(f"{host} is no host of Azure Key Vault")


def number(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def ec_key(kind: str = "EC", curve: str = "P-384") -> dict[str, str]:
    numbers = EC.public_numbers()
    return {"kty": kind, "crv": curve, "x": number(numbers.x), "y": number(numbers.y)}


def rsa_key(kind: str = "RSA") -> dict[str, str]:
    numbers = RSA.public_numbers()
    return {"kty": kind, "n": number(numbers.n), "e": number(numbers.e)}


def fetch(
    answer: dict[str, Any], status: int = 200, reference: str = REFERENCE
) -> tuple[Material, list[str]]:
    keys = pytest.importorskip(
        "azure.keyvault.keys", reason="the kit is not installed: pip install 'pratique[azure]'"
    )
    pytest.importorskip("azure.identity", reason="the kit is not installed: pip install 'pratique[azure]'")
    asked: list[str] = []
    base = import_module("azure.core.pipeline.transport").HttpTransport

    class Scripted(base):  # type: ignore[misc, valid-type]
        def send(self, request: Any, **_: Any) -> Any:
            asked.append(request.url)
            response = import_module("azure.core.pipeline.transport")._base.HttpResponse(request, None)
            return _filled(response, status, answer)

        def open(self) -> None:
            pass

        def close(self) -> None:
            pass

        def __exit__(self, *_: object) -> None:
            pass

    def _filled(response: Any, code: int, data: dict[str, Any]) -> Any:
        body = json.dumps(data).encode()
        response.status_code, response.reason = code, "x"
        response.headers = {"Content-Type": "application/json"}
        if code == 401:
            response.headers["WWW-Authenticate"] = (
                'Bearer authorization="https://login.example/t", resource="https://vault.azure.net"'
            )
        response.content_type = "application/json"
        response.body = lambda: body
        response.text = lambda encoding=None: body.decode()
        response.json = lambda: data
        response.read = lambda: body
        return response

    class Token:
        def get_token(self, *_: str, **__: Any) -> Any:
            return SimpleNamespace(token="t", expires_on=int(time.time()) + 3600)

    def connect(url: str) -> Any:
        return keys.KeyClient(url, Token(), transport=Scripted(), retry_total=0)

    return asyncio.run(AzureKms({}, connect).fetch(reference)), asked


def bundle(key: dict[str, str]) -> dict[str, Any]:
    name = "https://team.vault.azure.net/keys/key/0123456789abcdef"
    return {"key": {"kid": name, "key_ops": ["verify"], **key}, "attributes": {"enabled": True}}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (ec_key(), Material(pem=pem_of(EC), hash_algorithm="sha384")),
        (ec_key("EC-HSM"), Material(pem=pem_of(EC), hash_algorithm="sha384")),
        (rsa_key(), Material(pem=pem_of(RSA), hash_algorithm="sha256")),
        (rsa_key("RSA-HSM"), Material(pem=pem_of(RSA), hash_algorithm="sha256")),
    ],
)
def test_kinds_of_keys(key: dict[str, str], expected: Material) -> None:
    found, asked = fetch(bundle(key))
    assert found == expected
    assert asked[-1].startswith("https://team.vault.azure.net/keys/key/")


def test_a_version() -> None:
    _, asked = fetch(bundle(ec_key()), reference=f"{REFERENCE}/0123abc")
    assert asked[-1].startswith("https://team.vault.azure.net/keys/key/0123abc?")


@pytest.mark.parametrize(
    ("key", "why"),
    [(ec_key(curve="P-256K"), "unsupported key size"), ({"kty": "oct"}, "unsupported public key type")],
)
def test_keys_that_cannot_be_used(key: dict[str, str], why: str) -> None:
    with pytest.raises(VerificationError, match=why):
        fetch(bundle(key))


def test_an_answer_without_a_key_is_an_outage() -> None:
    with pytest.raises(TransportError, match="the answer holds no public key"):
        fetch(bundle({**ec_key(), "x": number(1)}))


@pytest.mark.parametrize("status", [403, 404, 503])
def test_faults_are_outages_and_quote_nothing(status: int) -> None:
    with pytest.raises(TransportError) as caught:
        fetch({"error": {"code": "Forbidden", "message": "secret words"}}, status)
    why = f"the service could not be asked ({status})"
    assert caught.value.message == f"failed to load public key from {REFERENCE}: {why}"
