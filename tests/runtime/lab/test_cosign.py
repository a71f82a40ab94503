"""The lab before the real cosign, over a real registry; and what the real cosign signs before pratique.

Everything stays on loopback: cosign has the lab's trust root, and a proxy that is not there for all else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from pratique.compiler import ir
from pratique.compiler.graph import Listing
from pratique.grammar.errors import VerificationError
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.lab.faults import CATALOGUE, Fault, Format, Part
from pratique.runtime.lab.keys import KeyType
from pratique.runtime.ports import Digest, Manifest, Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.signatures.model import Stored, StoredSignature, VerifiedSignature
from pratique.runtime.signatures.verifier import Verifier
from tests.support_lab import (
    EMAIL,
    ISSUER,
    NO_COSIGN,
    NO_REGISTRY,
    REGISTRY_PROGRAM,
    Cosign,
    MemoryLab,
    Pusher,
    cosign_program,
    memory_lab,
    running_registry,
)
from tests.support_trust import trusting

PROGRAM = cosign_program()
pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason=NO_COSIGN),
    pytest.mark.skipif(REGISTRY_PROGRAM is None, reason=NO_REGISTRY),
]

WHO = ("--certificate-identity", EMAIL, "--certificate-oidc-issuer", ISSUER)

KEYS = [KeyType.ECDSA_P256, KeyType.ECDSA_P384, KeyType.ECDSA_P521, KeyType.RSA_2048, KeyType.ED25519]

FAULTS = [
    (fault, form)
    for fault, info in CATALOGUE.items()
    for form in (Format.COSIGN, Format.COSIGN_REFERRER, Format.BUNDLE)
    if form in info.formats and (form is Format.BUNDLE or not info.statement)
]


def recipe() -> str:
    """Return a recipe with one image for each case, named after it."""
    lines = [
        "signers:",
        f"  dev: {{issuer: {ISSUER}, subject: {EMAIL}}}",
        "  uri: {issuer: https://ci.example, subject: https://acme.example/ci@main}",
        "  other: {issuer: https://ci.example, subject: {other: bot!acme}}",
        *(f"  {kind}: {{key: {kind}}}" for kind in KEYS),
        *(f"  {kind}-512: {{key: {kind}, hash: sha512}}" for kind in KEYS[:4]),
        "images:",
    ]

    def image(name: str, *signatures: str, field: str = "signatures", more: str = "") -> None:
        listed = ", ".join(f"{{{text}}}" for text in signatures)
        lines.append(f"  - {{image: 'lab.test/{name}:v1', {field}: [{listed}]{more}}}")

    for form in (Format.COSIGN, Format.COSIGN_REFERRER, Format.BUNDLE, Format.BUNDLE_MESSAGE):
        image(f"good.{form}", f"by: dev, format: {form}")
    for fault, form in FAULTS:
        image(f"{fault}.{form}", f"by: dev, format: {form}, fault: {fault}")
    for kind in KEYS:
        for form in (Format.COSIGN, Format.BUNDLE):
            image(f"{kind}.{form}.unlogged", f"by: {kind}, format: {form}, log: false")
        image(f"{kind}.bundle.logged", f"by: {kind}, format: bundle")
        if kind is not KeyType.ED25519:
            image(f"{kind}.cosign.logged", f"by: {kind}")
            image(f"{kind}-512.cosign.unlogged", f"by: {kind}-512, log: false")
    for form in (Format.COSIGN, Format.BUNDLE):
        image(f"stamped.{form}", f"by: dev, format: {form}, timestamp: true, log: false")
        image(f"annotated.{form}", f"by: dev, format: {form}, annotations: {{stage: prod, team: core}}")
        statement = "by: dev, type: 'https://slsa.dev/provenance/v1', predicate: {buildDefinition: {a: 1}}"
        image(f"attested.{form}", f"{statement}, format: {form}, timestamp: true", field="attestations")
    image("attested.intoto", f"{statement}, entry: intoto", field="attestations")
    image("rekord", "by: dev, entry: rekord")
    image("uri", "by: uri")
    image("other", "by: other")
    image("two", "by: dev, fault: tampered-set", "by: dev")
    platforms = ", platforms: [linux/amd64, linux/arm64]"
    image("platforms", "by: dev, covers: platforms", more=platforms)
    image("index", "by: dev", more=platforms)
    image("elsewhere", "by: dev, repository: lab.test/signatures")
    image("unsigned")
    image("by-cosign")
    image("by-cosign-bundled")
    return "\n".join(lines)


@dataclass(frozen=True)
class Bench:
    """A registry with the lab in it, and cosign."""

    lab: MemoryLab
    host: str
    cosign: Cosign
    folder: Path

    @property
    def trusted_root(self) -> Path:
        return self.folder / "trust" / "trusted_root.json"

    def key(self, name: str) -> str:
        return str(self.folder / "trust" / "keys" / f"{name}.pub")

    def verifies(self, name: str, *flags: str, command: str = "verify", root: Path | None = None) -> str:
        """Return the empty text if cosign accepts an image, else all that it says."""
        image = f"{self.host}/{name}" if "@" in name else f"{self.host}/{name}:v1"
        done = self.cosign.verify(image, root or self.trusted_root, *flags, command=[command])
        assert (done.returncode == 0) == bool(done.stdout), done
        return "" if done.returncode == 0 else done.stderr

    def digest(self, name: str) -> Digest:
        return self.lab.image(f"lab.test/{name}:").digest


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("cosign")
    lab = memory_lab(recipe())
    for name, text in lab.lab.trust.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "home").mkdir()
    assert PROGRAM
    with running_registry(folder) as host:
        Pusher(host).push(lab)
        yield Bench(lab, host, Cosign(PROGRAM, folder / "home"), folder)


@pytest.mark.parametrize("form", ["cosign", "bundle"])
def test_good_signature(bench: Bench, form: str) -> None:
    assert bench.verifies(f"good.{form}", *WHO) == ""


def test_good_signature_in_a_referrer(bench: Bench) -> None:
    assert bench.verifies("good.cosign-referrer", *WHO, "--experimental-oci11") == ""


def test_message_bundle_is_for_blobs(bench: Bench, tmp_path: Path) -> None:
    # For images cosign wants statements; the bundle is good all the same, over the manifest as a file.
    assert "does not contain a DSSE envelope" in bench.verifies("good.bundle-message", *WHO)
    image = bench.lab.image("good.bundle-message")
    (tmp_path / "manifest").write_bytes(bench.lab.blob(image.digest))
    (tmp_path / "bundle").write_text(json.dumps(bench.lab.bundles("good.bundle-message")[0]))
    flags = ("--bundle", tmp_path / "bundle", "--trusted-root", bench.trusted_root)
    done = bench.cosign.run("verify-blob", *flags, *WHO, tmp_path / "manifest")
    assert (done.returncode, done.stderr.strip()) == (0, "Verified OK")
    (tmp_path / "manifest").write_bytes(b"other")
    assert bench.cosign.run("verify-blob", *flags, *WHO, tmp_path / "manifest").returncode != 0


def test_unsigned_image(bench: Bench) -> None:
    assert "no signatures found" in bench.verifies("unsigned", *WHO)


@pytest.mark.parametrize("form", ["cosign", "bundle"])
def test_wrong_identity(bench: Bench, form: str) -> None:
    for who in (("mallory@acme.example", ISSUER), (EMAIL, "https://other.example")):
        flags = ("--certificate-identity", who[0], "--certificate-oidc-issuer", who[1])
        said = bench.verifies(f"good.{form}", *flags)
        assert "none of the expected identities matched" in said or "no matching CertificateIdentity" in said


@pytest.mark.parametrize("form", ["cosign", "bundle"])
def test_other_trust_root(bench: Bench, form: str, tmp_path: Path) -> None:
    other = memory_lab("sigstore: {seed: other}")
    (tmp_path / "root.json").write_text(other.trusted_root)
    assert bench.verifies(f"good.{form}", *WHO, root=tmp_path / "root.json") != ""


@pytest.mark.parametrize(
    ("name", "subject"), [("uri", "https://acme.example/ci@main"), ("other", "bot!acme")]
)
def test_other_kinds_of_subject(bench: Bench, name: str, subject: str) -> None:
    issuer = ("--certificate-oidc-issuer", "https://ci.example")
    assert bench.verifies(name, "--certificate-identity", subject, *issuer) == ""


REASONS: dict[Fault, str] = {
    Fault.WRONG_DIGEST: "invalid or missing digest in claim|provided artifact digest does not match",
    Fault.NOT_A_STATEMENT: "unable to extract statement from envelope",
    Fault.NO_SUBJECT: "provided artifact digests does not match digests in statement",
    Fault.MANY_SUBJECTS: "too many subjects: 1025 > 1024",
    Fault.FOREIGN_ROOT: "leaf certificate verification failed",
    Fault.EXPIRED_INTERMEDIATE: "leaf certificate verification failed",
    Fault.WRONG_USAGE: "leaf certificate verification failed",
    Fault.KEY_AS_CERTIFICATE: "x509: malformed",
    Fault.NO_SCT: "certificate does not include required embedded SCT|verify 0 SCT entries",
    Fault.TAMPERED_SCT: "verify 0 SCT entries",
    Fault.FOREIGN_SCT: "verify 0 SCT entries",
    Fault.TAMPERED_SIGNATURE: "invalid signature|accepted signatures do not match threshold",
    Fault.TAMPERED_PAYLOAD: "matching bundle to payload|does not match envelope",
    Fault.FOREIGN_KEY: "invalid signature|accepted signatures do not match threshold",
    Fault.NO_TLOG: "searching log query|not enough verified log entries",
    Fault.NO_SET: "threshold not met for verified log entry integrated timestamps: 0 < 1",
    Fault.TAMPERED_SET: "unable to verify SET|not enough verified log entries",
    Fault.FOREIGN_SET: "rekor log public key not found|not enough verified log entries",
    Fault.RETIRED_LOG: "not valid at payload integrated time|not enough verified log entries",
    Fault.EDITED_LOG_TIME: "unable to verify SET|not enough verified log entries",
    Fault.EXPIRED: "certificate expired before observed time|integrated time outside certificate validity",
    Fault.EARLY_LOG: "certificate was issued after observed time|outside certificate validity",
    Fault.SWAPPED_BUNDLE: "signature in bundle does not match|transparency log signature does not match",
    Fault.WRONG_PAYLOAD_DIGEST: "invalid signature|does not match envelope",
    Fault.NO_INCLUSION_PROOF: "no signatures found",
    Fault.BAD_INCLUSION_PROOF: "calculated root",
    Fault.BAD_CHECKPOINT: "signature on checkpoint did not verify",
    Fault.MANY_LOG_ENTRIES: "no signatures found",
    Fault.TAMPERED_TIMESTAMP: "expected at least one verified timestamp|threshold not met",
    Fault.FOREIGN_TIMESTAMP: "expected at least one verified timestamp|does not match",
    Fault.IMPOSTOR_TIMESTAMP: "expected at least one verified timestamp|does not match",
    Fault.LATE_TIMESTAMP: "certificate expired before observed time|leaf certificate verification failed",
    Fault.WRONG_TIMESTAMP: "expected at least one verified timestamp|hashed messages don't match",
    Fault.MANY_TIMESTAMPS: "too many signed timestamps: 33 > 32",
}
"""What cosign says of each fault it refuses, in its own format or of bundles."""

ACCEPTED = frozenset({Fault.LONG_LIVED, Fault.NO_CHAIN, Fault.TWO_CERTIFICATES})


@pytest.mark.parametrize(("fault", "form"), FAULTS)
def test_faults(bench: Bench, fault: Fault, form: Format) -> None:
    flags = ["--use-signed-timestamps"] if CATALOGUE[fault].part is Part.TIMESTAMP else []
    if form is Format.COSIGN_REFERRER:
        flags.append("--experimental-oci11")
    said = bench.verifies(f"{fault}.{form}", *WHO, *flags)
    if fault in ACCEPTED:
        assert said == ""
    elif form is Format.COSIGN_REFERRER:
        # Cosign tries the tag after a bad referrer, finds none there, and tells only that.
        assert "no signatures found" in said
    else:
        assert any(reason in said for reason in REASONS[fault].split("|")), said


def test_every_fault_has_its_answer() -> None:
    known = {fault for fault in Fault if any(not form.is_notary for form in CATALOGUE[fault].formats)}
    assert set(REASONS) | ACCEPTED == known
    assert {fault for fault in Fault if CATALOGUE[fault].harmless} == ACCEPTED | {Fault.MANY_SUBJECTS}


@pytest.mark.parametrize("form", ["cosign", "bundle"])
@pytest.mark.parametrize("kind", KEYS)
def test_keys(bench: Bench, kind: KeyType, form: str) -> None:
    mine, other = ("--key", bench.key(kind)), ("--key", bench.key(KEYS[KEYS.index(kind) - 1]))
    unlogged = ("--insecure-ignore-tlog",)
    assert bench.verifies(f"{kind}.{form}.unlogged", *mine, *unlogged) == ""
    assert bench.verifies(f"{kind}.{form}.unlogged", *other, *unlogged) != ""
    assert bench.verifies(f"{kind}.{form}.unlogged", *mine) != ""
    if (kind, form) != (KeyType.ED25519, "cosign"):
        assert bench.verifies(f"{kind}.{form}.logged", *mine) == ""
        assert bench.verifies(f"{kind}.{form}.logged", *other) != ""


@pytest.mark.parametrize("kind", KEYS[:4])
def test_other_hash(bench: Bench, kind: KeyType) -> None:
    flags = ("--key", bench.key(f"{kind}-512"), "--insecure-ignore-tlog")
    name = f"{kind}-512.cosign.unlogged"
    assert bench.verifies(name, *flags, "--signature-digest-algorithm", "sha512") == ""
    assert bench.verifies(name, *flags) != ""


@pytest.mark.parametrize("form", ["cosign", "bundle"])
def test_timestamp_instead_of_the_log(bench: Bench, form: str) -> None:
    flags = (*WHO, "--insecure-ignore-tlog")
    assert bench.verifies(f"stamped.{form}", *flags, "--use-signed-timestamps") == ""
    assert bench.verifies(f"stamped.{form}", *flags) != ""


@pytest.mark.parametrize("form", ["cosign", "bundle"])
def test_annotations(bench: Bench, form: str) -> None:
    assert bench.verifies(f"annotated.{form}", *WHO, "-a", "stage=prod", "-a", "team=core") == ""
    said = bench.verifies(f"annotated.{form}", *WHO, "-a", "stage=test")
    assert "missing or incorrect annotation" in said


@pytest.mark.parametrize("name", ["attested.cosign", "attested.bundle", "attested.intoto"])
def test_attestations(bench: Bench, name: str) -> None:
    def verifies(kind: str, *more: str) -> str:
        return bench.verifies(name, *WHO, "--type", kind, *more, command="verify-attestation")

    assert verifies("slsaprovenance1") == ""
    if name != "attested.intoto":
        assert verifies("slsaprovenance1", "--use-signed-timestamps") == ""
    assert verifies("spdxjson") != ""


def test_older_log_entry(bench: Bench) -> None:
    assert bench.verifies("rekord", *WHO) == ""


def test_one_good_signature_of_two_is_enough(bench: Bench) -> None:
    assert bench.verifies("two", *WHO) == ""


def test_platforms(bench: Bench) -> None:
    (amd64, arm64) = bench.lab.image("lab.test/platforms").platforms.values()
    assert bench.verifies("platforms", *WHO) != ""
    for digest in (amd64, arm64):
        assert bench.verifies(f"platforms@{digest}", *WHO) == ""
    (child, _) = bench.lab.image("lab.test/index").platforms.values()
    assert bench.verifies("index", *WHO) == ""
    assert bench.verifies(f"index@{child}", *WHO) != ""


def test_signatures_elsewhere(bench: Bench) -> None:
    assert bench.verifies("elsewhere", *WHO) != ""
    there = Cosign(bench.cosign.program, bench.cosign.home, {"COSIGN_REPOSITORY": f"{bench.host}/signatures"})
    done = there.verify(f"{bench.host}/elsewhere:v1", bench.trusted_root, *WHO)
    assert done.returncode == 0, done.stderr


# --- the other direction -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def signed_by_cosign(bench: Bench) -> Path:
    """Let cosign sign images of the lab with a new key, and return its public half."""
    offline = ("--use-signing-config=false", "--tlog-upload=false")
    sign = ("sign", "--key", "cosign.key", "--allow-http-registry", *offline)
    for arguments in (
        ("generate-key-pair",),
        (*sign, "--new-bundle-format=false", "-a", "stage=prod", _pinned(bench, "by-cosign")),
        (*sign, _pinned(bench, "by-cosign-bundled")),
    ):
        done = bench.cosign.run(*arguments)
        assert done.returncode == 0, done.stderr
    return bench.cosign.home / "cosign.pub"


def _pinned(bench: Bench, name: str) -> str:
    return f"{bench.host}/{name}@{bench.digest(name)}"


def stored_in_registry(bench: Bench, name: str) -> tuple[StoredSignature, ...]:
    """Return the signatures that pratique's registry client finds."""

    async def ask() -> tuple[StoredSignature, ...]:
        client = DistributionClient()
        try:
            listing = Listing(ir.SignatureFormat.COSIGN)
            where = Repository(bench.host, name)
            found = await stored_signatures(client, where, bench.digest(name), listing)
            return tuple(stored for stored in found if isinstance(stored, StoredSignature))
        finally:
            await client.aclose()

    return asyncio.run(ask())


