"""Every parser of strangers' data, with good inputs. `support_spoiling.py` spoils them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from rfc3161_client import decode_timestamp_response

from pratique.compiler import ir
from pratique.compiler.digest import digest
from pratique.compiler.lint.base import lint
from pratique.compiler.plan import Plan
from pratique.compiler.schedules import is_schedule
from pratique.grammar.errors import PratiqueError
from pratique.grammar.source import Source
from pratique.grammar.text import decode as decode_text
from pratique.runtime.configuration.files import parsed
from pratique.runtime.configuration.lint_table import settings_of
from pratique.runtime.configuration.showing import shown
from pratique.runtime.inputs import Inputs
from pratique.runtime.inventories import inventory_in
from pratique.runtime.lab.faults import Format
from pratique.runtime.lab.instance import SigstoreInstance
from pratique.runtime.lab.keys import derive_key
from pratique.runtime.lab.manifests import sign_manifest
from pratique.runtime.lab.signing import KeyPair
from pratique.runtime.outputs.json_text import json_text
from pratique.runtime.outputs.plans.saved import document
from pratique.runtime.policy_files import policies_of
from pratique.runtime.ports import Digest, Repository
from pratique.runtime.registry.challenge import ChallengeError, parse_challenges
from pratique.runtime.registry.content import read_index, read_manifest, referrers_in
from pratique.runtime.registry.credentials import DockerConfig
from pratique.runtime.registry.faults import Operation
from pratique.runtime.saved_plans import parse_plan
from pratique.runtime.shared_cache.protocol import MAX_LINE, ProtocolError, read_reply
from pratique.runtime.shared_cache.records import Answer, ForgedError, Sealer
from pratique.runtime.signatures.blobs import Message, read_message
from pratique.runtime.signatures.certificates import (
    CertificateError,
    certificate_key,
    identity,
    load_certificate,
    load_pem_certificates,
)
from pratique.runtime.signatures.dsse import read_envelope
from pratique.runtime.signatures.inclusion import InclusionProof, verify_inclusion
from pratique.runtime.signatures.keys import KeyTextError, load_pem_key
from pratique.runtime.signatures.log_records import (
    ENVELOPE_KINDS,
    LAYER_KINDS,
    MESSAGE_KINDS,
    read_recorded,
)
from pratique.runtime.signatures.model import (
    Stored,
    StoredBundle,
    StoredEnvelope,
    StoredSignature,
    VerifiedSignature,
)
from pratique.runtime.signatures.notary.cbor import CborError, decode
from pratique.runtime.signatures.notary.der import DerError
from pratique.runtime.signatures.notary.model import EnvelopeFormat
from pratique.runtime.signatures.notary.signed_data import read_token as read_signed_data
from pratique.runtime.signatures.payload import read_claims
from pratique.runtime.signatures.sct import embedded_timestamps
from pratique.runtime.signatures.statements import read_statement
from pratique.runtime.signatures.timestamps import read_token, verify_token
from pratique.runtime.signatures.transparency import read_bundle, read_record
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_lab import EMAIL, ISSUER, MemoryLab, memory_lab
from tests.support_notary import COSE, JWS, TARGET, signer, verify
from tests.support_policies import cluster_policy
from tests.support_sigstore import key, keyless, trust_root, written

CORPUS = Path(__file__).parent / "data" / "fuzz"
SECONDS = 5
"""What one input may take, with room for busy machines; most take less than a millisecond."""

Read = Callable[[bytes], Hashable]
_ERRORS = (
    PratiqueError,
    CertificateError,
    KeyTextError,
    ChallengeError,
    CborError,
    DerError,
    ProtocolError,
    ForgedError,
)
"""All that a parser may say of bad input."""
_NOW = datetime(2030, 1, 1, tzinfo=UTC)


class FuzzError(AssertionError):
    """A parser did with an input what it must never do."""


@dataclass(frozen=True)
class Parser:
    """A parser under test.

    `read` returns what the input proves, None where it proves nothing by itself.
    """

    name: str
    read: Read
    make_seeds: Callable[[], list[bytes]]

    @cached_property
    def seeds(self) -> list[bytes]:
        return self.make_seeds()

    @cached_property
    def proved(self) -> frozenset[Hashable]:
        """What the good inputs prove; no spoiled one may prove anything else."""
        return frozenset(self.read(seed) for seed in self.seeds) | {None}

    def check(self, data: bytes) -> None:
        """Read an input that may be anything.

        Raises:
            FuzzError: another exception than a documented one, or proof of what nobody signed.
        """
        try:
            found = self.read(data)
        except _ERRORS:
            return
        except Exception as error:
            raise FuzzError(f"{self.name}: {type(error).__name__}: {error}") from error
        if found not in self.proved:
            raise FuzzError(f"{self.name}: bytes that nobody signed prove {found}")

    def corpus(self) -> list[Path]:
        return sorted((CORPUS / self.name).glob("*"))

    def keep(self, data: bytes) -> Path:
        """Keep an input that a parser stumbled over, to be replayed ever after."""
        path = CORPUS / self.name / sha256(data).hexdigest()[:16]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


# --- good inputs -----------------------------------------------------------------------------------------


@cache
def _lab(form: Format, part: str = "signatures") -> MemoryLab:
    kind = "" if part == "signatures" else "type: https://example/type, predicate: {a: [1, x]}, "
    return memory_lab(
        f"""
        signers: {{dev: {{issuer: {ISSUER}, subject: {EMAIL}}}}}
        images:
          - image: lab.test/app:v1
            {part}: [{{by: dev, format: {form}, {kind}timestamp: true}}]
        """
    )


_COSIGN, _BUNDLE, _MESSAGE = Format.COSIGN, Format.BUNDLE, Format.BUNDLE_MESSAGE
_NOTES = {
    "signature": "dev.cosignproject.cosign/signature",
    "certificate": "dev.sigstore.cosign/certificate",
    "chain": "dev.sigstore.cosign/chain",
    "bundle": "dev.sigstore.cosign/bundle",
    "timestamp": "dev.sigstore.cosign/rfc3161timestamp",
}


def _layer(part: str = "signatures") -> tuple[bytes, dict[str, str]]:
    """The blob and the annotations of a cosign layer."""
    lab = _lab(_COSIGN, part)
    (layer, *_) = lab.layers(suffix="sig" if part == "signatures" else "att")
    return lab.blob(layer["digest"]), layer["annotations"]


def _layer_json(part: str) -> list[bytes]:
    blob, notes = _layer(part)
    fields = {name: notes[key] for name, key in _NOTES.items() if key in notes}
    return [json.dumps({"blob": base64.b64encode(blob).decode(), **fields}).encode()]


def _note(name: str) -> bytes:
    return _layer()[1][_NOTES[name]].encode()


def _bundles() -> list[dict[str, Any]]:
    return [_lab(form).bundles()[0] for form in (_BUNDLE, _MESSAGE)]


def _entry() -> dict[str, Any]:
    entry: dict[str, Any] = _bundles()[0]["verificationMaterial"]["tlogEntries"][0]
    return entry


def _raw(*path: str) -> bytes:
    value: Any = _bundles()[0]
    for name in path:
        value = value[int(name)] if isinstance(value, list) else value[name]
    return base64.b64decode(value)


_STAMP = ("verificationMaterial", "timestampVerificationData", "rfc3161Timestamps", "0", "signedTimestamp")
_ENVELOPE = ("dsseEnvelope", "payload")


def _tokens() -> list[bytes]:
    return [decode_timestamp_response(_raw(*_STAMP)).time_stamp_token()]


def _bodies() -> list[bytes]:
    bundled = [b["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"] for b in _bundles()]
    layered = [json.loads(_layer(part)[1][_NOTES["bundle"]])["Payload"]["body"] for part in _PARTS]
    return [base64.b64decode(body) for body in (*bundled, *layered)]


_PARTS = ("signatures", "attestations")


def _manifests() -> list[bytes]:
    lab = _lab(_COSIGN)
    record = lab.image()
    return [lab.blob(record.digest), json.dumps(lab.named(record.signatures[0].stored)).encode()]


def _index() -> list[bytes]:
    body = _manifests()[0]
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": f"sha256:{sha256(body).hexdigest()}",
        "size": len(body),
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "annotations": {"dev.sigstore.bundle.content": "dsse-envelope"},
    }
    return [json.dumps({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [entry] * 2}).encode()]


_INDEX = "application/vnd.oci.image.index.v1+json"


# --- readers ---------------------------------------------------------------------------------------------


@cache
def _root() -> TrustRoot:
    return TrustRoot.from_json(_lab(_COSIGN).trusted_root.encode(), "lab")


def _proof(found: VerifiedSignature) -> Hashable:
    statement = found.statement
    said = json.dumps([statement.predicate_type, statement.predicate], sort_keys=True) if statement else ""
    return (found.image_digest, found.identity, found.key, found.claims, said)


def _verified(stored: Stored, digest: str) -> Hashable:
    verifier = Verifier(_root, lambda: _NOW)
    return _proof(verifier.verify(stored, ir.AnyIdentity(), ir.Trust(), Digest(digest)))


def _fields(data: bytes) -> dict[str, str]:
    """The texts of a layer's JSON; bytes in `blob` that are no base64 stand for nothing."""
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(data)
        if isinstance(value, dict):
            return {name: text for name, text in value.items() if isinstance(text, str)}
    return {}


