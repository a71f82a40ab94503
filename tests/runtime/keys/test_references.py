"""Keys by reference: what a reference may be, each key once, an outage no failure."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.keys import references
from pratique.runtime.keys.material import Material, pem_of, unavailable
from pratique.runtime.keys.references import Keys
from pratique.runtime.secrets import Secret, Secrets

PUBLIC = ec.generate_private_key(ec.SECP256R1()).public_key()
PEM = pem_of(PUBLIC)
RSA = rsa.generate_private_key(65537, 2048).public_key()


def secrets(**data: bytes) -> Secrets:
    return Secrets({("team", "key"): Secret(type="Opaque", data=data)})


def resolve(keys: Keys, reference: str, algorithm: str = "sha256") -> ir.KeySigner:
    return asyncio.run(keys.resolve(ir.KeySigner(key=reference, hash_algorithm=algorithm)))


def refusal(keys: Keys, reference: str) -> VerificationError | TransportError:
    with pytest.raises((VerificationError, TransportError)) as caught:
        resolve(keys, reference)
    error = caught.value
    assert isinstance(error, VerificationError | TransportError)
    return error


@pytest.mark.parametrize("reference", ["k8s://team/key", "  k8s://team/key\n"])
def test_a_secret(reference: str) -> None:
    keys = Keys(secrets(**{"cosign.pub": PEM.encode(), "cosign.key": b"x", "cosign.password": b"y"}))
    assert resolve(keys, reference, "sha512") == ir.KeySigner(key=PEM, hash_algorithm="sha512")


def test_another_form_of_a_key_is_the_same_key() -> None:
    pkcs1 = RSA.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    assert b"BEGIN RSA PUBLIC KEY" in pkcs1
    found = resolve(Keys(secrets(**{"cosign.pub": b"a note\n" + pkcs1})), "k8s://team/key")
    assert found.key == pem_of(RSA)


def test_a_missing_secret_is_an_error_in_kyvernos_words() -> None:
    for namespace, name in (("team", "other"), ("other", "key")):
        error = refusal(Keys(secrets()), f"k8s://{namespace}/{name}")
        assert isinstance(error, TransportError)
        said = f'checking if secret exists: secrets "{name}" not found'
        assert error.detail == f"failed to load public key from k8s://{namespace}/{name}: {said}"
        assert error.message == f"{error.detail}; give it with --secrets FILE"
        assert error.code == "key-unavailable"


@pytest.mark.parametrize(
    ("reference", "data", "why"),
    [
        ("k8s://key", {}, "kubernetes specification should be in the format k8s://<namespace>/<secret>"),
        (
            "k8s:///team/key",
            {},
            "kubernetes specification should be in the format k8s://<namespace>/<secret>",
        ),
        (
            "k8s://a/../team",
            {},
            "kubernetes specification should be in the format k8s://<namespace>/<secret>",
        ),
        ("k8s://team/key", {}, "the Secret holds no data, cosign.pub is needed"),
        ("k8s://team/key", {"key.pub": PEM.encode()}, "PEM decoding failed"),
        ("k8s://team/key", {"cosign.pub": b"\xff"}, "PEM decoding failed"),
        (
            "k8s://team/key",
            {"cosign.pub": b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"},
            "a private key stands where a public key is expected",
        ),
    ],
)
def test_what_is_no_key(reference: str, data: dict[str, bytes], why: str) -> None:
    error = refusal(Keys(secrets(**data)), reference)
    assert isinstance(error, VerificationError)
    assert (error.code, error.message) == ("bad-key", f"failed to load public key from {reference}: {why}")


def test_several_keys_in_a_secret_are_refused() -> None:
    error = refusal(Keys(secrets(**{"cosign.pub": (PEM + pem_of(RSA)).encode()})), "k8s://team/key")
    assert error.code == "bad-key"
    assert error.message.endswith("2 PEM blocks where one public key is expected")


def test_b28_weak_keys_are_refused_whatever_their_source() -> None:
    weak = pem_of(rsa.generate_private_key(65537, 1024).public_key())
    assert "1024 bits" in refusal(Keys(secrets(**{"cosign.pub": weak.encode()})), "k8s://team/key").message


@pytest.mark.parametrize(
    "text",
    [
        PEM,
        "/etc/passwd",
        "cosign.pub",
        "https://attacker.example/key.pub",
        "file:///k",
        "gitlab://1",
        "env://K",
    ],
)
def test_files_and_urls_are_never_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stay as they are; whoever loads the key refuses them (`test_methods.py`)."""

    def no_file(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("builtins.open", no_file)
    assert resolve(Keys(), text).key == text


@pytest.mark.parametrize("reference", ["k8s://" + "a" * 600, "awskms:///alias/\x1b[31m"])
def test_long_or_unprintable_references_are_refused_and_cut(reference: str) -> None:
    error = refusal(Keys(), reference)
    assert error.code == "bad-key"
    assert len(error.message) < 250
    assert error.message.isprintable()


class Scripted:
    """A service that answers in turn and counts."""

    def __init__(self, *answers: Material | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def fetch(self, reference: str) -> Material:
        self.asked.append(reference)
        await asyncio.sleep(0)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def with_service(service: Scripted, **options: Any) -> Keys:
    return Keys(services={"hashivault://": lambda: service}, **options)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scenario())


def test_a_key_is_fetched_once_whoever_asks() -> None:
    service = Scripted(Material(pem=PEM))
    keys = with_service(service)

    async def scenario() -> None:
        signer = ir.KeySigner(key="hashivault://k")
        found = await asyncio.gather(*(keys.resolve(signer) for _ in range(100)))
        assert {signer.key for signer in found} == {PEM}
        await keys.resolve(signer)
        assert service.asked == ["hashivault://k"]
        await keys.resolve(ir.KeySigner(key="hashivault://other"))
        assert len(service.asked) == 2

    run(scenario)


def test_who_gives_up_does_not_take_the_key_from_the_others() -> None:
    service = Scripted(Material(pem=PEM))
    keys = with_service(service)

    async def scenario() -> None:
        signer = ir.KeySigner(key="hashivault://k")
        first = asyncio.ensure_future(keys.resolve(signer))
        second = asyncio.ensure_future(keys.resolve(signer))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).key == PEM
        assert len(service.asked) == 1

    run(scenario)


