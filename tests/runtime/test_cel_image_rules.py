"""Policies about images as a cluster evaluates them: digests are pinned before anything is verified."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from pratique.compiler.lower import lower, lower_cel_exceptions
from pratique.compiler.plan import Plan
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.resource import Resource
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_cel_policies import POD, text
from tests.support_lab import memory_lab

RECIPE = """\
signers:
  dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
images:
  - image: ghcr.io/acme/signed:v1
    signatures: [{by: dev}]
  - image: ghcr.io/acme/unsigned:v1
"""
LAB = memory_lab(RECIPE)
DIGEST = {name: LAB.image(f"/{name}").digest for name in ("signed", "unsigned")}
ROOT = TrustRoot.from_json(LAB.trusted_root.encode(), "lab")
ATTESTORS = """\
attestors:
- name: dev
  cosign:
    keyless: {identities: [{issuer: 'https://accounts.google.com', subject: dev@acme.example}]}
"""
PROVED = "images.containers.all(i, verifyImageSignatures(i, [attestors.dev]) > 0)"


def policy(expression: str = PROVED, more: str = "", name: str = "p", kind: str = "") -> str:
    spec = f"{ATTESTORS}{more}validations: [{{expression: {expression!r}, message: refused}}]\n"
    return text(f"{kind}ImageValidatingPolicy", spec).replace("{name: p", f"{{name: {name}")


def pod(*images: str) -> dict[str, Any]:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    return {**POD, "spec": {"containers": containers}}


def judged(data: Mapping[str, Any], *written: str, exceptions: str = "") -> tuple[RuleResult, ...]:
    file = read_policies(Source("p.yaml", "\n---\n".join(written)))
    lowered = lower(file.policies, file.cel_policies, file.bindings)
    assert not lowered.errors, [str(error) for error in lowered.errors]
    lifting = lower_cel_exceptions(read_policies(Source("e.yaml", exceptions)).cel_exceptions)[0]
    plan = Plan(lowered.policies)

    async def run() -> tuple[RuleResult, ...]:
        evidence = Evidence(LayoutStore(LAB.files), Verifier(lambda: ROOT))
        engine = Engine(plan, evidence, exemptions=lifting)
        resource = Resource(data)
        return await engine.judge(resource, applicable(plan, resource))

    return asyncio.run(run())


def said(data: Mapping[str, Any], *written: str, **more: str) -> list[tuple[str, str]]:
    return [(str(result.status), result.message) for result in judged(data, *written, **more)]


SIGNED = f"ghcr.io/acme/signed:v1@{DIGEST['signed']}"


def test_digests_are_pinned_first() -> None:
    (result,) = judged(pod("ghcr.io/acme/signed:v1"), policy())
    assert (result.status, result.message) == ("pass", "success")
    assert result.pins == (("/spec/containers/0/image", SIGNED),)
    assert result.rule == "p"


def test_what_is_pinned_is_what_expressions_see() -> None:
    expression = f"object.spec.containers[0].image == '{SIGNED}' && {PROVED}"
    assert said(pod("ghcr.io/acme/signed:v1"), policy(expression)) == [("pass", "success")]


def test_one_policy_pins_for_all() -> None:
    """The one that does not pin sees digests, too, whichever comes first."""
    unpinning = policy(more="validationConfigurations: {mutateDigest: false}\n", name="q")
    data = pod("ghcr.io/acme/signed:v1")
    assert said(data, unpinning, policy()) == [("pass", "success")] * 2
    message = "image ghcr.io/acme/signed:v1 does not have a digest"
    assert said(data, unpinning) == [("fail", message)]


def test_images_that_a_policy_is_not_about_stay() -> None:
    """They are compared as they are normalised, with registry and tag."""
    more = "matchImageReferences: [{glob: 'ghcr.io/acme/signed*'}]\n"
    (result,) = judged(pod("ghcr.io/acme/signed", "ghcr.io/acme/unsigned:v1"), policy(more=more))
    assert result.status == "error"  # there is no tag latest
    (result,) = judged(pod("ghcr.io/acme/signed:v1", "ghcr.io/acme/unsigned:v1"), policy(more=more))
    assert [pointer for pointer, _ in result.pins] == ["/spec/containers/0/image"]
    assert result.status == "pass"


def test_an_image_that_cannot_be_pinned() -> None:
    """The others are, and the policy that could not pin says so."""
    (result,) = judged(pod("ghcr.io/acme/none:v1", "ghcr.io/acme/signed:v1"), policy())
    assert result.status == "error"
    assert result.message.startswith(
        "failed to update digest: failed to resolve digest for image ghcr.io/acme/none:v1: "
    )


@pytest.mark.parametrize(
    "more",
    [
        "validationConfigurations: {mutateDigest: false, verifyDigest: false}\n",
        "matchConditions: [{name: c, expression: 'false'}]\n",
    ],
)
def test_nothing_is_pinned(more: str) -> None:
    results = judged(pod("ghcr.io/acme/signed:v1"), policy(more=more))
    assert [result.pins for result in results] in ([], [()])


def test_what_is_exempted_is_not_pinned() -> None:
    exception = """\