def _blob(fields: dict[str, str]) -> bytes:
    with contextlib.suppress(ValueError):
        return base64.b64decode(fields.pop("blob", ""), validate=True)
    return b""


def _known(fields: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in fields.items() if name in _NOTES}


def _cosign_signature(data: bytes) -> Hashable:
    fields = _fields(data)
    blob = _blob(fields)
    known = {"signature": ""} | _known(fields)
    layer = Digest(f"sha256:{sha256(blob).hexdigest()}")
    return _verified(StoredSignature(payload=blob, layer=layer, **known), _lab(_COSIGN).image().digest)


def _cosign_attestation(data: bytes) -> Hashable:
    fields = _fields(data)
    blob = _blob(fields)
    known = {name: text for name, text in _known(fields).items() if name != "signature"}
    layer = Digest(f"sha256:{sha256(blob).hexdigest()}")
    digest = _lab(_COSIGN, "attestations").image().digest
    return _verified(StoredEnvelope(envelope=blob, layer=layer, **known), digest)


def _bundle(data: bytes) -> Hashable:
    layer = Digest(f"sha256:{sha256(data).hexdigest()}")
    return _verified(StoredBundle(body=data, layer=layer), _lab(_BUNDLE).image().digest)


def _notary(form: EnvelopeFormat) -> Read:
    def read(data: bytes) -> Hashable:
        found = verify(data, form)
        return (found.target, found.annotations, found.certificate, found.signing_time, found.expiry)

    return read