def test_keys_and_faults_are_kept_for_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Scripted(unavailable("hashivault://k", "down"), Material(pem=PEM))
    keys = with_service(service)

    async def scenario() -> None:
        signer = ir.KeySigner(key="hashivault://k")
        loop, ahead = asyncio.get_running_loop(), [0.0]
        time = loop.time
        monkeypatch.setattr(loop, "time", lambda: time() + ahead[0])
        for _ in range(3):
            with pytest.raises(TransportError):
                await keys.resolve(signer)
        assert len(service.asked) == 1
        ahead[0] += references.FAULT_KEPT_S + 1
        assert (await keys.resolve(signer)).key == PEM
        ahead[0] += references.KEPT_S - 5
        await keys.resolve(signer)
        assert len(service.asked) == 2
        ahead[0] += 10
        await keys.resolve(signer)
        assert len(service.asked) == 3

    run(scenario)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MAX_KEPT", 3)
    service = Scripted(Material(pem=PEM))
    keys = with_service(service)

    async def scenario() -> None:
        for number in range(10):
            await keys.resolve(ir.KeySigner(key=f"hashivault://k{number}"))
        await keys.resolve(ir.KeySigner(key="hashivault://k9"))
        assert len(service.asked) == 10
        await keys.resolve(ir.KeySigner(key="hashivault://k0"))
        assert len(service.asked) == 11

    run(scenario)


def test_the_algorithm_of_the_service_comes_before_that_of_the_policy() -> None:
    fixed = Material(pem=pem_of(RSA), hash_algorithm="sha384", pss=True)
    found = resolve(with_service(Scripted(fixed)), "hashivault://k", "sha512")
    assert found == ir.KeySigner(key=pem_of(RSA), hash_algorithm="sha384", pss=True)
    free = Material(pem=PEM)
    assert resolve(with_service(Scripted(free)), "hashivault://k", "sha512").hash_algorithm == "sha512"


def test_offline_asks_no_service_but_reads_secrets() -> None:
    service = Scripted(Material(pem=PEM))
    keys = with_service(service, secrets=secrets(**{"cosign.pub": PEM.encode()}), offline=True)
    error = refusal(keys, "hashivault://k")
    assert error.message == (
        "failed to load public key from hashivault://k: the run is offline; write the key itself, or a Secret"
    )
    assert service.asked == []
    assert resolve(keys, "k8s://team/key").key == PEM


@pytest.mark.parametrize(
    ("reference", "module", "extra"),
    [
        ("awskms:///alias/x", "boto3", "aws"),
        ("gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k", "google.cloud.kms_v1", "gcp"),
        ("azurekms://v.vault.azure.net/k", "azure.identity", "azure"),
    ],
)
def test_a_missing_extra_is_an_error_that_says_what_to_install(
    reference: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr("pratique.runtime.keys.sdk.import_module", missing)
    error = refusal(Keys(), reference)
    assert isinstance(error, TransportError)
    assert error.code == "key-unavailable"
    assert error.message == (
        f"failed to load public key from {reference}: keys of this kind need an extra that is not installed:"
        f" pip install 'pratique[{extra}]'"
    )


def test_no_secret_is_shown() -> None:
    found = secrets(**{"cosign.password": b"hunter2"})
    assert "hunter2" not in repr(found)
    assert base64.b64encode(b"hunter2").decode() not in repr(found)
