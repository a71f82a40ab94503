"""Advisories and rules that are about the whole of a verdict rather than one module; named by their ids.

`docs/threats.md` says which other tests cover the rest.
"""

import ast
import base64
import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.decision import Status
from pratique.runtime.signatures.identity import mismatch
from pratique.runtime.signatures.model import Identity
from pratique.runtime.signatures.transparency import match_record, only_block, read_record
from tests.conftest import ROOT
from tests.support_engine import World, pod, said
from tests.support_policies import cluster_policy

APP, BAD = "ghcr.io/acme/app:v1", "ghcr.io/acme/bad:v1"
DEV = {"subject": "dev@acme.example"}
OFF = {"verifyDigest": False, "required": False}


def world(**more: Any) -> World:
    made = World(cluster_policy(OFF | more))
    made.store.image(APP, DEV)
    made.store.image(BAD)
    return made


def verdict(resource: dict[str, Any]) -> Status:
    (result,) = world().judge(resource)
    return result.status


@pytest.mark.parametrize("value", [None, "", "{}", "not json", json.dumps({BAD: "pass"})])
def test_k6_r4_what_an_annotation_says_or_no_longer_says_is_no_evidence(value: str | None) -> None:
    scoped = {"version": 1, "policies": {"/p": {"verify": {BAD: "pass"}}}}
    notes = {"kyverno.io/verify-images-scoped": json.dumps(scoped)}
    if value is not None:
        notes["kyverno.io/verify-images"] = value
    for image, status in ((APP, Status.PASS), (BAD, Status.FAIL)):
        assert verdict(pod(image, metadata={"annotations": notes})) is status
        assert verdict(pod(image)) is status


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_k7_u1_r8_a_container_of_any_list_is_judged_and_named(kind: str) -> None:
    (result,) = world().judge(pod(APP, **{kind: [{"name": "extra", "image": BAD}]}))
    assert result.status is Status.FAIL
    assert [(c.container, c.status) for c in result.checks] == (
        [("extra", Status.FAIL), ("c0", Status.PASS)]
        if kind == "initContainers"
        else [("c0", Status.PASS), ("extra", Status.FAIL)]
    )


def test_k8_what_is_being_deleted_is_judged_like_everything_else() -> None:
    leaving = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/stay"]}
    assert verdict(pod(BAD, metadata=leaving)) is Status.FAIL
    assert verdict(pod(APP, metadata=leaving)) is Status.PASS


def identity(subject: str, issuer: str) -> VerificationError | None:
    """Judge an identity by a policy for the organisation `acme`, signed by GitHub's workflows."""
    signer = ir.IdentitySigner(
        issuer=ir.TextTests(tests=(ir.Glob(text="https://token.actions.githubusercontent.com"),)),
        subject=ir.TextTests(tests=(ir.Glob(text="https://github.com/acme/*"),)),
    )
    return mismatch(signer, Identity(subjects=(subject,), issuer=issuer))


GITHUB = "https://token.actions.githubusercontent.com"


@pytest.mark.parametrize(
    ("subject", "issuer"),
    [
        ("https://evil.test/?https://github.com/acme/x", GITHUB),
        ("https://github.com/acme-evil/x", GITHUB),
        ("https://github.com/acme/x", f"{GITHUB}.evil.test"),
        ("https://github.com/acme/x", f"https://evil.test/{GITHUB}"),
        ("https://github.com/acme/x", ""),
    ],
)
def test_c26_k10_patterns_of_identities_are_anchored_and_both_must_hold(subject: str, issuer: str) -> None:
    error = identity(subject, issuer)
    assert error is not None
    assert error.code == "identity-mismatch"
    assert identity("https://github.com/acme/x", GITHUB) is None


def test_k10_a_policy_that_names_nobody_is_warned_about() -> None:
    from tests.support_attestors import keyless
    from tests.support_lint import findings

    assert findings(keyless(subject=None, issuer=None), "PRQ022")


def record(verifier: bytes, payload: bytes = b"payload", signature: str = "c2ln") -> str:
    """Return the body of a log entry that names `verifier`."""
    spec = {
        "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()}},
        "signature": {"content": signature, "publicKey": {"content": base64.b64encode(verifier).decode()}},
    }
    body = {"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec}
    return base64.b64encode(json.dumps(body).encode()).decode()


@pytest.mark.parametrize(
    "verifier",
    [b"https://evil.test/key.pem", b"file:///etc/passwd", b"ssh-ed25519 AAAA", b"", b"\xff\x00"],
)
def test_c27_c11_the_key_of_a_log_entry_is_never_a_place_to_fetch_it_from(verifier: bytes) -> None:
    key = only_block("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    with pytest.raises(VerificationError) as caught:
        match_record(
            read_record(record(verifier)),
            signature="c2ln",
            verifier=key,
            payload_sha256=hashlib.sha256(b"payload").hexdigest(),
        )
    assert caught.value.code == "not-a-certificate"


def test_c13_verifying_loads_no_flow_of_a_browser() -> None:
    code = "import sys, pratique.runtime.signatures.verifier as v, pratique.runtime.bundle_verification;"
    code += "print(*{'sigstore.oidc', 'sigstore.sign', 'webbrowser'}.intersection(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == []


def test_x4_a_child_of_an_approved_parent_is_judged_itself() -> None:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "approved",
        "uid": "u",
        "controller": True,
    }
    assert verdict(pod(BAD, metadata={"ownerReferences": [owner]})) is Status.FAIL


def test_p1_an_image_that_no_rule_is_about_has_no_result_and_no_pass() -> None:
    made = world()
    assert made.judge(pod("elsewhere.example/app:v1")) == []
    assert made.store.requests.total() == 0


def test_r5_nothing_stored_never_passes() -> None:
    (result,) = world().judge(pod(BAD))
    assert said(result) == [
        (
            "fail",
            f"failed to verify image {BAD}: .attestors[0].entries[0].keyless: no signatures found",
        )
    ]


def test_r6_f8_an_outage_is_an_error_for_every_image_it_hits_and_no_other() -> None:
    made = World(cluster_policy({**OFF, "imageReferences": ["*"]}))
    made.store.image(APP, DEV)
    made.store.image("down.example/app:v1", DEV)
    made.store.down.add("down.example")
    (result,) = made.judge(pod(APP, "down.example/app:v1"))
    assert result.status is Status.ERROR
    assert [(c.status, c.transport) for c in result.checks] == [(Status.PASS, False), (Status.ERROR, True)]


def test_y1_yaml_is_never_loaded_with_a_loader_that_makes_objects() -> None:
    unsafe = {"load", "load_all", "full_load", "full_load_all", "unsafe_load", "unsafe_load_all"}
    found = []
    for folder in ("grammar", "compiler", "runtime"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Attribute(value=ast.Name(id="yaml"), attr=name) if name in unsafe:
                        found.append(f"{path}:{node.lineno}")
                    case ast.ImportFrom(module="yaml", names=names) if unsafe & {n.name for n in names}:
                        found.append(f"{path}:{node.lineno}")
    assert not found


def test_i15_one_image_by_tag_and_by_digest_is_verified_once_and_judged_twice() -> None:
    made = world()
    digest = made.store.image(APP, DEV)
    (result,) = made.judge(pod(APP, f"ghcr.io/acme/app@{digest}"))
    assert [(c.status, c.digest) for c in result.checks] == [(Status.PASS, digest)] * 2
    assert made.verifier.verified == 1
