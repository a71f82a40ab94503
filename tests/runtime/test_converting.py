"""Conversions beside their origin: both are judged by the engine over the images of a lab."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.converting.proof import Status
from pratique.compiler.lower import lower
from pratique.compiler.plan import Plan
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from pratique.runtime.applicable import applicable
from pratique.runtime.converting import Converted, Options, convert_inputs
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.inputs import Inputs
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.resource import Resource
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_lab import memory_lab
from tests.support_policies import cluster_policy

TYPE = "https://slsa.dev/provenance/v1"


def _attested(by: str, builder: str, level: int) -> str:
    return f'[{{by: {by}, type: "{TYPE}", predicate: {{builder: {{id: "{builder}"}}, level: {level}}}}}]'


LAB = memory_lab(
    f"""\
signers:
  dev: {{subject: dev@acme.example, issuer: https://accounts.google.com}}
  ops: {{subject: ops@acme.example, issuer: https://accounts.google.com}}
  eve: {{subject: dev@acme.example, issuer: https://evil.example}}
  workflow:
    subject: https://github.com/acme/app/.github/workflows/release.yaml@refs/tags/v1
    issuer: https://token.actions.githubusercontent.com
    extensions: {{githubWorkflowRepository: acme/app}}
  fork:
    subject: https://github.com/acme/app/.github/workflows/release.yaml@refs/tags/v1
    issuer: https://token.actions.githubusercontent.com
    extensions: {{githubWorkflowRepository: eve/app}}
  key: {{key: ecdsa-p256}}
  other-key: {{key: ecdsa-p256}}
images:
  - {{image: "ghcr.io/acme/unsigned:v1"}}
  - {{image: "ghcr.io/acme/dev:v1", signatures: [dev]}}
  - {{image: "ghcr.io/acme/ops:v1", signatures: [ops]}}
  - {{image: "ghcr.io/acme/both:v1", signatures: [dev, ops]}}
  - {{image: "ghcr.io/acme/eve:v1", signatures: [eve]}}
  - {{image: "ghcr.io/acme/workflow:v1", signatures: [workflow]}}
  - {{image: "ghcr.io/acme/fork:v1", signatures: [fork]}}
  - {{image: "ghcr.io/acme/key:v1", signatures: [key]}}
  - {{image: "ghcr.io/acme/other-key:v1", signatures: [other-key]}}
  - {{image: "ghcr.io/acme/annotated:v1", signatures: [{{by: dev, annotations: {{env: prod}}}}]}}
  - {{image: "docker.io/acme/dev:latest", signatures: [dev]}}
  - {{image: "docker.io/acme/unsigned:latest"}}
  - image: ghcr.io/acme/stated:v1
    attestations: {_attested("dev", "https://acme.example/1", 3)}
  - image: ghcr.io/acme/stated-elsewhere:v1
    attestations: {_attested("dev", "https://evil.example/1", 1)}
  - image: ghcr.io/acme/stated-by-eve:v1
    attestations: {_attested("eve", "https://acme.example/1", 3)}
"""
)
ROOT = TrustRoot.from_json(LAB.trusted_root.encode(), "lab")
NAMES = [image.image for image in LAB.inventory.images]
KEY = LAB.lab.trust["trust/keys/key.pub"]
OTHER_KEY = LAB.lab.trust["trust/keys/other-key.pub"]
LOG = {"url": "https://rekor.sigstore.dev"}
GOOGLE = "https://accounts.google.com"
PODS = {"kinds": ["Pod"]}
PLAIN = {"mutateDigest": False, "verifyDigest": False, "failureAction": "Enforce"}


def signer(subject: str = "dev@acme.example", issuer: str = GOOGLE, **more: Any) -> dict[str, Any]:
    return {"keyless": {"subject": subject, "issuer": issuer, "rekor": LOG, **more}}


def key(*pems: str) -> dict[str, Any]:
    return {"keys": {"publicKeys": "".join(pems), "rekor": LOG}}


def entry(*attestors: dict[str, Any], count: int = 0, **more: Any) -> dict[str, Any]:
    block: dict[str, Any] = {"entries": list(attestors)}
    return {**PLAIN, "attestors": [block | ({"count": count} if count else {})], **more}


def stated(*conditions: dict[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {"type": TYPE, "attestors": [{"entries": [signer()]}]}
    if conditions:
        statement["conditions"] = [{"all": list(conditions)}]
    return {**PLAIN, "attestors": [], "attestations": [statement]}


DEV, OPS = signer(), signer("ops@acme.example")
WORKFLOW = signer(
    "https://github.com/acme/*",
    "https://token.actions.githubusercontent.com",
    additionalExtensions={"githubWorkflowRepository": "acme/app"},
)
POLICIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "identity": (entry(DEV), {}),
    "wildcard": (entry(signer("*@acme.example")), {}),
    "expression": (entry(signer("", subjectRegExp="^dev@")), {}),
    "either test": (entry(signer("ops@acme.example", subjectRegExp="^dev@")), {}),
    "any issuer": (entry(signer(issuer="*")), {}),
    "all": (entry(DEV, OPS), {}),
    "any": (entry(DEV, OPS, count=1), {}),
    "sets": ({**PLAIN, "attestors": [{"entries": [DEV]}, {"entries": [OPS]}]}, {}),
    "nested": (entry({"attestor": {"entries": [DEV, OPS]}}, key(KEY), count=1), {}),
    "one twice": (entry(DEV, DEV, OPS, count=2), {}),
    "keys": (entry(key(KEY, OTHER_KEY), count=1), {}),
    "extensions": (entry(WORKFLOW), {}),
    "annotations": (entry({**DEV, "annotations": {"env": "prod"}}), {}),
    "tags": (entry(DEV, imageReferences=["ghcr.io/acme/*:v1"]), {}),
    "default registry": (entry(DEV, imageReferences=["docker.io/acme/*"]), {}),
    "skipped": (entry(DEV, skipImageReferences=["ghcr.io/acme/eve*", "*/unsigned:*"]), {}),
    "digests": ({**entry(DEV), "mutateDigest": True, "verifyDigest": True}, {}),
    "digest demanded": ({**entry(DEV), "verifyDigest": True}, {}),
    "namespaces": (entry(DEV), {"match": {"any": [{"resources": {**PODS, "namespaces": ["pro*"]}}]}}),
    "excluded": (entry(DEV), {"exclude": {"any": [{"resources": {"namespaces": ["kube-system", "x"]}}]}}),
    "labels": (
        entry(DEV),
        {"match": {"any": [{"resources": {**PODS, "selector": {"matchLabels": {"a": "b"}}}}]}},
    ),
    "names": (entry(DEV), {"match": {"any": [{"resources": {**PODS, "names": ["web-*"]}}]}}),
    "annotated Pods": (
        entry(DEV),
        {"match": {"any": [{"resources": {**PODS, "annotations": {"a/*": "b"}}}]}},
    ),
    "excluded labels": (
        entry(DEV),
        {
            "exclude": {
                "any": [
                    {
                        "resources": {
                            "selector": {
                                "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]
                            }
                        }
                    }
                ]
            }
        },
    ),
    "preconditions": (
        entry(DEV),
        {
            "preconditions": {
                "all": [
                    {
                        "key": "{{ request.object.metadata.labels.a || '' }}",
                        "operator": "Equals",
                        "value": "b",
                    }
                ]
            }
        },
    ),
    "statement": (stated(), {}),
    "condition": (
        stated({"key": "{{ builder.id }}", "operator": "Equals", "value": "https://acme.example/*"}),
        {},
    ),
    "number": (stated({"key": "{{ level }}", "operator": "GreaterThanOrEquals", "value": 2}), {}),
}


def convert(written: str, **options: Any) -> Converted:
    inputs = Inputs(sources=(Source("policy.yaml", written),))
    report = convert_inputs(inputs, Options(for_pratique=True, **options))
    assert not report.mistakes, [str(error) for error in report.mistakes]
    (found,) = report.converted
    return found


def resources() -> Iterator[dict[str, Any]]:
    """Yield Pods with each image as it may be written, in several places, and controllers of them."""
    images = [*NAMES, "acme/dev", "acme/unsigned", "docker.io/acme/dev"]
    images += [f"{name}@{LAB.image(name).digest}" for name in NAMES[1:3]]
    for image in images:
        yield pod(image)
    for image in NAMES[:3]:
        yield pod(NAMES[1], image)
        yield pod(NAMES[1], init=image)
        for changes in (
            {"namespace": "prod"},
            {"namespace": "kube-system"},
            {"labels": {"a": "b"}},
            {"name": "web-1"},
            {"annotations": {"a/x": "b"}},
        ):
            yield pod(image, **changes)
        template = {"metadata": {"labels": {"a": "b"}}, "spec": pod(image)["spec"]}
        metadata = {"name": "app", "namespace": "default"}
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"template": template},
        }
        job = {"jobTemplate": {"spec": {"template": template}}}
        yield {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": job}


def pod(*images: str, init: str = "", **metadata: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"containers": [{"name": f"c{n}", "image": i} for n, i in enumerate(images)]}
    if init:
        spec["initContainers"] = [{"name": "i", "image": init}]
    named = {"name": "app", "namespace": "default", **metadata}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": spec}


def refused(policies: ir.PolicySet, data: dict[str, Any]) -> bool:
    plan = Plan(policies)

    async def run() -> bool:
        engine = Engine(plan, Evidence(LayoutStore(LAB.files), Verifier(lambda: ROOT)))
        resource = Resource(data)
        results = await engine.judge(resource, applicable(plan, resource))
        return any(result.status in ("fail", "error") for result in results)

    return asyncio.run(run())


@pytest.mark.parametrize("name", POLICIES)
def test_both_refuse_the_same(name: str) -> None:
    made, rule = POLICIES[name]
    written = cluster_policy(made, rule=rule)
    found = convert(written)
    assert found.texts
    assert found.status is not Status.DIFFERENT
    classic = lower(read_policies(Source("classic.yaml", written)).policies).policies
    new = lower((), read_policies(Source("new.yaml", "---\n".join(found.texts))).cel_policies).policies
    said = [(refused(classic, data), refused(new, data), data) for data in resources()]
    assert [data for before, after, data in said if before is not after] == []
    assert {before for before, _, _ in said} == {True, False}, "the examples tell nothing"


def test_every_place_is_looked_at() -> None:
    """Image volumes and ReplicationControllers are judged as before; without the option they are not."""
    volume = pod(NAMES[1])
    volume["spec"]["volumes"] = [{"name": "v", "image": {"reference": NAMES[0]}}]
    template = {"metadata": {}, "spec": pod(NAMES[0])["spec"]}
    metadata = {"name": "app", "namespace": "default"}
    controller = {"apiVersion": "v1", "kind": "ReplicationController", "metadata": metadata}
    places = [volume, {**controller, "spec": {"template": template}}]
    written = cluster_policy(entry(DEV))
    classic = lower(read_policies(Source("classic.yaml", written)).policies).policies
    for options, missed in (({"everywhere": True}, []), ({}, places)):
        found = convert(written, **options)
        new = lower((), read_policies(Source("new.yaml", "---\n".join(found.texts))).cel_policies).policies
        said = [(refused(classic, data), refused(new, data), data) for data in [*places, *resources()]]
        assert [data for before, after, data in said if before is not after] == missed


UNPROVED = {
    "annotated Pods": "expressions",
    "number": "types",
}


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_proved(name: str) -> None:
    found = convert(cluster_policy(POLICIES[name][0], rule=POLICIES[name][1]))
    assert found.status is (Status.UNKNOWN if name in UNPROVED else Status.EQUIVALENT)
    assert found.proved is not None
    assert all(UNPROVED[name] in text for text in found.proved.unknown)


def test_a_difference_leaves_a_policy_out() -> None:
    written = cluster_policy(entry(DEV, cosignOCI11=True))
    assert convert(written).texts == ()
    found = convert(written, allow_differences=True)
    assert found.status is Status.DIFFERENT
    assert len(found.texts) == 1


def test_what_kyverno_overlooks_counts_for_kyverno() -> None:
    inputs = Inputs(sources=(Source("policy.yaml", cluster_policy(entry(WORKFLOW))),))
    (found,) = convert_inputs(inputs, Options()).converted
    assert [each.code for each in found.differences] == ["certificate-extensions"]
    assert not found.texts


def test_strictly_nothing_is_equivalent() -> None:
    found = convert(cluster_policy(entry(DEV)), strict=True)
    assert found.caveats == ()
    assert {each.code for each in found.differences} >= {"bundles", "ephemeral-containers"}
    assert not found.texts


def test_a_policy_that_cannot_be_converted_at_all() -> None:
    found = convert(
        cluster_policy(entry(signer("{{ request.object.metadata.name }}"))), allow_differences=True
    )
    assert found.texts == ()
    assert found.proved is None
    assert found.status is Status.DIFFERENT


def test_other_policies_are_left_alone() -> None:
    validation = {"verifyImages": [], "validate": {"pattern": {"spec": {"x": "?*"}}}}
    inputs = Inputs(sources=(Source("policy.yaml", cluster_policy(rule=validation)),))
    report = convert_inputs(inputs, Options())
    assert report.converted == ()
    assert "is not about images" in report.notices[0]
