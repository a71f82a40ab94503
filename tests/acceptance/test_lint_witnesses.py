"""What findings of lint claim is so: their examples are judged by the engine."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.lint.base import Finding, lint
from pratique.compiler.lower import lower, lower_exceptions
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.review import read_review
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import Status
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from pratique.runtime.resource import Resource
from tests.support_attestors import GOOD, OTHER_PEM, PEM, holder, signer, some_of
from tests.support_engine import World, pod
from tests.support_policies import KEYLESS, cluster_policy

ALONE = {"verifyDigest": False, "required": False}
"""Only signers and statements are looked at."""

ENFORCE = {"validationFailureAction": "Enforce"}
IMAGE = "ghcr.io/acme/app:1.4.2"
ACME = "release@acme.example"
AUDIT = "https://github.com/auditor/scans/.github/workflows/sign.yml@refs/heads/main"


def policy(**entry: Any) -> str:
    return cluster_policy({**ALONE, **entry}, spec=ENFORCE)


def findings(text: str, code: str) -> list[Finding]:
    file = read_policies(Source("policy.yaml", text))
    assert not file.errors
    lowered = lower(file.policies)
    exemptions, _ = lower_exceptions(file.exceptions)
    assert not lowered.errors
    return list(lint(lowered.policies, {code}, documents=file.policies, exemptions=exemptions))


def status(
    text: str, *signers: dict[str, Any], statements: tuple[dict[str, Any], ...] = (), image: str = IMAGE
) -> Status:
    world = World(text)
    world.store.image(image, *signers, attestations=statements)
    (result,) = world.judge(pod(image))
    return result.status


def as_signer(text: str) -> dict[str, str]:
    """Return the signature of a signer as findings show it: `subject (issuer)`."""
    subject, _, issuer = text.removesuffix(")").partition(" (")
    return {"subject": subject, "issuer": issuer}


def test_prq018_a_signer_who_is_named_twice_is_not_two() -> None:
    text = policy(attestors=[some_of(holder(), holder(), count=2)])
    assert len(findings(text, "PRQ018")) == 1
    assert status(text, {"key": PEM.strip()}) is Status.FAIL


def test_prq020_one_party_is_enough() -> None:
    text = policy(attestors=[some_of(signer(ACME), signer(AUDIT), count=1)])
    (found,) = findings(text, "PRQ020")
    assert status(text, as_signer(found.problem.examples[0].text)) is Status.PASS
    both = policy(attestors=[some_of(signer(ACME), signer(AUDIT))])
    assert status(both, as_signer(found.problem.examples[0].text)) is Status.FAIL


def test_prq020_one_of_several_keys_is_not_enough() -> None:
    text = policy(attestors=[some_of(holder(PEM, OTHER_PEM))])
    assert len(findings(text, "PRQ020")) == 1
    assert status(text, {"key": PEM.strip()}) is Status.FAIL
    assert status(text, {"key": PEM.strip()}, {"key": OTHER_PEM.strip()}) is Status.PASS


@pytest.mark.parametrize("failure_policy", ["Ignore", "Fail"])
def test_prq034_an_outage_admits(failure_policy: str) -> None:
    text = cluster_policy({"mutateDigest": True}, spec={**ENFORCE, "failurePolicy": failure_policy})
    found = findings(text, "PRQ034")
    image = found[0].problem.examples[0].text if found else IMAGE
    world = World(text)
    world.store.down.add(image.partition("/")[0])
    assert admits(world, image) is bool(found) is (failure_policy == "Ignore")


def admits(world: World, image: str) -> bool:
    request = {
        "uid": "u",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "operation": "CREATE",
        "namespace": "default",
        "object": pod(image),
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}

    async def judged() -> bool:
        evidence = Evidence(world.store, world.verifier, lifetimes=Lifetimes())
        judge = Judge(Engine(world.plan, evidence, world.source))
        read = read_review(json.dumps(review).encode())
        return (await judge.verdict(read, mutating=True, seconds=5)).allowed

    return asyncio.run(judged())


TYPE = "https://acme.example/report/v1"


def test_prq036_anybody_states() -> None:
    text = policy(attestors=[some_of({"keyless": KEYLESS})], attestations=[{"type": TYPE}])
    found = next(each for each in findings(text, "PRQ036") if each.severity == "error")
    subject, issuer = (example.text for example in found.problem.examples)
    stranger = {"type": TYPE, "subject": subject, "issuer": issuer}
    assert status(text, {"subject": KEYLESS["subject"]}, statements=(stranger,)) is Status.PASS


def test_prq036_whatever_it_says() -> None:
    text = policy(attestors=[], attestations=[{"type": TYPE, "attestors": [some_of(signer(ACME))]}])
    (found,) = findings(text, "PRQ036")
    assert "whatever it says" in found.problem.message
    anything = {"type": TYPE, "subject": ACME, "issuer": GOOD["issuer"], "predicate": {"result": "bad"}}
    assert status(text, statements=(anything,)) is Status.PASS


@pytest.mark.parametrize(
    ("type", "key", "works"),
    [
        ("slsaprovenance", "{{ builder.id }}", False),
        ("https://slsa.dev/provenance/v1", "{{ builder.id }}", False),
        ("https://slsa.dev/provenance/v0.2", "{{ predicate.builder.id }}", False),
        ("https://slsa.dev/provenance/v0.2", "{{ builder.id }}", True),
        ("https://slsa.dev/provenance/v1", "{{ runDetails.builder.id }}", True),
    ],
)
def test_prq037_no_statement_is_so(type: str, key: str, works: bool) -> None:
    conditions = [{"all": [{"key": key, "operator": "Equals", "value": "b"}]}]
    stated = {"type": type, "attestors": [some_of(signer(ACME))], "conditions": conditions}
    text = policy(attestors=[], attestations=[stated])
    assert bool(findings(text, "PRQ037")) is not works
    by = {"subject": ACME, "issuer": GOOD["issuer"]}
    old = {"type": "https://slsa.dev/provenance/v0.2", "predicate": {"builder": {"id": "b"}}, **by}
    new = {
        "type": "https://slsa.dev/provenance/v1",
        "predicate": {"runDetails": {"builder": {"id": "b"}}},
        **by,
    }
    assert status(text, statements=(old, new)) is (Status.PASS if works else Status.FAIL)


def keyless_policy(**keyless: Any) -> str:
    block = {name: value for name, value in {**KEYLESS, **keyless}.items() if value is not None}
    return policy(attestors=[some_of({"keyless": block})])


@pytest.mark.parametrize(
    "tests",
    [
        {"subject": ".*@acme.example"},
        {"subject": None, "subjectRegExp": "^https://github.com/acme/*$"},
        {"subject": None, "subjectRegExp": "https://github.com/acme/*"},
        {"subject": None, "subjectRegExp": "*@acme.example"},
    ],
)
def test_prq025_signers_that_are_accepted_and_refused(tests: dict[str, Any]) -> None:
    text = keyless_policy(**tests)
    (found,) = findings(text, "PRQ025")
    assert found.problem.examples
    for example in found.problem.examples:
        wanted = {"accepted": Status.PASS, "refused": Status.FAIL}[example.label]
        signed = {"subject": example.text, "issuer": KEYLESS["issuer"]}
        assert status(text, signed) is wanted


def test_prq040_an_override_that_never_applies() -> None:
    override = {"action": "Audit", "namespaces": ["{{ request.namespace }}"]}
    spec = {**ENFORCE, "validationFailureActionOverrides": [override]}
    text = cluster_policy({"mutateDigest": True}, spec=spec)
    assert len(findings(text, "PRQ040")) == 1
    world = World(text)
    world.store.image(IMAGE)
    assert not admits(world, IMAGE)


def test_prq043_images_of_different_owners_are_looked_for_in_one_place() -> None:
    by = [some_of({"keyless": KEYLESS})]
    text = policy(imageReferences=["ghcr.io/*"], repository="registry.example/signatures", attestors=by)
    (found,) = findings(text, "PRQ043")
    world = World(text)
    for example in found.problem.examples:
        digest = world.store.image(example.text)
        assert world.judge(pod(example.text))[0].status is Status.FAIL
        tag = f"{digest.replace(':', '-')}.sig"
        assert world.store.requests[f"manifest registry.example/signatures:{tag}"] == 1


@pytest.mark.parametrize(("kind", "seen"), [("Pods", False), ("apps/v1/Pod", False), ("Pod", True)])
def test_prq011_no_image_is_seen(kind: str, seen: bool) -> None:
    match = {"any": [{"resources": {"kinds": [kind]}}]}
    text = cluster_policy({**ALONE}, spec=ENFORCE, rule={"match": match})
    assert bool(findings(text, "PRQ011")) is not seen
    world = World(text)
    world.store.image(IMAGE)
    assert bool(world.judge(pod(IMAGE))) is seen


def test_prq041_a_stranger_is_exempt() -> None:
    exception = {
        "apiVersion": "kyverno.io/v2",
        "kind": "PolicyException",
        "metadata": {"name": "e", "namespace": "exceptions"},
        "spec": {
            "exceptions": [{"policyName": "p", "ruleNames": ["verify"]}],
            "match": {"any": [{"resources": {"kinds": ["Pod"], "names": ["debug-*"]}}]},
        },
    }
    given = f"{policy()}\n---\n{json.dumps(exception)}"
    (found,) = findings(given, "PRQ041")
    point = found.problem.examples[0].point
    assert point is not None
    metadata = {"name": point.name, "namespace": point.namespace, "labels": dict(point.labels)}
    exemptions, _ = lower_exceptions(read_policies(Source("policy.yaml", given)).exceptions)
    world = World(policy())
    world.store.image(point.image)
    resource = Resource(pod(point.image, metadata=metadata))

    async def judged(*exempting: ir.Exemption) -> Status:
        engine = Engine(world.plan, Evidence(world.store, world.verifier), exemptions=exempting)
        (result,) = await engine.judge(resource, applicable(world.plan, resource))
        return result.status

    assert asyncio.run(judged(*exemptions)) is Status.SKIP
    assert asyncio.run(judged()) is Status.FAIL
