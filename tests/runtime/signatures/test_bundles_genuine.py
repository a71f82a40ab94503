"""A genuine bundle against the public root: the provenance of a package, logged as `intoto` 0.0.2."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.artifacts import Artifact
from pratique.runtime.signatures.log_records import ENVELOPE_KINDS, read_recorded
from pratique.runtime.signatures.model import VerifiedSignature
from pratique.runtime.signatures.verifier import Verifier
from pratique.runtime.trust_options import TrustOptions
from tests.support_signatures import DATA

BUNDLE = (DATA.parent / "bundles" / "npm-provenance.json").read_bytes()
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
