"""Notary signatures for tests: signers with odd certificates, a store in memory, the reference library."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.lab.certificates import pem
from pratique.runtime.lab.keys import KeyType, PublicKey, derive_ec_key
from pratique.runtime.lab.notary import NotarySigner
from pratique.runtime.lab.timestamps import TimestampAuthority
from pratique.runtime.ports import Descriptor, Digest, Manifest, Repository
from pratique.runtime.registry.media_types import OCI_MANIFEST
from pratique.runtime.signatures.notary.judgement import judge_signatures
from pratique.runtime.signatures.notary.model import (
    Attempt,
    Check,
    EnvelopeFormat,
    NotaryRefusal,
    NotaryVerdict,
    StoredNotarySignature,
    Target,
    VerifiedNotarySignature,
)
from pratique.runtime.signatures.notary.trust_store import TrustStore
from pratique.runtime.signatures.notary.verification import verify_envelope, verify_stored

SEED = "notary tests"
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
TARGET = Target(media_type=OCI_MANIFEST, digest=Digest("sha256:" + "a" * 64), size=1234)
JWS, COSE = EnvelopeFormat.JWS, EnvelopeFormat.COSE
FORMS = (JWS, COSE)
REPOSITORY = Repository("registry.example", "app")

LIFE = (timedelta(days=1), timedelta(days=365))


def signer(**options: Any) -> NotarySigner:
    return NotarySigner(SEED, AT, **options)


def stamper(seed: str = SEED, at: datetime = AT) -> TimestampAuthority:
    return TimestampAuthority(seed, at, "pratique lab", "tsa.lab.invalid")


def verify(
    envelope: bytes, form: str, trust: str | None = None, now: datetime = AT, **options: Any
) -> VerifiedNotarySignature:
    store = TrustStore.from_pem(trust if trust is not None else signer().trust)
    return verify_envelope(envelope, form, trust_store=store, now=now, **options)


def verdict_of(
    signatures: Sequence[StoredNotarySignature],
    *,
    reference: str = "x",
    trust: str | None = None,
    now: datetime = AT,
) -> NotaryVerdict:
    """Return the verdict over stored signatures, none verified that the verdict does not need."""
    trust_store = TrustStore.from_pem(trust if trust is not None else signer().trust)

    def attempts() -> Iterator[Attempt]:
        for stored in signatures:
            error = None
            if stored.fault is None:
                try:
                    verify_stored(stored, trust_store=trust_store, now=now)
                except NotaryRefusal as caught:
                    error = caught
            yield Attempt(stored=stored, refusal=error)

    return judge_signatures(attempts(), reference=reference)


def refusal(check: Check, action: Callable[..., object], *arguments: object) -> str:
    """Return the text of the refusal with code `check` that `action` ends in."""
    with pytest.raises(NotaryRefusal) as caught:
        action(*arguments)
    assert caught.value.code == check
    return caught.value.message


# --- certificates ------------------------------------------------------------------------------------------

Extension = tuple[x509.ExtensionType, bool]

LEAF_USAGE = ("digital_signature",)
CA_USAGE = ("key_cert_sign", "crl_sign")
CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING


def name(common_name: str) -> x509.Name:
    attributes = [
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.ORGANIZATION_NAME, "odd"),
        (NameOID.COMMON_NAME, common_name),
    ]
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in attributes])


def usage(*bits: str, critical: bool = True) -> Extension:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{bit: bit in bits for bit in names}), critical


def purposes(*oids: x509.ObjectIdentifier, critical: bool = False) -> Extension:
    return x509.ExtendedKeyUsage(oids), critical


def constraints(ca: bool, path_length: int | None = None, critical: bool = True) -> Extension:
    return x509.BasicConstraints(ca=ca, path_length=path_length), critical


LEAF_EXTENSIONS = (usage(*LEAF_USAGE), purposes(CODE_SIGNING))
CA_EXTENSIONS = (usage(*CA_USAGE), constraints(True))


def certify(
    subject: x509.Name,
    key: PublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    extensions: Sequence[Extension],
    *,
    at: datetime,
    life: tuple[timedelta, timedelta] = LIFE,
    hash_algorithm: hashes.HashAlgorithm | None = None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(7)
        .not_valid_before(at - life[0])
        .not_valid_after(at + life[1])
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    # SHA-1 is among the hashes tests ask for, which the types do not admit.
    algorithm: Any = hash_algorithm or hashes.SHA256()
    deterministic = True if isinstance(issuer_key, ec.EllipticCurvePrivateKey) else None
    return builder.sign(issuer_key, algorithm, ecdsa_deterministic=deterministic)


class OddSigner(NotarySigner):
    """A signer whose chain is what a test makes of it."""

    def __init__(
        self,
        at: datetime = AT,
        *,
        leaf: Sequence[Extension] = LEAF_EXTENSIONS,
        intermediate: Sequence[Extension] = CA_EXTENSIONS,
        root: Sequence[Extension] = CA_EXTENSIONS,
        life: Mapping[str, tuple[timedelta, timedelta]] | None = None,
        subject: x509.Name | None = None,
        curve: ec.EllipticCurve | None = None,
        hash_algorithm: hashes.HashAlgorithm | None = None,
        arrange: Callable[[OddSigner], Sequence[x509.Certificate]] | None = None,
    ) -> None:
        super().__init__(SEED, at, name="odd")
        life = life or {}
        root_key = derive_ec_key(SEED, "odd/root")
        own_key = derive_ec_key(SEED, "odd/intermediate")
        if curve:
            self.key = derive_ec_key(SEED, "odd/leaf", curve)
        self.root = certify(
            name("odd root"), root_key.public_key(), name("odd root"), root_key, root, at=at,
            life=life.get("root", LIFE),
        )  # fmt: skip
        self.intermediate = certify(
            name("odd intermediate"), own_key.public_key(), name("odd root"), root_key, intermediate, at=at,
            life=life.get("intermediate", LIFE),
        )  # fmt: skip
        self.leaf = certify(
            subject or name("odd leaf"), self.key.public_key(), name("odd intermediate"), own_key, leaf,
            at=at,
            life=life.get("leaf", LIFE), hash_algorithm=hash_algorithm,
        )  # fmt: skip
        self._arrange = arrange

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        if self._arrange:
            return tuple(self._arrange(self))
        return (self.leaf, self.intermediate, self.root)

    @property
    def trust(self) -> str:
        return pem(self.chain[-1])


class SelfSigned(OddSigner):
    """A signer whose chain is one certificate, signed by its own key."""

    def __init__(self, at: datetime = AT, *, extensions: Sequence[Extension] = LEAF_EXTENSIONS) -> None:
        super().__init__(at)
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        own = name("self-signed")
        self.leaf = certify(own, self.key.public_key(), own, self.key, extensions, at=at)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return (self.leaf,)


# --- a store in memory -------------------------------------------------------------------------------------


def digest_of(data: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")


class MemoryStore:
    """An `ImageStore` of one repository that checks as little as a hostile one might."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.listed: dict[str, list[Descriptor]] = {}
        self.down: set[str] = set()
        self.asked: list[str] = []

    def put(self, body: bytes, subject: str = "", artifact_type: str = "") -> Digest:
        digest = digest_of(body)
        self.blobs[digest] = body
        if subject:
            descriptor = Descriptor(OCI_MANIFEST, digest, len(body), {}, artifact_type)
            self.listed.setdefault(subject, []).append(descriptor)
        return digest

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        if reference == TARGET.digest:
            return Manifest(repository, TARGET.digest, TARGET.media_type, bytes(TARGET.size), {})
        body = self._get(reference)
        return Manifest(repository, Digest(reference), OCI_MANIFEST, body, json.loads(body))

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        body = self._get(digest)
        if len(body) > max_bytes:
            raise TransportError("too-large", "too large")
        return body

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        self.asked.append(f"referrers {digest}")
        if "referrers" in self.down:
            raise TransportError("registry-unreachable", "down")
        return tuple(
            d for d in self.listed.get(digest, ()) if not artifact_type or d.artifact_type == artifact_type
        )

    async def aclose(self) -> None:
        pass

    def _get(self, digest: str) -> bytes:
        self.asked.append(digest)
        if digest in self.down:
            raise TransportError("registry-unreachable", "down")
        if digest not in self.blobs:
            raise NotFoundError("not-found", "not there")
        return self.blobs[digest]


