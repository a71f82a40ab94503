"""Keys in AWS KMS, through Amazon's own kit and a scripted server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.keys.aws import AwsKms
from pratique.runtime.keys.material import Material, pem_of
from tests.support_registry import FakeRegistry, Reply

PUBLIC = ec.generate_private_key(ec.SECP256R1()).public_key()
RSA = rsa.generate_private_key(65537, 2048).public_key()
ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:eu-west-1:111122223333:key/{ID}"
FORMAT = "kms specification should be in the format awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)"


def fetch(reference: str, **environment: str) -> Material:
    return asyncio.run(AwsKms(environment).fetch(reference))


@pytest.mark.parametrize(
    "reference",
    [
        "awskms://",
        "awskms://key",
        "awskms:///key",
        "awskms:///alias/",
        "awskms:///alias/a b",
        "awskms:///alias/a?b",
        f"awskms:///{ID}/x",
        f"awskms:///arn:aws:s3:eu-west-1:111122223333:key/{ID}",
    ],
)
def test_references_of_no_known_form(reference: str) -> None:
    with pytest.raises(VerificationError) as caught:
        fetch(reference)
    assert caught.value.message == f"failed to load public key from {reference}: {FORMAT}"


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "kms.eu-west-1.amazonaws.com.attacker.example",
        "xkms.eu-west-1.amazonaws.com",
        "s3.amazonaws.com",
        "169.254.169.254",
        "localhost:4566",
        "me@kms.eu-west-1.amazonaws.com",
        "kms.eu-west-1.amazonaws.com:8443",
    ],
)
def test_r11_endpoints_of_strangers_are_not_asked(host: str) -> None:
    """Requests are signed with the runner's credentials and carry its session token."""
    with pytest.raises(VerificationError) as caught:
        fetch(f"awskms://{host}/alias/key")
    assert caught.value.message.endswith(
        f"{host} is no endpoint of AWS KMS, and AWS_ENDPOINT_URL_KMS does not name it"
    )


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3", reason="the kit is not installed: pip install 'pratique[aws]'")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDTEST",
        "AWS_SECRET_ACCESS_KEY": "not-so-secret",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


def answer(public: Any = PUBLIC, *algorithms: str) -> Reply:
    info = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = {
        "KeyId": ARN,
        "PublicKey": base64.b64encode(info).decode(),
        "SigningAlgorithms": list(algorithms or ("ECDSA_SHA_256",)),
    }
    return Reply(body=json.dumps(data).encode(), headers={"Content-Type": "application/x-amz-json-1.1"})


def served(
    monkeypatch: pytest.MonkeyPatch, *replies: Reply, reference: str = "awskms:///alias/key"
) -> tuple[Material, FakeRegistry]:
    registry = FakeRegistry()

    async def run() -> Material:
        async with registry:
            registry.on("/", *replies)
            monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", registry.url)
            environment = {"AWS_ENDPOINT_URL_KMS": registry.url}
            return await AwsKms(environment).fetch(reference.format(host=registry.host))

    return asyncio.run(run()), registry


@pytest.mark.usefixtures("kit")
@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("awskms:///alias/key", "alias/key"),
        (f"awskms:///{ID}", ID),
        (f"awskms:///{ARN}", ARN),
        ("awskms://{host}/alias/team/key", "alias/team/key"),
        (
            "awskms:///arn:aws:kms:eu-west-1:111122223333:alias/key",
            "arn:aws:kms:eu-west-1:111122223333:alias/key",
        ),
    ],
)
def test_the_request(monkeypatch: pytest.MonkeyPatch, reference: str, name: str) -> None:
    found, registry = served(monkeypatch, answer(), reference=reference)
    assert found == Material(pem=pem_of(PUBLIC), hash_algorithm="sha256")
    (asked,) = registry.asked
    assert asked.headers["x-amz-target"] == "TrentService.GetPublicKey"
    assert json.loads(asked.body) == {"KeyId": name}


@pytest.mark.usefixtures("kit")
@pytest.mark.parametrize(
    ("algorithms", "expected"),
    [
        (("RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PSS_SHA_256"), ("sha384", False)),
        (("RSASSA_PSS_SHA_512",), ("sha512", True)),
    ],
)
def test_the_first_algorithm_counts(
    monkeypatch: pytest.MonkeyPatch, algorithms: tuple[str, ...], expected: tuple[str, bool]
) -> None:
    found, _ = served(monkeypatch, answer(RSA, *algorithms))
    assert (found.hash_algorithm, found.pss) == expected


@pytest.mark.usefixtures("kit")
def test_keys_that_do_not_sign_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VerificationError, match="signing algorithm unsupported"):
        served(monkeypatch, answer(PUBLIC, "SM2DSA"))


@pytest.mark.usefixtures("kit")
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (
            Reply(status=400, body=b'{"__type":"NotFoundException","message":"secret words"}'),
            "the service could not be asked (NotFoundException)",
        ),
        (
            Reply(status=400, body=b'{"__type":"AccessDeniedException","message":"secret words"}'),
            "the service could not be asked (AccessDeniedException)",
        ),
        (Reply(hang_up=True), "the service could not be asked (ConnectionClosedError)"),
        (Reply(body=b'{"SigningAlgorithms":["ECDSA_SHA_256"]}'), "the answer holds no public key"),
    ],
)
def test_faults_are_outages_and_quote_nothing(
    monkeypatch: pytest.MonkeyPatch, reply: Reply, why: str
) -> None:
    with pytest.raises(TransportError) as caught:
        served(monkeypatch, reply)
    assert caught.value.message == f"failed to load public key from awskms:///alias/key: {why}"
    assert caught.value.code == "key-unavailable"


@pytest.mark.usefixtures("kit")
def test_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(TransportError, match="NoCredentialsError"):
        served(monkeypatch, answer())