def verified_by_pratique(
    bench: Bench, stored: StoredSignature, key: Path, digest: Digest
) -> VerifiedSignature:
    trust = ir.Trust(log=ir.LogPolicy(required=False))
    verifier = Verifier.of(trusting(bench.trusted_root))
    return verifier.verify(stored, ir.KeySigner(key=key.read_text()), trust, digest)


def test_pratique_accepts_what_cosign_signed(bench: Bench, signed_by_cosign: Path) -> None:
    (stored,) = stored_in_registry(bench, "by-cosign")
    found = verified_by_pratique(bench, stored, signed_by_cosign, bench.digest("by-cosign"))
    assert found.image_digest == bench.digest("by-cosign")
    assert found.identity is None
    assert ("stage", "prod") in (found.claims or ())


def test_pratique_refuses_another_key_and_another_image(bench: Bench, signed_by_cosign: Path) -> None:
    (stored,) = stored_in_registry(bench, "by-cosign")
    with pytest.raises(VerificationError):
        verified_by_pratique(bench, stored, Path(bench.key(KeyType.ECDSA_P256)), bench.digest("by-cosign"))
    with pytest.raises(VerificationError) as caught:
        verified_by_pratique(bench, stored, signed_by_cosign, bench.digest("unsigned"))
    assert caught.value.code == "digest-mismatch"