# --- the reference library ---------------------------------------------------------------------------------

PEER = Path(__file__).parent / "runtime" / "signatures" / "notary" / "peer"
NO_GO = "needs Go 1.25 or later on PATH, to build the peer around the reference library"
NO_MODULES = "needs the reference library: run `go mod download` in tests/runtime/signatures/notary/peer"


class Peer:
    """A running peer: notation-go, asked line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def verify(self, envelope: bytes, form: str, trust: Mapping[str, str], target: Target = TARGET) -> str:
        """Return notation's refusal at level strict; empty if the signature holds for `target`."""
        asked = {"mediaType": form, "envelope": _base64(envelope), "target": plain(target), "trust": trust}
        return str(self._ask(operation="verify", **asked)["error"])

    def verify_stored(self, trust: Mapping[str, str], **place: str) -> str:
        """Return notation's refusal of an artifact in a layout or a registry; empty if it is signed."""
        return str(self._ask(operation="verify-stored", trust=trust, **place)["error"])

    def sign(self, form: str, key: str, chain: str, target: Target = TARGET, **more: Any) -> bytes:
        """Return an envelope that notation signs."""
        answer = self._ask(
            operation="sign", mediaType=form, key=key, chain=chain, target=plain(target), **more
        )
        assert not answer["error"], answer["error"]
        return base64.b64decode(answer["envelope"])

    def sign_stored(self, form: str, key: str, chain: str, **place: Any) -> None:
        """Let notation sign an artifact in a layout or a registry and store the signature there."""
        answer = self._ask(operation="sign-stored", mediaType=form, key=key, chain=chain, **place)
        assert not answer["error"], answer["error"]

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


