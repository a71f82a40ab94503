"""Signed manifests, signed by a lab and judged by the engine."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.compiler.plan import Plan
from pratique.grammar.source import Source
from pratique.runtime.applicable import applicable
from pratique.runtime.cli import main
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lab.authority import Identity, NameKind, SubjectName
from pratique.runtime.lab.build import write_lab
from pratique.runtime.lab.faults import Fault
from pratique.runtime.lab.instance import SigstoreInstance
from pratique.runtime.lab.keys import derive_key, public_pem
from pratique.runtime.lab.manifests import sign_manifest
from pratique.runtime.lab.recipe_reader import read_recipe
from pratique.runtime.lab.signing import Keyless, KeyPair, Signer
from pratique.runtime.resource import Resource
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_engine import FakeStore
from tests.support_policies import read, rule_policy
from tests.support_suites import ran, reasons, row

AT = datetime(2023, 4, 1, 12, tzinfo=UTC)
LAB = SigstoreInstance("manifests", AT)
KEY, OTHER = KeyPair(key=derive_key("m", "dev")), KeyPair(key=derive_key("m", "other"))
ISSUER, DEV = "https://accounts.google.com", "dev@acme.example"
PERSON = Keyless(
    identity=Identity(subjects=(SubjectName(NameKind.EMAIL, DEV),), extensions=((1, ISSUER), (8, ISSUER)))
)
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"containers": [{"name": "a", "image": "nginx:1"}]},
}


def by_key(signer: KeyPair = KEY, **more: Any) -> dict[str, Any]:
    return {"keys": {"publicKeys": public_pem(signer.key.public_key())}, **more}


KEYLESS = {"keyless": {"issuer": ISSUER, "subject": DEV, "rekor": {"url": "https://rekor.lab.test"}}}


def signed(*signers: Signer, data: dict[str, Any] = POD, **how: Any) -> dict[str, Any]:
    return sign_manifest(data, [(f"s{n}", each) for n, each in enumerate(signers)], LAB, **how)


def said(data: dict[str, Any], *sets: Any, operation: str = "CREATE", values: Any = None, **more: Any) -> Any:
    attestors = [each if "entries" in each else {"entries": [each]} for each in sets]
    lowered = read(rule_policy(validate={"manifests": {"attestors": attestors, **more}}))
    assert not lowered.errors, [str(error) for error in lowered.errors]
    plan, resource = Plan(lowered.policies), Resource(data, operation=operation, values=values)
    root = TrustRoot.from_json(json.dumps(LAB.trusted_root()).encode(), "lab")
    verifier = Verifier(lambda: root, lambda: AT)

    async def judged() -> Any:
        engine = Engine(plan, Evidence(FakeStore(), verifier))
        return await engine.judge(resource, applicable(plan, resource))

    results = asyncio.run(judged())
    return [(str(each.status), each.message) for each in results]


ONE = (
    "verified manifest signatures; manifest verification succeeded; verifiedCount 1; requiredCount 1; message"
)


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("logged", [False, True])
def test_a_key(archive: bool, logged: bool) -> None:
    data = signed(KEY, archive=archive, logged=logged)
    assert said(data, by_key()) == [("pass", f"{ONE} singed by a valid signer: ")]


def test_an_identity() -> None:
    assert said(signed(PERSON), KEYLESS) == [("pass", f"{ONE} singed by a valid signer: {DEV}")]


def test_live_objects_are_those_that_were_signed() -> None:
    live = signed(PERSON)
    live["metadata"] |= {"uid": "u", "creationTimestamp": "2023-04-01T12:00:00Z"}
    live["status"] = {"phase": "Running"}
    assert said(live, KEYLESS)[0][0] == "pass"


def test_what_was_changed_is_told() -> None:
    data = signed(KEY)
    data["spec"]["hostNetwork"] = True
    ((status, message),) = said(data, by_key())
    assert (status, message) == (
        "fail",
        "manifest verification failed; verifiedCount 0; requiredCount 1; message"
        " .attestors[0].entries[0].keys:"
        ' failed to verify signature. diff found; {"items":[{"key":"spec.hostNetwork","values":'
        '{"after":true,"before":null}}]}',
    )
    ignored = {"objects": [{"kind": "Pod"}], "fields": ["spec.hostNetwork"]}
    assert said(data, by_key(), ignoreFields=[ignored])[0][0] == "pass"


def test_enough_attestors_are_met() -> None:
    data = signed(KEY, PERSON)
    both, either = [by_key(), KEYLESS], [by_key(OTHER), KEYLESS]
    assert said(data, {"entries": both})[0][0] == "pass"
    assert said(data, {"entries": either})[0][0] == "fail"
    assert said(data, {"entries": either, "count": 1})[0][0] == "pass"
    assert said(data, by_key(), KEYLESS)[0][0] == "pass"
    assert said(data, by_key(), by_key(OTHER))[0][0] == "fail"
    nested = {"entries": [{"attestor": {"entries": either, "count": 1}}, by_key()]}
    assert said(data, nested)[0][0] == "pass"


def test_deviation_a_bad_signature_is_a_failure() -> None:
    """DEVIATION: an error in Kyverno, which `failurePolicy: Ignore` lets pass."""
    ((status, message),) = said(signed(OTHER), by_key())
    assert status == "fail"
    assert ".attestors[0].entries[0].keys: failed to verify signature: " in message


@pytest.mark.parametrize(
    "fault",
    [
        Fault.TAMPERED_SIGNATURE,
        Fault.FOREIGN_KEY,
        Fault.FOREIGN_ROOT,
        Fault.TAMPERED_SET,
        Fault.FOREIGN_SET,
        Fault.NO_TLOG,
        Fault.NO_SCT,
        Fault.EXPIRED,
        Fault.SWAPPED_BUNDLE,
        Fault.WRONG_PAYLOAD_DIGEST,
        Fault.WRONG_USAGE,
    ],
)
def test_what_an_attacker_would_try(fault: Fault) -> None:
    assert said(signed(PERSON), KEYLESS)[0][0] == "pass"
    assert said(signed(PERSON, faults=frozenset({fault})), KEYLESS)[0][0] == "fail"


@pytest.mark.parametrize(
    "changed", [{"subject": "evil@acme.example"}, {"issuer": "https://evil.example"}, {"subject": "dev"}]
)
def test_another_identity(changed: dict[str, str]) -> None:
    assert said(signed(PERSON), {"keyless": {**KEYLESS["keyless"], **changed}})[0][0] == "fail"


def test_expressions_of_identities_count() -> None:
    """Kyverno overlooks them in this place, too (K10)."""
    keyless = {"issuer": ISSUER, "rekor": {"url": "https://rekor.lab.test"}}
    for expression, status in (("^dev@", "pass"), ("^evil@", "fail")):
        assert said(signed(PERSON), {"keyless": {**keyless, "subjectRegExp": expression}})[0][0] == status


def test_annotations_are_demanded_of_what_was_signed() -> None:
    data = deepcopy(POD)
    data["metadata"]["annotations"] = {"team": "a"}
    found = signed(KEY, data=data)
    assert said(found, by_key(annotations={"team": "a"}))[0][0] == "pass"
    assert said(found, by_key(annotations={"team": "b"}))[0][0] == "fail"


def test_one_proof_is_not_that_of_another_object() -> None:
    other = deepcopy(POD)
    other["metadata"]["name"] = "other"
    other["metadata"]["annotations"] = signed(KEY)["metadata"]["annotations"]
    assert "metadata.name" in said(other, by_key())[0][1]
    other["kind"] = "Job"
    other |= {"apiVersion": "v1"}
    assert said({**other, "kind": "Pod", "spec": {}}, by_key())[0][0] == "fail"


def test_an_object_without_a_proof_fails() -> None:
    ((status, message),) = said(POD, by_key())
    assert status == "fail"
    assert message.endswith(
        ".attestors[0].entries[0].keys: YAML manifest not found for this resource: message not found"
    )


def test_a_message_without_a_signature_fails() -> None:
    data = signed(KEY)
    del data["metadata"]["annotations"]["cosign.sigstore.dev/signature"]
    assert "no signatures found" in said(data, by_key())[0][1]


def test_another_domain() -> None:
    data = signed(KEY, domain="acme.dev")
    assert said(data, by_key(), annotationDomain="acme.dev")[0][0] == "pass"
    assert said(data, by_key())[0][0] == "fail"


def test_deviation_annotations_lead_to_no_registry() -> None:
    """DEVIATION: k8s-manifest-sigstore fetches what `resourceBundleRef` names, whoever wrote it."""
    data = deepcopy(POD)
    data["metadata"]["annotations"] = {"cosign.sigstore.dev/resourceBundleRef": "127.0.0.1:1/evil"}
    assert said(data, by_key())[0][0] == "fail"


BOMB = base64.b64encode(gzip.compress(b"0" * (64 << 20))).decode()


@pytest.mark.parametrize("name", ["message", "certificate", "bundle"])
@pytest.mark.parametrize("value", ["%%%", "", "AAAA", BOMB, base64.b64encode(b"\x1f\x8b\x08").decode()])
def test_hostile_annotations_are_failures(name: str, value: str) -> None:
    data = signed(PERSON)
    data["metadata"]["annotations"][f"cosign.sigstore.dev/{name}"] = value
    assert said(data, KEYLESS)[0][0] == "fail"


def test_dry_runs_and_deletions_are_left_alone() -> None:
    request = {"request": {"dryRun": True, "object": POD, "operation": "CREATE"}}
    assert said(POD, by_key(), values=request) == [("pass", "allowed because of DryRun request")]
    assert said(POD, by_key(), operation="DELETE") == []


RECIPE = f"""
sigstore: {{seed: manifests}}
signers:
  dev: {{key: ecdsa-p256}}
  person: {{issuer: {ISSUER}, subject: {DEV}}}
