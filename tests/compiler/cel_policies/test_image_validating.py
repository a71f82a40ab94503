"""Policies about images: which images, which extractors, messages, what is proved, exceptions, mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pratique.compiler.cel.questions import ImageDataQuestion, SignedQuestion
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.cel_policies.image_run import VerifiedImages
from pratique.compiler.cel_policies.image_validating import CompiledImages
from pratique.grammar.errors import EvaluationError
from tests.support_cel import world
from tests.support_cel_policies import POD, compiled, exemptions, mistakes, request, said, text

DIGEST = f"sha256:{'a' * 64}"
SIGNED = f"ghcr.io/acme/signed@{DIGEST}"
UNSIGNED = f"ghcr.io/acme/unsigned@{DIGEST}"
LOOSE = "validationConfigurations: {verifyDigest: false, required: false}\n"
ATTESTORS = "attestors: [{name: team, cosign: {key: {kms: 'awskms:///team'}}}]\n"
PROVED = "images.containers.all(i, verifyImageSignatures(i, [attestors.team]) > 0)"


def answer(question: Any) -> Any:
    """Answer for images at ghcr.io, of which those called `signed` are."""
    match question:
        case ImageDataQuestion(reference=reference) if not reference.startswith("ghcr.io/"):
            raise EvaluationError("registry-unreachable", f"GET {reference}: down")
        case ImageDataQuestion(reference=reference):
            return {"image": reference}
        case SignedQuestion(reference=reference):
            return [] if "/signed" in reference else None
        case _:
            raise AssertionError(question)


def policy(expression: str = PROVED, more: str = "", kind: str = "ImageValidatingPolicy") -> str:
    return text(kind, f"{ATTESTORS}{more}validations: [{{expression: {expression!r}, message: refused}}]\n")


def pod(*images: str, **more: Any) -> dict[str, Any]:
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    return {**POD, "spec": {"containers": containers, **more}}


def of(
    written: str, data: Mapping[str, Any], resource: str = "pods", lifting: tuple[CelExemption, ...] = ()
) -> tuple[str, str] | None:
    return said(written, request(data, resource=resource), ask=answer, lifting=lifting)


@pytest.mark.parametrize(
    ("more", "image", "told"),
    [
        ("", SIGNED, ("pass", "success")),
        ("", UNSIGNED, ("fail", "refused")),
        ("", "ghcr.io/acme/signed:v1", ("fail", "image ghcr.io/acme/signed:v1 does not have a digest")),
        (LOOSE, "ghcr.io/acme/signed:v1", ("pass", "success")),
        (LOOSE, "quay.io/a:1", ("error", "failed to evaluate policy: GET quay.io/a:1: down")),
        ("", "UPPER", ("error", "failed to evaluate policy: failed to parse image reference UPPER: could")),
    ],
)
def test_verdicts(more: str, image: str, told: tuple[str, str]) -> None:
    found = of(policy(more=more), pod(image))
    assert found is not None
    assert found[0] == told[0]
    assert found[1].startswith(told[1])


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("true", f"image {SIGNED} is not verified: no policy performed a signature or attestation check"),
        ("images.containers.all(i, verifyImageSignatures(i, []) == 0)", f"image {SIGNED} is not verified"),
        ("object.none == 1", "failed to evaluate policy: no such key: none"),
        ("attestors.none == 1", "failed to evaluate policy: no such key: none"),
    ],
)
def test_what_a_policy_may_overlook(expression: str, told: str) -> None:
    found = of(policy(expression), pod(SIGNED))
    assert found is not None
    assert found[1].startswith(told)


def test_what_was_verified_in_vain() -> None:
    """Whatever the expressions make of it, an image that nobody signed does not pass."""
    found = of(policy("verifyImageSignatures(images.containers[0], [attestors.team]) == 0"), pod(UNSIGNED))
    assert found == ("fail", f"image {UNSIGNED} failed signature or attestation verification")


def test_what_others_have_verified() -> None:
    verified = VerifiedImages()
    verified.record(SIGNED, verified=True)
    asked = request(pod(SIGNED))
    assert said(policy("true"), asked, ask=answer, verified=verified) == ("pass", "success")


# --- which images --------------------------------------------------------------------------------------


def test_containers_of_all_sorts() -> None:
    data = pod(
        SIGNED,
        initContainers=[{"name": "i", "image": f"{SIGNED[:-1]}b"}],
        ephemeralContainers=[{"name": "e", "image": f"{SIGNED[:-1]}c"}],
    )
    expression = (
        "images.initContainers[0].endsWith('b') && images.ephemeralContainers.size() == 1 &&"
        " [images.containers, images.initContainers, images.ephemeralContainers].all(l,"
        " l.all(i, verifyImageSignatures(i, [attestors.team]) == 1))"
    )
    assert of(policy(expression), data) == ("pass", "success")


def test_lists_are_there_without_containers() -> None:
    assert of(policy("images.initContainers == []", LOOSE), pod(SIGNED)) == ("pass", "success")


@pytest.mark.parametrize(
    ("kind", "api_version", "resource", "route"),
    [
        ("Deployment", "apps/v1", "deployments", ("template",)),
        ("Job", "batch/v1", "jobs", ("template",)),
        ("CronJob", "batch/v1", "cronjobs", ("jobTemplate", "spec", "template")),
    ],
)
def test_controllers(kind: str, api_version: str, resource: str, route: tuple[str, ...]) -> None:
    data: dict[str, Any] = {"spec": {"containers": [{"name": "c", "image": UNSIGNED}]}}
    for step in reversed(route):
        data = {step: data}
    holder = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "web"}, "spec": data}
    form = 2 if kind == "CronJob" else 1
    asked = request(holder, resource=resource)
    assert said(policy(), asked, ask=answer, form=form) == ("fail", "refused")


def test_a_pod_without_a_specification() -> None:
    data = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    assert of(policy(), data) == ("error", "failed to evaluate policy: no such key: spec")


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("[object.metadata.annotations.image]", ("fail", "refused")),
        ("[object.metadata.name, 1]", None),
        ("object.metadata.annotations.image", ("error", "failed to evaluate policy: images own is no list")),
        ("[1, 2]", None),
        ("dyn([1])", ("error", "failed to evaluate policy: images own is no list of texts")),
    ],
)
def test_own_images(expression: str, told: tuple[str, str] | None) -> None:
    """Lists of texts; where that is known not to be so, the policy is refused."""
    more = f"{LOOSE}images: [{{name: own, expression: {expression!r}}}]\n"
    written = policy("images.own.all(i, verifyImageSignatures(i, [attestors.team]) > 0)", more)
    if told is None:
        assert mistakes(written)
        return
    data = {**pod(SIGNED), "metadata": {"name": "web", "annotations": {"image": UNSIGNED}}}
    found = of(written, data)
    assert found is not None
    assert found[0] == told[0]
    assert found[1].startswith(told[1])


def test_own_images_replace_usual_ones() -> None:
    more = f"{LOOSE}images: [{{name: containers, expression: '[]'}}]\n"
    assert of(policy(more=more), pod(UNSIGNED)) == ("pass", "success")


@pytest.mark.parametrize(
    ("references", "told"),
    [
        ("[{glob: 'ghcr.io/acme/*'}]", ("fail", "refused")),
        ("[{glob: 'quay.io/*'}]", ("pass", "success")),
        ("[{glob: 'quay.io/*'}, {glob: '*/unsigned*'}]", ("fail", "refused")),
        ("[{expression: 'ref.startsWith(\"quay\")'}]", ("pass", "success")),
        ("[{expression: 'ref.matches(\"un.igned\")'}]", ("fail", "refused")),
        ("[{expression: 'parseImageReference(ref).registry() == \"ghcr.io\"'}]", ("fail", "refused")),
        (
            "[{expression: '[ref][1] == ref'}]",
            ("error", "failed to evaluate policy: index out of bounds: 1"),
        ),
    ],
)
def test_references(references: str, told: tuple[str, str]) -> None:
    assert of(policy(more=f"matchImageReferences: {references}\n"), pod(UNSIGNED)) == told


def test_other_images_are_not_seen() -> None:
    more = f"{LOOSE}matchImageReferences: [{{glob: '*/signed*'}}]\n"
    found = of(policy("images.containers.size() == 1", more), pod(SIGNED, UNSIGNED, "quay.io/a:1"))
    assert found == ("pass", "success")


# --- when ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("matchConditions: [{name: c, expression: 'false'}]\n", None),
        (
            "matchConditions: [{name: c, expression: 'object.none == 1'}]\n",
            ("error", "failed to evaluate policy: no such key: none"),
        ),
        ("failurePolicy: Ignore\nmatchConditions: [{name: c, expression: 'object.none == 1'}]\n", None),
        ("variables: [{name: v, expression: 'object.none'}]\n", ("pass", "success")),
    ],
)
def test_conditions(more: str, told: tuple[str, str] | None) -> None:
    assert of(policy(more=more), pod(SIGNED)) == told


EXCEPTION = """\
apiVersion: policies.kyverno.io/v1
kind: PolicyException
metadata: {name: e, namespace: lifted}
spec:
  policyRefs: [{name: p, kind: ImageValidatingPolicy}]