def build_peer(folder: Path) -> Path:
    """Return the program of the peer; skips where it cannot be built offline."""
    go = shutil.which("go")
    if not go:
        pytest.skip(NO_GO)
    program = folder / "notary-peer"
    environment = {
        **os.environ,
        "GOPROXY": "off",
        "GOFLAGS": "-buildvcs=false -mod=readonly",
        "GOWORK": "off",
    }
    built = subprocess.run(
        [go, "build", "-o", program, "."],
        cwd=PEER,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        missing = "GOPROXY=off" in built.stderr or "requires go" in built.stderr
        assert missing, built.stderr
        pytest.skip(NO_MODULES if "GOPROXY=off" in built.stderr else NO_GO)
    return program


@contextmanager
def running_peer(program: Path) -> Iterator[Peer]:
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Peer(process)
    finally:
        assert process.stdin
        assert process.stdout
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def plain(target: Target) -> dict[str, Any]:
    return {"mediaType": target.media_type, "digest": target.digest, "size": target.size}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


KINDS = (
    KeyType.RSA_2048,
    KeyType.RSA_3072,
    KeyType.RSA_4096,
    KeyType.ECDSA_P256,
    KeyType.ECDSA_P384,
    KeyType.ECDSA_P521,
)
QUICK_KINDS = (KeyType.RSA_2048, KeyType.ECDSA_P256, KeyType.ECDSA_P384, KeyType.ECDSA_P521)
"""Without those whose keys take seconds to derive; recorded signatures stand in for them."""