apiVersion: policies.kyverno.io/v1
kind: PolicyException
metadata: {name: e, namespace: lifted}
spec:
  policyRefs: [{name: p, kind: ImageValidatingPolicy}]
"""
    (result,) = judged(pod("ghcr.io/acme/unsigned:v1"), policy(), exceptions=exception)
    assert (result.status, result.pins) == ("skip", ())


def test_proofs_of_all_policies_count() -> None:
    """A policy that verifies nothing itself relies on others, whatever their order."""
    catch_all = policy("true", name="all")
    assert said(pod("ghcr.io/acme/signed:v1"), catch_all, policy()) == [("pass", "success")] * 2
    (other, own) = said(pod("ghcr.io/acme/unsigned:v1"), catch_all, policy())
    assert own == ("fail", "refused")
    assert other[0] == "fail"
    assert other[1].endswith("failed signature or attestation verification")


def test_policies_of_other_namespaces() -> None:
    elsewhere = policy(kind="Namespaced").replace("namespace: shop", "namespace: other")
    assert said(pod("ghcr.io/acme/unsigned:v1"), elsewhere) == []
    assert said(pod("ghcr.io/acme/unsigned:v1"), policy(kind="Namespaced")) == [("fail", "refused")]


def test_controllers() -> None:
    template = {"spec": {"containers": [{"name": "c", "image": "ghcr.io/acme/unsigned:v1"}]}}
    data = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": template},
    }
    (result,) = judged(data, policy())
    assert (result.status, result.message) == ("fail", "refused")
    assert [pointer for pointer, _ in result.pins] == ["/spec/template/spec/containers/0/image"]


def test_a_registry_that_is_not_there() -> None:
    (result,) = judged(pod(f"quay.io/a@{DIGEST['signed']}"), policy())
    assert result.status == "error"
    assert result.message.startswith("failed to evaluate policy: ")


def test_a_namespaced_policy_is_about_its_namespace() -> None:
    """Its forms for controllers are, too."""
    written = policy(kind="Namespaced")
    for namespace, statuses in (("shop", ["fail"]), ("other", [])):
        data = pod("ghcr.io/acme/unsigned:v1")
        data["metadata"] = {**data["metadata"], "namespace": namespace}
        assert [status for status, _ in said(data, written)] == statuses
        deployment = {
            **data,
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "spec": {"template": {"spec": data["spec"]}},
        }
        assert [status for status, _ in said(deployment, written)] == statuses
    (result,) = judged(pod("ghcr.io/acme/signed:v1"), written)
    assert (str(result.status), result.pins) == ("pass", (("/spec/containers/0/image", SIGNED),))