def test_pratique_refuses_an_unlogged_signature_where_the_log_is_required(
    bench: Bench, signed_by_cosign: Path
) -> None:
    (stored,) = stored_in_registry(bench, "by-cosign")
    key = ir.KeySigner(key=signed_by_cosign.read_text())
    with pytest.raises(VerificationError):
        Verifier.of(trusting(bench.trusted_root)).verify(stored, key, ir.Trust(), bench.digest("by-cosign"))


def test_pratique_finds_the_bundle_that_cosign_wrote(bench: Bench, signed_by_cosign: Path) -> None:
    name = "by-cosign-bundled"

    async def ask() -> list[str]:
        client = DistributionClient()
        try:
            found = await client.referrers(Repository(bench.host, name), bench.digest(name))
            return [descriptor.artifact_type for descriptor in found]
        finally:
            await client.aclose()

    assert asyncio.run(ask()) == ["application/vnd.dev.sigstore.bundle.v0.3+json"]


def test_bundles_that_the_list_of_an_older_cosign_does_not_call_so(
    bench: Bench, signed_by_cosign: Path
) -> None:
    """Cosign reads every referrer that it cannot tell, and so does pratique; the list as of cosign 3.0."""
    name = "by-cosign-bundled"
    where, digest = Repository(bench.host, name), bench.digest(name)

    async def ask() -> tuple[Manifest, tuple[Stored, ...]]:
        client = DistributionClient()
        try:
            index = await client.manifest(where, digest.replace(":", "-"))
            return index, await stored_signatures(
                client, where, digest, Listing(ir.SignatureFormat.SIGSTORE_BUNDLE)
            )
        finally:
            await client.aclose()

    index, listed = asyncio.run(ask())
    (entry,) = index.data["manifests"]
    assert entry["artifactType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    older = index.data | {"manifests": [entry | {"artifactType": "application/vnd.oci.empty.v1+json"}]}
    with closing(Pusher(bench.host)) as pusher:
        tag = digest.replace(":", "-")
        pusher.put_manifest(name, tag, json.dumps(older).encode(), index.media_type)
    flags = ("--key", str(signed_by_cosign), "--insecure-ignore-tlog")
    assert bench.verifies(f"{name}@{digest}", *flags) == ""
    index, untold = asyncio.run(ask())
    assert index.data["manifests"] == older["manifests"]
    assert untold == listed
    (bundle,) = untold
    trust = ir.Trust(log=ir.LogPolicy(required=False), sct=ir.SctPolicy(required=False))
    verifier = Verifier.of(trusting(bench.trusted_root))
    signer = ir.KeySigner(key=signed_by_cosign.read_text())
    assert verifier.verify(bundle, signer, trust, digest).image_digest == digest