manifests:
- {{name: web, by: [dev, person], manifest: {json.dumps(POD)}}}
"""


def test_labs_sign_manifests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab = tmp_path / "lab"
    write_lab(read_recipe(Source("lab.yaml", RECIPE)), lab)
    key = (lab / "trust/keys/dev.pub").read_text()
    attestors = [{"entries": [{"keys": {"publicKeys": key}}, KEYLESS]}]
    (tmp_path / "p.json").write_text(rule_policy(validate={"manifests": {"attestors": attestors}}))
    args = ["apply", str(tmp_path / "p.json"), "-r", str(lab / "manifests/web.yaml"), "--offline"]
    args += ["--registry-layout", str(lab / "layout"), "--trusted-root", str(lab / "trust/trusted_root.json")]
    assert main(args) == 0, capsys.readouterr()
    text = (lab / "manifests/web.yaml").read_text()
    data = yaml.safe_load(text)
    data["spec"]["containers"][0]["image"] = "evil"
    (lab / "manifests/web.yaml").write_text(json.dumps(data))
    assert main(args) == 1


def test_recipes_name_signers_and_files_once() -> None:
    from pratique.grammar.errors import PolicyErrors

    text = RECIPE.replace("by: [dev, person]", "by: [devv]") + "- {name: web, by: dev, manifest: {}}\n"
    with pytest.raises(PolicyErrors) as caught:
        read_recipe(Source("lab.yaml", text))
    assert [error.code for error in caught.value.errors] == ["unknown-signer", "duplicate-manifest"]


def test_suites_need_no_registry_for_manifests(tmp_path: Path) -> None:
    attestors = [{"entries": [by_key()]}]
    policies = [rule_policy(validate={"manifests": {"attestors": attestors}})]
    data = signed(KEY)
    changed = {**data, "metadata": {**data["metadata"], "name": "changed"}}
    rows = [row("pass", resources=["web"]), row("fail", resources=["changed"])]
    found = ran(tmp_path, rows, policies=policies, resources=[data, changed])
    assert [verdict for verdict, _ in reasons(found)] == ["Pass", "Pass"]
