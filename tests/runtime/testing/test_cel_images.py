"""Suites of ImageValidatingPolicies over a lab: real signatures, bundles, statements and documents."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from pratique.runtime.testing.model import SuiteResult
from tests.support_cel_policies import PODS, text
from tests.support_lab import memory_lab
from tests.support_suites import POD, ran, reasons, row

OK = [("Pass", "Ok")]
RECIPE = """\
sigstore: {seed: policies in cel, at: 2026-01-15T12:00:00Z}
signers:
  dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
  ops: {subject: ops@acme.example, issuer: https://accounts.google.com}
  team: {key: ecdsa-p256}
images:
  - image: ghcr.io/acme/signed:v1
    signatures: [{by: dev, annotations: {stage: production}}]
    attestations:
    - {by: dev, type: https://acme.example/review, predicate: {level: 3}}
    - {by: ops, type: https://acme.example/scan, predicate: {level: 1}}
  - image: ghcr.io/acme/bundled:v1
    signatures: [{by: dev, format: bundle}]
    attestations: [{by: dev, format: bundle, type: https://acme.example/review, predicate: {level: 4}}]
  - image: ghcr.io/acme/keyed:v1
    signatures: [{by: team, log: false}]
    attestations: [{by: team, type: https://acme.example/review, predicate: {level: 5}}]
  - image: ghcr.io/acme/notary:v1
    signatures: [{by: team, format: notary}]
    attestations: [{by: team, format: notary, type: application/acme, predicate: {level: 6}}]
  - image: ghcr.io/acme/unsigned:v1
"""
LAB = memory_lab(RECIPE).lab
DIGESTS = {image.image.partition("/")[2]: image.digest for image in LAB.inventory.images}


def who(subject: str) -> str:
    identity = f"{{issuer: 'https://accounts.google.com', subject: {subject}}}"
    return f"keyless: {{identities: [{identity}]}}"


PEM = indent(LAB.trust["trust/keys/team.pub"], " " * 8)
NOTARY = indent(LAB.trust["trust/notary.pem"], " " * 8)
ATTESTORS = f"""\
attestors:
- {{name: dev, cosign: {{{who("dev@acme.example")}}}}}
- {{name: ops, cosign: {{{who("ops@acme.example")}}}}}
- name: anybody
  cosign:
    keyless: {{identities: [{{issuer: 'https://accounts.google.com'}}]}}
- name: either
  cosign:
    keyless:
      identities:
      - {{issuer: 'https://accounts.google.com', subject: ops@acme.example}}
      - {{issuerRegExp: google, subjectRegExp: '^dev@'}}
- name: team
  cosign:
    ctlog: {{insecureIgnoreTlog: true, insecureIgnoreSCT: true}}
    key:
      data: |
{PEM}
- name: logged
  cosign:
    key:
      data: |
{PEM}
- name: nowhere
  cosign: {{ctlog: {{insecureIgnoreSCT: true}}, {who("dev@acme.example")}}}
- name: production
  cosign: {{{who("dev@acme.example")}, annotations: {{stage: production}}}}
- name: staging
  cosign: {{{who("dev@acme.example")}, annotations: {{stage: staging}}}}
- name: notary
  notary:
    certs:
      value: |
{NOTARY}
attestations:
- {{name: review, intoto: {{type: https://acme.example/review}}}}
- {{name: scan, intoto: {{type: https://acme.example/scan}}}}
- {{name: document, referrer: {{type: application/acme}}}}
"""
LOOSE = "validationConfigurations: {verifyDigest: false, required: false}\n"


def policy(*expressions: str, settings: str = LOOSE, more: str = "", rules: str = PODS) -> str:
    checks = "".join(f"- {{expression: {expression!r}, message: refused}}\n" for expression in expressions)
    return text("ImageValidatingPolicy", f"{ATTESTORS}{settings}{more}validations:\n{checks}", rules=rules)


def found(
    folder: Path, written: str, image: str, expected: str = "pass", pod: Any = None, **suite: Any
) -> SuiteResult:
    resource = pod or {**POD, "spec": {"containers": [{"name": "c", "image": f"ghcr.io/{image}"}]}}
    wanted = {**row(expected, isImageValidatingPolicy=True), "kind": resource["kind"]}
    del wanted["rule"]
    files = {"lab.yaml": RECIPE, **suite.pop("files", {})}
    return ran(folder, [wanted], policies=[written], resources=[resource], files=files, **suite)


def count(function: str) -> str:
    return f"images.containers.all(image, {function} == 1)"


SIGNED = "verifyImageSignatures(image, [attestors.{}])"
STATED = "verifyAttestationSignatures(image, attestations.{}, [attestors.{}])"


@pytest.mark.parametrize(
    ("image", "attestor", "expected"),
    [
        ("acme/signed:v1", "dev", "pass"),
        ("acme/signed:v1", "ops", "fail"),
        ("acme/signed:v1", "anybody", "pass"),
        ("acme/signed:v1", "either", "pass"),
        ("acme/signed:v1", "nowhere", "fail"),
        ("acme/signed:v1", "production", "pass"),
        ("acme/signed:v1", "staging", "fail"),
        ("acme/signed:v1", "team", "fail"),
        ("acme/bundled:v1", "dev", "pass"),
        ("acme/bundled:v1", "ops", "fail"),
        ("acme/bundled:v1", "either", "fail"),
        ("acme/bundled:v1", "anybody", "fail"),
        ("acme/keyed:v1", "team", "pass"),
        ("acme/keyed:v1", "logged", "fail"),
        ("acme/notary:v1", "notary", "pass"),
        ("acme/signed:v1", "notary", "fail"),
        ("acme/unsigned:v1", "dev", "fail"),
        ("acme/absent:v1", "dev", "error"),
    ],
)
def test_signatures(tmp_path: Path, image: str, attestor: str, expected: str) -> None:
    written = policy(count(SIGNED.format(attestor)))
    assert reasons(found(tmp_path, written, image, expected)) == OK


@pytest.mark.parametrize(
    ("image", "statement", "attestor", "expected"),
    [
        ("acme/signed:v1", "review", "dev", "pass"),
        ("acme/signed:v1", "review", "ops", "fail"),
        ("acme/signed:v1", "scan", "ops", "pass"),
        ("acme/signed:v1", "document", "dev", "fail"),
        ("acme/bundled:v1", "review", "dev", "pass"),
        ("acme/bundled:v1", "scan", "dev", "fail"),
        ("acme/keyed:v1", "review", "logged", "pass"),
        ("acme/keyed:v1", "review", "team", "fail"),
        ("acme/notary:v1", "document", "notary", "pass"),
        ("acme/notary:v1", "review", "notary", "error"),
    ],
)
def test_statements(tmp_path: Path, image: str, statement: str, attestor: str, expected: str) -> None:
    written = policy(count(STATED.format(statement, attestor)))
    assert reasons(found(tmp_path, written, image, expected)) == OK


@pytest.mark.parametrize(
    ("image", "statement", "attestor", "value"),
    [
        ("acme/signed:v1", "review", "dev", "predicate.level == 3"),
        ("acme/signed:v1", "review", "dev", "predicateType == 'https://acme.example/review'"),
        ("acme/bundled:v1", "review", "dev", "predicate.level == 4"),
        ("acme/notary:v1", "document", "notary", "level == 6"),
    ],
)
def test_payloads(tmp_path: Path, image: str, statement: str, attestor: str, value: str) -> None:
    payload = f"extractPayload(image, attestations.{statement}).{value}"
    written = policy(
        count(STATED.format(statement, attestor)).replace('"', "'"),
        f"images.containers.all(image, {payload})",
    )
    assert reasons(found(tmp_path, written, image)) == OK


@pytest.mark.parametrize("statement", ["review", "document"])
def test_payloads_that_nobody_verified(tmp_path: Path, statement: str) -> None:
    written = policy(f"images.containers.all(image, extractPayload(image, '{statement}').level > 0)")
    image = "acme/notary:v1" if statement == "document" else "acme/signed:v1"
    assert reasons(found(tmp_path, written, image, "error")) == OK


def test_data_of_images(tmp_path: Path) -> None:
    """What a registry tells is told to policies, whatever the context file of the suite says of images."""
    digest = DIGESTS["acme/signed:v1"]
    written = policy(
        "images.containers.all(image, getImageData(image).repository == 'acme/signed')",
        "images.containers.all(image, getImageData(image).tag == 'v1')",
        f"images.containers.all(image, getImageData(image).digest == '{digest}')",
        f"images.containers.all(image, getImageData(image).resolvedImage == image + '@{digest}')",
        "images.containers.all(image, getImageData(image).config.architecture == 'amd64')",
        "images.containers.all(image, image.size() > 0 && has(getImageData(image).manifest.layers))",
    )
    assert reasons(found(tmp_path, written, "acme/signed:v1")) == OK


# --- which images, and what is demanded of all ----------------------------------------------------------

PROVED = count(SIGNED.format("dev"))


@pytest.mark.parametrize(
    ("more", "image", "expected"),
    [
        ("matchImageReferences: [{glob: 'ghcr.io/acme/*'}]\n", "acme/unsigned:v1", "fail"),
        ("matchImageReferences: [{glob: 'quay.io/*'}]\n", "acme/unsigned:v1", "pass"),
        ("matchImageReferences: [{expression: \"ref.contains('unsigned')\"}]\n", "acme/unsigned:v1", "fail"),
        ("matchImageReferences: [{expression: \"ref.contains('unsigned')\"}]\n", "acme/signed:v1", "pass"),
        ("matchConditions: [{name: c, expression: 'object.none == 1'}]\n", "acme/signed:v1", "error"),
    ],
)
def test_what_a_policy_is_about(tmp_path: Path, more: str, image: str, expected: str) -> None:
    assert reasons(found(tmp_path, policy(PROVED, more=more), image, expected)) == OK


@pytest.mark.parametrize("more", ["", "failurePolicy: Ignore\n"])
def test_conditions_that_do_not_hold(tmp_path: Path, more: str) -> None:
    """There is no result then; nor where they have no value and the policy may be passed over."""
    condition = "object.none == 1" if more else "false"
    more += f"matchConditions: [{{name: c, expression: '{condition}'}}]\n"
    result = found(tmp_path, policy(PROVED, more=more), "acme/unsigned:v1")
    assert reasons(result) == [("Fail", "Not found")]


@pytest.mark.parametrize(
    ("settings", "expression", "image", "expected"),
    [
        ("", PROVED, "acme/signed:v1", "fail"),
        ("", PROVED, f"acme/signed@{DIGESTS['acme/signed:v1']}", "pass"),
        ("", PROVED, f"acme/signed:v1@{DIGESTS['acme/signed:v1']}", "pass"),
        ("", "true", f"acme/signed@{DIGESTS['acme/signed:v1']}", "fail"),
        ("", f"{count(SIGNED.format('ops'))} || true", f"acme/signed@{DIGESTS['acme/signed:v1']}", "fail"),
        (LOOSE, "true", "acme/unsigned:v1", "pass"),
        (LOOSE, "true", "acme/absent:v1", "error"),
    ],
)
def test_digests_and_proofs(
    tmp_path: Path, settings: str, expression: str, image: str, expected: str
) -> None:
    written = policy(expression, settings=settings)
    assert reasons(found(tmp_path, written, image, expected)) == OK


def test_one_policy_may_prove_for_another(tmp_path: Path) -> None:
    catch_all = policy("true", settings="validationConfigurations: {verifyDigest: false}\n")
    proving = policy(PROVED).replace("metadata: {name: p}", "metadata: {name: q}")
    both = f"{catch_all}---\n{proving}"
    assert reasons(found(tmp_path, both, "acme/signed:v1")) == OK


def test_controllers(tmp_path: Path) -> None:
    template = {"spec": {"containers": [{"name": "c", "image": "ghcr.io/acme/unsigned:v1"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"template": template},
    }
    assert reasons(found(tmp_path, policy(PROVED), "", "fail", pod=deployment)) == OK


def test_images_elsewhere(tmp_path: Path) -> None:
    """A policy says itself where images are in what is no Pod."""
    runner = {
        "apiVersion": "acme.example/v1",
        "kind": "Runner",
        "metadata": {"name": "web"},
        "spec": {"image": "ghcr.io/acme/signed:v1"},
    }
    rules = "{apiGroups: [acme.example], apiVersions: [v1], operations: ['*'], resources: [runners]}"
    images = "images: [{name: runners, expression: '[object.spec.image]'}]\n"
    expression = f"images.runners.all(image, {SIGNED.format('dev')} == 1)"
    written = policy(expression, more=images, rules=rules)
    assert reasons(found(tmp_path, written, "", pod=runner)) == OK


def test_exceptions(tmp_path: Path) -> None:
    exception = {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "PolicyException",
        "metadata": {"name": "e", "namespace": "default"},
        "spec": {"policyRefs": [{"name": "p", "kind": "ImageValidatingPolicy"}]},
    }
    result = found(
        tmp_path,
        policy(PROVED),
        "acme/unsigned:v1",
        "skip",
        files={"exception.yaml": exception},
        exceptions=["exception.yaml"],
    )
    assert [row.reason for row in result.rows] == ["Ok"]


def test_payloads_of_json(tmp_path: Path) -> None:
    more = "evaluation: {mode: JSON}\nimages: [{name: all, expression: object.images}]\n"
    written = policy(f"images.all.all(image, {SIGNED.format('dev')} == 1)", more=more, rules="")
    rows = [
        {**row("pass", isImageValidatingPolicy=True), "resources": ["good.json"]},
        {**row("fail", isImageValidatingPolicy=True), "resources": ["bad.json"]},
    ]
    files = {
        "lab.yaml": RECIPE,
        "good.json": {"images": ["ghcr.io/acme/signed:v1"]},
        "bad.json": {"images": ["ghcr.io/acme/signed:v1", "ghcr.io/acme/unsigned:v1"]},
    }
    result = ran(tmp_path, rows, policies=[written], files=files, jsonPayloads=["good.json", "bad.json"])
    assert reasons(result) == OK * 2


def test_keys_out_of_the_cluster(tmp_path: Path) -> None:
    """An expression says the key; a text that is no key accepts nobody, and is no reference either."""
    more = "variables: [{name: keys, expression: \"resource.Get('v1', 'configmaps', 'keys', 'keys')\"}]\n"
    attestor = "- {name: told, cosign: {ctlog: {insecureIgnoreTlog: true}, key: {expression: KEY}}}\n"
    written = policy(count(SIGNED.format("told")), more=more).replace(
        "  attestations:\n", f"  {attestor}  attestations:\n"
    )
    kept = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "keys", "namespace": "keys"},
        "data": {"good": LAB.trust["trust/keys/team.pub"], "bad": "k8s://keys/keys"},
    }
    context = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Context",
        "metadata": {"name": "c"},
        "spec": {"resources": [kept]},
    }
    for name, expected in (("good", "pass"), ("bad", "fail"), ("none", "error")):
        told = written.replace("KEY", f"variables.keys.data.{name}")
        files = {"context.yaml": context}
        result = found(tmp_path / name, told, "acme/keyed:v1", expected, files=files, context="context.yaml")
        assert reasons(result) == OK, name


def test_a_suite_without_images(tmp_path: Path) -> None:
    result = ran(tmp_path, [row("pass")], policies=[policy(PROVED)])
    assert "put lab.yaml beside it" in result.problem