def _manifest(data: bytes) -> None:
    where = Repository("lab.test", "app")
    for media_type in ("", "application/vnd.oci.image.manifest.v1+json"):
        with contextlib.suppress(PratiqueError):
            read_manifest(_OPERATION, where, data, reference="v1", media_type=media_type)


_OPERATION = Operation("lab.test", "fuzz")


def _referrers(data: bytes) -> None:
    referrers_in(read_index(data, _INDEX, _OPERATION), _OPERATION)


def _certificate(data: bytes) -> None:
    certificate = load_certificate(data)
    identity(certificate)
    for read in (certificate_key, embedded_timestamps):
        with contextlib.suppress(*_ERRORS):
            read(certificate)


def _record(data: bytes) -> None:
    for kinds in (MESSAGE_KINDS, ENVELOPE_KINDS, LAYER_KINDS):
        with contextlib.suppress(PratiqueError):
            read_recorded(data, kinds)
    with contextlib.suppress(PratiqueError):
        read_record(base64.b64encode(data).decode())


def _stamped(data: bytes) -> Hashable:
    return verify_token(data, _raw("dsseEnvelope", "signatures", "0", "sig"), _root().timestamps)


def _checkpoint(data: bytes) -> Hashable:
    proof = _entry()["inclusionProof"]
    (log, *_) = _root().logs.named(base64.b64decode(_entry()["logId"]["keyId"]).hex())
    read = InclusionProof(
        log_index=int(proof["logIndex"]),
        tree_size=int(proof["treeSize"]),
        root_hash=base64.b64decode(proof["rootHash"]),
        hashes=tuple(map(base64.b64decode, proof["hashes"])),
        checkpoint=data.decode(errors="surrogateescape"),
    )
    verify_inclusion(base64.b64decode(_entry()["canonicalizedBody"]), read, log)
    return "included"


