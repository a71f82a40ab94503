"""ClusterImagePolicies as policy-controller evaluates them: any authority, all policies, digests first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pratique.compiler.plan import Plan
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.resource import Resource
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_lab import memory_lab
from tests.support_sigstore import keyless, lowered, trust_root, written

RECIPE = """\
signers:
  dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
  ops: {subject: ops@acme.example, issuer: https://accounts.google.com}
  team: {key: ecdsa-p256}
images:
  - image: ghcr.io/acme/signed:v1
    signatures: [dev]
  - image: ghcr.io/acme/keyed:v1
    signatures: [{by: team, log: false}]
  - image: ghcr.io/acme/bundled:v1
    signatures: [{by: dev, format: bundle}]
  - image: ghcr.io/acme/stated:v1
    attestations:
    - {by: dev, type: https://slsa.dev/provenance/v1, predicate: {a: b}}
    - {by: ops, type: https://slsa.dev/provenance/v1, predicate: {a: b}}
    - {by: dev, type: https://cosign.sigstore.dev/attestation/vuln/v1, predicate: {a: b}}
  - image: ghcr.io/acme/stamped:v1
    signatures: [{by: dev, log: false, timestamp: true}]
  - image: ghcr.io/acme/unsigned:v1
  - image: docker.io/nginx:v1
    signatures: [dev]
"""
LAB = memory_lab(RECIPE)
ROOT = TrustRoot.from_json(LAB.trusted_root.encode(), "lab")
KEY = LAB.lab.trust["trust/keys/team.pub"].replace("\n", "\\n")
TEAM = f'{{key: {{data: "{KEY}"}}}}'
DEV, OPS = keyless("dev@acme.example"), keyless("ops@acme.example")


def pod(image: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "labels": labels},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


def none() -> TrustRoot:
    raise AssertionError("the public trust root was asked for")


def judged(data: Mapping[str, Any], *texts: str, root: TrustRoot | None = ROOT) -> tuple[RuleResult, ...]:
    found = lowered(*texts)
    assert not found.errors, [str(error) for error in found.errors]
    plan = Plan(found.policies)

    async def run() -> tuple[RuleResult, ...]:
        engine = Engine(plan, Evidence(LayoutStore(LAB.files), Verifier(lambda: root or none())))
        resource = Resource(data)
        return await engine.judge(resource, applicable(plan, resource))

    return asyncio.run(run())


def said(image: str, *texts: str, root: TrustRoot | None = ROOT, **labels: str) -> list[str]:
    results = judged(pod(f"ghcr.io/acme/{image}:v1", **labels), *texts, root=root)
    return [str(result.status) for result in results]


@pytest.mark.parametrize(
    ("image", "authorities", "status"),
    [
        ("signed", [DEV], "pass"),
        ("signed", [OPS], "fail"),
        ("signed", [OPS, DEV], "pass"),
        ("signed", [keyless("ops@acme.example", "dev@acme.example")], "pass"),
        ("signed", ["{keyless: {identities: [{issuerRegExp: google, subjectRegExp: '^dev@'}]}}"], "pass"),
        ("signed", [TEAM], "fail"),
        ("keyed", [TEAM], "pass"),
        ("keyed", [DEV, TEAM], "pass"),
        ("keyed", [TEAM.replace("}}", "}, ctlog: {url: 'https://rekor.sigstore.dev'}}")], "fail"),
        ("unsigned", [DEV, TEAM], "fail"),
        ("unsigned", ["{static: {action: pass}}", DEV], "pass"),
        ("signed", ["{static: {action: fail}}"], "fail"),
        ("signed", ["{static: {action: fail}}", DEV], "pass"),
        ("bundled", [keyless("dev@acme.example", around=", signatureFormat: bundle")], "pass"),
        ("bundled", [keyless("ops@acme.example", around=", signatureFormat: bundle")], "fail"),
        ("bundled", [DEV], "fail"),
        ("absent", [DEV], "error"),
    ],
)
def test_any_authority_does(image: str, authorities: list[str], status: str) -> None:
    assert said(image, written(*authorities)) == [status]


PROVENANCE = "{name: p, predicateType: slsaprovenance1}"
VULN = "{name: v, predicateType: vuln}"


@pytest.mark.parametrize(
    ("image", "who", "what", "status"),
    [
        ("stated", "dev", PROVENANCE, "pass"),
        ("stated", "ops", PROVENANCE, "pass"),
        ("stated", "dev", f"{PROVENANCE}, {VULN}", "pass"),
        ("stated", "ops", f"{PROVENANCE}, {VULN}", "fail"),
        ("stated", "dev", "{name: x, predicateType: 'https://x.example/y'}", "fail"),
        ("signed", "dev", PROVENANCE, "fail"),
    ],
)
def test_statements_of_others_are_left_aside(image: str, who: str, what: str, status: str) -> None:
    stating = keyless(f"{who}@acme.example", around=f", attestations: [{what}]")
    assert said(image, written(stating)) == [status]


def test_one_type_by_any_of_several_authorities() -> None:
    both = [keyless(f"{who}@acme.example", around=f", attestations: [{VULN}]") for who in ("ops", "dev")]
    assert said("stated", written(*both)) == ["pass"]
    assert said("stated", written(both[0])) == ["fail"]


def test_all_policies_count() -> None:
    assert said("signed", written(DEV), written(OPS, name="q")) == ["pass", "fail"]


def test_failures_have_the_path_of_the_authority() -> None:
    (result,) = judged(pod("ghcr.io/acme/signed:v1"), written(TEAM, OPS))
    assert result.message.startswith("failed to verify image ghcr.io/acme/signed:v1: .authorities[0].key: ")
    assert ".authorities[1].keyless: subject mismatch: expected ops@acme.example" in result.message


def test_digests_are_written() -> None:
    (result,) = judged(pod("ghcr.io/acme/signed:v1"), written(DEV))
    digest = LAB.image("/signed").digest
    assert result.pins == (("/spec/containers/0/image", f"ghcr.io/acme/signed:v1@{digest}"),)
    (pinned,) = judged(pod(f"ghcr.io/acme/signed@{digest}"), written(DEV))
    assert (str(pinned.status), pinned.pins) == ("pass", ())


@pytest.mark.parametrize(
    ("image", "glob", "applies"),
    [
        ("ghcr.io/acme/signed:v1", "ghcr.io/acme/*", True),
        ("ghcr.io/acme/signed:v1", "ghcr.io/*", False),
        ("ghcr.io/acme/signed:v1", "ghcr.io/acme/signed@*", True),
        ("nginx:v1", "*", True),
        ("nginx:v1", "index.docker.io/library/nginx@*", True),
        ("nginx:v1", "index.docker.io/acme/*", False),
    ],
)
def test_globs(image: str, glob: str, applies: bool) -> None:
    found = judged(pod(image), written(DEV, images=[glob]))
    assert [str(result.status) for result in found] == (["pass"] if applies else [])


def test_an_image_of_several_regions_is_judged_once_for_each() -> None:
    text = written(DEV, images=["ghcr.io/acme/*", "ghcr.io/**", "ghcr.io/*/*"])
    assert said("signed", text) == ["pass"]
    assert said("unsigned", text) == ["fail"]


def test_resources_with_labels() -> None:
    match = "{version: v1, resource: pods, selector: {matchLabels: {tier: web}}}"
    text = written(OPS, more=f"  match: [{match}]\n")
    assert said("signed", text, tier="web") == ["fail"]
    assert said("signed", text, tier="db") == []


def test_controllers_are_judged_themselves() -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": pod("ghcr.io/acme/signed:v1")["spec"]}},
    }
    assert [str(result.status) for result in judged(deployment, written(OPS))] == ["fail"]
    pods_only = written(OPS, more="  match: [{version: v1, resource: pods}]\n")
    assert judged(deployment, pods_only) == ()


# --- trust roots ---------------------------------------------------------------------------------------


def own_root(**changes: str) -> str:
    """Return the lab's own trust root, with other PEM texts in places."""
    texts = {
        "authorities": LAB.lab.trust["trust/chain.pem"],
        "logs": LAB.lab.trust["trust/rekor.pub"],
        "transparency": LAB.lab.trust["trust/ctlog.pub"],
        "timestamps": LAB.lab.trust["trust/tsa-chain.pem"],
        **changes,
    }
    return trust_root(
        authorities=[texts["authorities"]],
        logs=[texts["logs"]],
        transparency=[texts["transparency"]],
        timestamps=[texts["timestamps"]],
    )


OWN = keyless("dev@acme.example", more=", trustRootRef: r", around=", ctlog: {trustRootRef: r}")
STAMPED = keyless(
    "dev@acme.example", more=", trustRootRef: r", around=", rfc3161timestamp: {trustRootRef: r}"
)
OTHER = memory_lab(RECIPE + "sigstore: {seed: another}\n").lab.trust


@pytest.mark.parametrize(
    ("image", "authority", "changes", "status"),
    [
        ("signed", OWN, {}, "pass"),
        ("unsigned", OWN, {}, "fail"),
        ("signed", OWN, {"authorities": OTHER["trust/chain.pem"]}, "fail"),
        ("signed", OWN, {"logs": OTHER["trust/rekor.pub"]}, "fail"),
        ("signed", OWN, {"transparency": OTHER["trust/ctlog.pub"]}, "fail"),
        ("signed", STAMPED, {}, "fail"),
        ("stamped", STAMPED, {}, "pass"),
        ("stamped", STAMPED, {"timestamps": OTHER["trust/tsa-chain.pem"]}, "fail"),
        ("signed", keyless("dev@acme.example", more=", trustRootRef: r"), {}, "fail"),
    ],
)
def test_trust_roots_of_policies(image: str, authority: str, changes: dict[str, str], status: str) -> None:
    """No public root is asked: there is none."""
    assert said(image, written(authority), own_root(**changes), root=None) == [status]