"""


def test_exceptions() -> None:
    lifting = exemptions(EXCEPTION, EXCEPTION.replace("name: e,", "name: f,"))
    text = "rule is skipped due to policy exception: lifted/e, lifted/f"
    assert of(policy(), pod(UNSIGNED), lifting=lifting) == ("skip", text)
    narrow = f"{EXCEPTION}  matchConditions: [{{name: c, expression: 'object.metadata.name == \"x\"'}}]\n"
    assert of(policy(), pod(UNSIGNED), lifting=exemptions(narrow)) == ("fail", "refused")


def test_whether_a_policy_applies() -> None:
    """As digests are pinned before anything is verified."""
    asked = request(pod(SIGNED))
    bindings = asked.bindings(compiled(policy()).scope.scope.dialect)
    for written, applies in (
        (policy(), True),
        (policy(more="matchConditions: [{name: c, expression: 'false'}]\n"), False),
    ):
        found = compiled(written)
        assert isinstance(found, CompiledImages)
        assert found.applies(bindings, world(answer)) is applies
    lifted = compiled(policy(), exemptions(EXCEPTION))
    assert isinstance(lifted, CompiledImages)
    assert not lifted.applies(bindings, world(answer))
    assert lifted.is_about("ghcr.io/a", world(answer))


# --- mistakes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("matchImageReferences: [{}]\n", "exactly one of glob and expression must be set"),
        ("matchImageReferences: [{glob: a, expression: 'true'}]\n", "exactly one of glob and expression"),
        ("matchImageReferences: [{glob: '[a'}]\n", "the glob does not compile: unexpected end of input"),
        ("matchImageReferences: [{expression: '1'}]\n", "output is expected to be of type bool"),
        ("matchImageReferences: [{expression: 'object == 1'}]\n", "undeclared reference to 'object'"),
        ("images: [{name: a, expression: '1'}]\n", "output is expected to be of type list(string)"),
        ("attestors: [{name: a}]\n", "exactly one of cosign and notary must be set"),
        ("attestors: [{name: a, cosign: {}, notary: {}}]\n", "exactly one of cosign and notary must be set"),
        ("attestors: [{name: a, notary: {certs: {}}}]\n", "exactly one of value and expression must be set"),
        ("attestors: [{name: a, notary: {tsaCerts: {value: a}}}]\n", "timestamps of Notary signatures"),
        ("attestors: [{name: a, cosign: {tuf: {mirror: u}}}]\n", "cannot bring a TUF repository along"),
        ("attestors: [{name: a, cosign: {source: {tagPrefix: u}}}]\n", "under tags with a prefix"),
        ("attestors: [{name: a, cosign: {trustedRoot: {}}}]\n", "exactly one of value and expression"),
        ("attestors: [{name: a, cosign: {certificate: {cert: {}}}}]\n", "exactly one of value and"),
        ("attestors: [{name: a, cosign: {key: {expression: 'x'}}}]\n", "undeclared reference to 'x'"),
    ],
)
def test_mistakes(more: str, problem: str) -> None:
    written = policy(more=more)
    if more.startswith("attestors"):
        written = written.replace(f"  {ATTESTORS}", "")
    (found,) = mistakes(written)
    assert problem in found


def test_verifying_is_for_policies_about_images() -> None:
    (found,) = mistakes(text("ValidatingPolicy", "validations: [{expression: \"getImageData('a') == 1\"}]\n"))
    assert "undeclared reference to 'getImageData'" in found