def _saved_plan(data: bytes) -> Hashable:
    return digest(parse_plan(data, Path("plan.json")).policies)


@cache
def _saved_plans() -> list[bytes]:
    texts = (cluster_policy(), cluster_policy({"imageReferences": ["b.io/*"]}, metadata={"name": "q"}))
    files = policies_of(Inputs(sources=tuple(Source(f"{n}.yaml", text) for n, text in enumerate(texts))))
    return [json_text(document(Plan(files.policies), digest(files.policies), files.sources, False)).encode()]


def _nothing(read: Callable[[bytes], object]) -> Read:
    def run(data: bytes) -> None:
        read(data)

    return run


def _text(read: Callable[[str], object]) -> Read:
    return _nothing(lambda data: read(data.decode(errors="surrogateescape")))


_CHALLENGES = [
    b'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:app:pull"',
    b'Basic realm="x\\"y", Negotiate abc==',
]
_CONFIG = json.dumps(
    {
        "auths": {"https://index.docker.io/v1/": {"auth": "dXNlcjpwYXNz"}, "ghcr.io": {"identitytoken": "t"}},
        "credHelpers": {"gcr.io": "gcloud"},
        "credsStore": "secretservice",
    }
).encode()


def _configuration(data: bytes) -> None:
    file = parsed(Path("/fuzz/pratique.toml"), decode_text(data, "pratique.toml"))
    assert file is not None
    shown(settings_of(file), file)


_SETTINGS = b"""\
[lint]
select = ["PRQ001",
  "wildcard-crosses-host"]
min-severity = "warning"
target = "1.13..1.19"
severity = {PRQ001 = "info"}
[lint.per-file-ignores]
"examples/**" = ["PRQ001"]
"""


def _inventory(data: bytes) -> None:
    inventory_in(Inputs(sources=(decode_text(data, "images"),)), "images")


_IMAGES = [
    b"# known\n  12 ghcr.io/acme/app:1 # ours\nquay.io/a@sha256:" + b"a" * 64 + b"\n",
    json.dumps(
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "labels": {"a": "b"}}},
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": "p", "namespace": "n"},
                    "spec": {"containers": [{"name": "c", "image": "nginx"}]},
                },
            ],
        }
    ).encode(),
]


def _image_policy(data: bytes) -> None:
    source = decode_text(data, "policy.yaml")
    files = policies_of(Inputs(sources=(source,)))
    digest(files.policies)
    lint(files.policies)


def _image_policies() -> list[bytes]:
    trust = _lab(_COSIGN).lab.trust
    root = trust_root(
        authorities=[trust["trust/chain.pem"]],
        logs=[trust["trust/rekor.pub"]],
        transparency=[trust["trust/ctlog.pub"]],
    )
    own = keyless("a@b.example", more=", trustRootRef: r", around=", ctlog: {trustRootRef: r}")
    stating = key(around=", attestations: [{name: a, predicateType: vuln}]")
    match = "  mode: warn\n  match: [{group: apps, version: v1, resource: deployments}]\n"
    return [
        written(own, keyless("c", "d"), images=["ghcr.io/acme/*", "*/*"]).encode(),
        f"{written(own)}---\n{root}".encode(),
        written(stating, "{static: {action: fail}}", images=["ghcr.io/*/app@*"], more=match).encode(),
    ]


def _reply(data: bytes) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader(limit=MAX_LINE)
        reader.feed_data(data)
        reader.feed_eof()
        with contextlib.suppress(EOFError):  # of the connection
            await read_reply(reader, 1 << 16)

    asyncio.run(read())


_SEALER = Sealer(b"k" * 32, _NOW.timestamp)
_KEPT = _SEALER.name("manifest", "v1")


