"""Genuine bundles against the roots of the public instances; `tests/data/bundles/README.md` says whose."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.cli import main
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.artifacts import Artifact
from pratique.runtime.signatures.log_records import ENVELOPE_KINDS, read_recorded
from pratique.runtime.signatures.model import VerifiedSignature
from pratique.runtime.signatures.verifier import Verifier
from pratique.runtime.trust_options import TrustOptions
from tests.support_signatures import DATA, new_key, public_pem

BUNDLES = DATA.parent / "bundles"
BUNDLE = (BUNDLES / "npm-provenance.json").read_bytes()
BUILDER = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"


def subject() -> Digest:
    statement = json.loads(base64.b64decode(json.loads(BUNDLE)["dsseEnvelope"]["payload"]))
    return Digest(f"sha512:{statement['subject'][0]['digest']['sha512']}")


def verify(body: bytes, digest: Digest) -> VerifiedSignature:
    return Verifier.of(TrustOptions(offline=True)).verify_artifact(
        body, Artifact.of_digest(digest), ir.AnyIdentity(), ir.Trust()
    )


def test_provenance_of_a_package() -> None:
    found = verify(BUNDLE, subject())
    assert found.identity
    assert found.identity.subjects == (BUILDER,)
    assert (found.signed_at, found.log_index) == (1692374735, 31821305)
    assert found.statement
    assert found.statement.predicate_type == "https://slsa.dev/provenance/v1"
    assert found.statement.subjects[0].name.startswith("pkg:npm/sigstore@")
    with pytest.raises(VerificationError, match="no matching subject digest"):
        verify(BUNDLE, Digest("sha512:" + "0" * 128))


def _sig(spec: Any) -> None:
    spec["content"]["envelope"]["signatures"][0]["sig"] = base64.b64encode(b"AAAA").decode()


def _second(spec: Any) -> None:
    spec["content"]["envelope"]["signatures"] *= 2


def _hash(spec: Any) -> None:
    spec["content"]["payloadHash"]["value"] = "zz"


def _no_hash(spec: Any) -> None:
    del spec["content"]["payloadHash"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_sig, "log-entry-mismatch"),
        (_second, "bundle-malformed"),
        (_hash, "bundle-malformed"),
        (_no_hash, "bundle-malformed"),
    ],
)
def test_changed_entries(change: Callable[[Any], None], code: str) -> None:
    bundle = json.loads(BUNDLE)
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    body = json.loads(base64.b64decode(entry["canonicalizedBody"]))
    assert read_recorded(base64.b64decode(entry["canonicalizedBody"]), ENVELOPE_KINDS)[1].signature
    change(body["spec"])
    entry["canonicalizedBody"] = base64.b64encode(rfc8785.dumps(body)).decode()
    with pytest.raises(VerificationError) as caught:
        verify(json.dumps(bundle).encode(), subject())
    assert caught.value.code == code


# --- bundles of other clients ----------------------------------------------------------------------------

GITHUB = "https://github.com/login/oauth"
ACTIONS = "https://token.actions.githubusercontent.com"
BEACON = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
RFC8785 = "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2"

SIGNED = {
    "js-v0.1-dsse-no-proof": ("brian@dehamer.com", GITHUB),
    "js-v0.1-intoto": ("brian@dehamer.com", GITHUB),
    "js-v0.2-intoto": ("brian@dehamer.com", GITHUB),
    "js-v0.3-dsse": ("brian@dehamer.com", GITHUB),
    "python-wheel-v0.3": (RFC8785, ACTIONS),
    "staging-v0.3": ("william@yossarian.net", GITHUB),
    "staging-rekor-v2-message": ("jku@goto.fi", GITHUB),
    "staging-rekor-v2-statement": (BEACON, ACTIONS),
}

REFUSALS = {
    "js-v0.1-root-in-chain": "chain-malformed",
    "no-checkpoint": "checkpoint-missing",
    "no-signed-time": "no-signed-time",
    "python-release-no-checkpoint": "checkpoint-missing",
    "staging-cve-2022-36056": "log-entry-mismatch",
    "staging-empty-chain": "bundle-malformed",
    "staging-no-log-entry": "not-logged",
    "staging-unknown-version": "bundle-version-unsupported",
}


@cache
def artifact_of(path: Path) -> str:
    """The digest that a bundle itself names."""
    bundle = json.loads(path.read_text())
    if "dsseEnvelope" in bundle:
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        ((algorithm, value), *_) = statement["subject"][0]["digest"].items()
        return f"{algorithm}:{value}"
    return "sha256:" + base64.b64decode(bundle["messageSignature"]["messageDigest"]["digest"]).hex()


def judge(
    path: Path, folder: Path, capsys: pytest.CaptureFixture[str], *who: str, artifact: str = ""
) -> tuple[int, str]:
    store = resources.files("sigstore._store")
    host = "sigstage" if path.name.startswith("staging") else "sigstore"
    root = folder / "trusted_root.json"
    root.write_bytes(store.joinpath(f"https%3A%2F%2Ftuf-repo-cdn.{host}.dev", root.name).read_bytes())
    what = artifact or artifact_of(path)
    status = main(["verify", "--bundle", str(path), *who, "--trusted-root", str(root), "-o", "json", what])
    return status, json.loads(capsys.readouterr().out)["reason"]["code"]


def test_every_bundle_has_its_test() -> None:
    assert {path.stem for path in (BUNDLES / "verified").iterdir()} == {*SIGNED, "npm-publish-key"}
    assert {path.stem for path in (BUNDLES / "refused").iterdir()} == {*REFUSALS}


@pytest.mark.parametrize("name", SIGNED)
def test_verifies_with_its_identity_and_no_other(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = BUNDLES / "verified" / f"{name}.json"
    who, issuer = SIGNED[name]
    assert judge(path, tmp_path, capsys, "--identity", who, "--issuer", issuer) == (0, "signed")
    other = ("--identity", f"x{who}", "--issuer", issuer)
    assert judge(path, tmp_path, capsys, *other) == (1, "identity-mismatch")
    other = ("--identity", who, "--issuer", ACTIONS if issuer == GITHUB else GITHUB)
    assert judge(path, tmp_path, capsys, *other) == (1, "identity-mismatch")
    mine = ("--identity", who, "--issuer", issuer)
    status, code = judge(path, tmp_path, capsys, *mine, artifact="sha256:" + "0" * 64)
    assert (status, code in ("digest-mismatch", "log-entry-mismatch")) == (1, True)


def test_verifies_with_its_key_and_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = BUNDLES / "verified" / "npm-publish-key.json"
    assert judge(path, tmp_path, capsys, "--key", str(BUNDLES / "npm-publish-key.pem")) == (0, "signed")
    other = tmp_path / "other.pem"
    other.write_text(public_pem(new_key()))
    assert judge(path, tmp_path, capsys, "--key", str(other)) == (1, "log-entry-mismatch")


@pytest.mark.parametrize("name", REFUSALS)
def test_refused_for_its_own_reason(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = BUNDLES / "refused" / f"{name}.json"
    anybody = ("--identity-regexp", ".*", "--issuer-regexp", ".*")
    assert judge(path, tmp_path, capsys, *anybody) == (1, REFUSALS[name])
