"""Keys in Google Cloud KMS, through Google's own kit and a scripted server on loopback."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.keys.gcp import GcpKms
from pratique.runtime.keys.material import Material, pem_of
from tests.support_registry import FakeRegistry, Reply

PEM = pem_of(ec.generate_private_key(ec.SECP256R1()).public_key())
KEY = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
VERSION = f"{KEY}/cryptoKeyVersions/3"


@pytest.mark.parametrize(
    "reference",
    [
        "gcpkms://",
        "gcpkms://projects/p",
        f"gcpkms://{KEY}/cryptoKeyVersions/x",
        f"gcpkms://{KEY}/cryptoKeyVersions/1/2",
        "gcpkms://projects/../locations/l/keyRings/r/cryptoKeys/k",
        "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k?x",
    ],
)
def test_references_of_no_known_form(reference: str) -> None:
    with pytest.raises(
        VerificationError, match="kms specification should be in the format gcpkms://projects/"
    ):
        asyncio.run(GcpKms({}).fetch(reference))


def public_key(algorithm: str = "EC_SIGN_P256_SHA256") -> Reply:
    return answer({"pem": PEM, "algorithm": algorithm, "name": VERSION})


def answer(data: Any, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(data).encode(), headers={"Content-Type": "application/json"})


def fetch(registry: FakeRegistry, reference: str) -> Material:
    kms = pytest.importorskip(
        "google.cloud.kms_v1", reason="the kit is not installed: pip install 'pratique[gcp]'"
    )
    credentials = import_module("google.auth.credentials").AnonymousCredentials()
    transports = import_module("google.cloud.kms_v1.services.key_management_service.transports")

    def connect() -> Any:
        transport = transports.KeyManagementServiceRestTransport(
            host=registry.host, credentials=credentials, url_scheme="http"
        )
        return kms.KeyManagementServiceClient(transport=transport)

    async def run() -> Material:
        async with registry:
            return await GcpKms({}, connect).fetch(reference)

    return asyncio.run(run())


@pytest.mark.parametrize("word", ["cryptoKeyVersions", "versions"])
def test_a_version(word: str) -> None:
    registry = FakeRegistry()
    registry.on(f"/v1/{VERSION}/publicKey", public_key())
    found = fetch(registry, f"gcpkms://{KEY}/{word}/3")
    assert found == Material(pem=PEM, hash_algorithm="sha256")
    assert len(registry.asked) == 1


def scripted(*versions: str) -> FakeRegistry:
    """A server that lists versions and has a key for each."""

    registry = FakeRegistry()
    listed = answer({"cryptoKeyVersions": [{"name": f"{KEY}/cryptoKeyVersions/{v}"} for v in versions]})
    registry.on(f"/v1/{KEY}/cryptoKeyVersions", listed)
    for version in versions:
        registry.on(f"/v1/{KEY}/cryptoKeyVersions/{version}/publicKey", public_key())
    return registry


def test_the_newest_enabled_version() -> None:
    registry = scripted("7", "3")
    assert fetch(registry, f"gcpkms://{KEY}").pem == PEM
    first, second = registry.asked
    assert "state%3DENABLED" in first.target
    assert "name+desc" in first.target or "name%20desc" in first.target
    assert "/cryptoKeyVersions/7/publicKey" in second.target


def test_no_enabled_version() -> None:
    with pytest.raises(TransportError, match="unable to find an enabled key version in GCP KMS"):
        fetch(scripted(), f"gcpkms://{KEY}")


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("EC_SIGN_P384_SHA384", ("sha384", False)),
        ("RSA_SIGN_PKCS1_4096_SHA512", ("sha512", False)),
        ("RSA_SIGN_PSS_2048_SHA256", ("sha256", True)),
    ],
)
def test_the_algorithm_of_the_key(algorithm: str, expected: tuple[str, bool]) -> None:
    registry = FakeRegistry()
    registry.on(f"/v1/{VERSION}/publicKey", public_key(algorithm))
    found = fetch(registry, f"gcpkms://{VERSION}")
    assert (found.hash_algorithm, found.pss) == expected


def test_keys_that_do_not_sign_are_no_keys() -> None:
    registry = FakeRegistry()
    registry.on(f"/v1/{VERSION}/publicKey", public_key("RSA_DECRYPT_OAEP_2048_SHA256"))
    with pytest.raises(VerificationError, match="unknown algorithm specified by KMS"):
        fetch(registry, f"gcpkms://{VERSION}")


@pytest.mark.parametrize(("status", "code"), [(403, "403"), (404, "404"), (503, "503")])
def test_faults_are_outages_and_quote_nothing(status: int, code: str) -> None:
    registry = FakeRegistry()
    error = {"error": {"code": status, "message": "secret words"}}
    registry.on(f"/v1/{VERSION}/publicKey", answer(error, status))
    with pytest.raises(TransportError) as caught:
        fetch(registry, f"gcpkms://{VERSION}")
    why = f"the service could not be asked ({code})"
    assert caught.value.message == f"failed to load public key from gcpkms://{VERSION}: {why}"