def _message(archive: bool) -> bytes:
    """Return the annotation of a signed manifest."""
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
    person = KeyPair(key=derive_key("fuzz", "dev"))
    signed = sign_manifest(data, [("dev", person)], SigstoreInstance("fuzz", _NOW), archive=archive)
    text: str = signed["metadata"]["annotations"]["cosign.sigstore.dev/message"]
    return text.encode()


def _signed_manifest(data: bytes) -> Message:
    """Read the bytes that were signed, packed as they are in the annotation."""
    return read_message(base64.b64encode(data).decode())


def _signed_manifests() -> list[bytes]:
    return [base64.b64decode(_message(archive)) for archive in (False, True)]


PARSERS: dict[str, Parser] = {
    parser.name: parser
    for parser in (
        Parser("shared-cache-reply", _reply, lambda: [b"*3\r\n$3\r\nabc\r\n:12\r\n$-1\r\n", b"-OOM no\r\n"]),
        Parser(
            "shared-cache-record",
            lambda data: _SEALER.open(_KEPT, data, 60),
            lambda: [_SEALER.seal(_KEPT, Answer(b"body", "application/json"))],
        ),
        Parser("manifest", _manifest, _manifests),
        Parser("referrers", _referrers, _index),
        Parser("cosign-payload", _nothing(read_claims), lambda: [_layer()[0]]),
        Parser("cosign-signature", _cosign_signature, lambda: _layer_json("signatures")),
        Parser("cosign-attestation", _cosign_attestation, lambda: _layer_json("attestations")),
        Parser("rekor-bundle", _text(read_bundle), lambda: [_note("bundle")]),
        Parser("log-entry", _record, _bodies),
        Parser(
            "certificate", _certificate, lambda: [_raw("verificationMaterial", "certificate", "rawBytes")]
        ),
        Parser(
            "certificates-pem", _text(load_pem_certificates), lambda: [_note("certificate"), _note("chain")]
        ),
        Parser("key-pem", _text(load_pem_key), lambda: [_lab(_COSIGN).lab.trust["trust/rekor.pub"].encode()]),
        Parser("timestamp", _stamped, lambda: [_raw(*_STAMP)]),
        Parser("timestamp-annotation", _text(read_token), lambda: [_note("timestamp")]),
        Parser("timestamp-cms", _nothing(read_signed_data), _tokens),
        Parser("dsse-envelope", _nothing(read_envelope), lambda: [_layer("attestations")[0]]),
        Parser("in-toto-statement", _nothing(read_statement), lambda: [_raw(*_ENVELOPE)]),
        Parser("sigstore-bundle", _bundle, lambda: [json.dumps(b).encode() for b in _bundles()]),
        Parser("notary-jws", _notary(JWS), lambda: [signer().sign(TARGET, form=JWS)]),
        Parser("notary-cose", _notary(COSE), lambda: [signer().sign(TARGET, form=COSE)]),
        Parser("cbor", _nothing(decode), lambda: [signer().sign(TARGET, form=COSE)]),
        Parser(
            "checkpoint", _checkpoint, lambda: [_entry()["inclusionProof"]["checkpoint"]["envelope"].encode()]
        ),
        Parser("challenge", _text(lambda text: parse_challenges([text])), lambda: _CHALLENGES),
        Parser(
            "docker-config",
            _nothing(lambda d: DockerConfig.parse(d, "fuzz", with_helpers=True)),
            lambda: [_CONFIG],
        ),
        Parser("saved-plan", _saved_plan, _saved_plans),
        Parser("signed-manifest", _nothing(_signed_manifest), _signed_manifests),
        Parser(
            "signed-message", _text(read_message), lambda: [_message(archive) for archive in (False, True)]
        ),
        Parser("schedule", _text(is_schedule), lambda: [b"*/5 0-3,22 1 jan-MAR sun", b"@every 1h30m"]),
        Parser(
            "trusted-root",
            _nothing(lambda d: TrustRoot.from_json(d, "fuzz")),
            lambda: [_lab(_COSIGN).trusted_root.encode()],
        ),
        Parser("lint-configuration", _configuration, lambda: [_SETTINGS]),
        Parser("inventory", _inventory, lambda: _IMAGES),
        Parser("image-policy", _image_policy, _image_policies),
    )
}
