"""ImageValidatingPolicies as demands: what is recognised, what is not, and what differences then are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.analysis.differences import Comparison, Effect, compare
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.cel_policies.image_demands import as_demands, comparable
from tests.support_cel_policies import PODS, policy, text

LISTS = "(images.containers + images.initContainers + images.ephemeralContainers)"
A = "verifyImageSignatures(i, [attestors.a])"
PROVED = f"{LISTS}.all(i, {A} > 0)"


def key(name: str, more: str = "") -> str:
    return f"{{name: {name}, cosign: {{key: {{kms: 'awskms:///{name}'}}{more}}}}}"


KEYS = (key("a"), key("b"))


def written(
    *expressions: str,
    attestors: Sequence[str] = KEYS,
    more: str = "",
    glob: str = "'r.example/team/*'",
    rules: str = PODS,
    kind: str = "ImageValidatingPolicy",
) -> str:
    """Return a policy about images with expressions."""
    validations = "".join(f'  - expression: "{each}"\n' for each in expressions or (PROVED,))
    spec = (
        f"matchImageReferences: [{{glob: {glob}}}]\nattestors: [{', '.join(attestors)}]\n"
        "attestations: [{name: built, intoto: {type: slsaprovenance1}}, {name: sbom, referrer: {type: t}}]\n"
        f"validations:\n{validations}{more}"
    )
    return text(kind, spec, rules=rules)


def demanded(*expressions: str, **options: Any) -> ir.ImageRequirement | None:
    found = as_demands(policy(written(*expressions, **options)))
    if found is None:
        return None
    assert all(rule.body is None for rule in found.rules)
    (requirement,) = found.rules[0].requirements
    return requirement


def by(name: str) -> ir.Leaf:
    return ir.Leaf(attestor=ir.Attestor(signer=ir.KeySigner(key=f"awskms:///{name}")))


# --- expressions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        PROVED,
        f"{LISTS}.map(i, {A}).all(n, n > 0)",
        f"{LISTS}.map(i, {A}).all(n, 1 <= n)",
        f"{LISTS}.all(i, 0 < {A})",
        f"{LISTS}.all(i, {A} == 1)",
        f"images.containers.all(i, {A} > 0) && images.initContainers.all(i, {A} > 0)"
        f" && images.ephemeralContainers.all(i, {A} > 0)",
        f"{LISTS}.all(i, verifyImageSignatures(i, [attestors['a']]) >= 1)",
    ],
)
def test_one_attestor(expression: str) -> None:
    found = demanded(expression)
    assert found is not None
    assert found.signatures == (ir.Threshold(count=1, of=(by("a"),)),)
    assert [each.text for each in found.images.include] == ["r.example/team/*"]
    assert (found.pin_digest, found.demand_digest, found.demand_proof) == (True, True, True)


@pytest.mark.parametrize(("test", "count"), [("> 0", 1), (">= 2", 2), ("== 2", 2), ("> 1", 2)])
def test_several_attestors(test: str, count: int) -> None:
    found = demanded(f"{LISTS}.all(i, verifyImageSignatures(i, [attestors.a, attestors.b]) {test})")
    assert found is not None
    assert found.signatures == (ir.Threshold(count=count, of=(by("a"), by("b"))),)


def test_several_demands() -> None:
    statement = "verifyAttestationSignatures(i, attestations.built, [attestors.b]) > 0"
    found = demanded(f"{LISTS}.all(i, {A} > 0 && {statement})")
    assert found is not None
    assert found.signatures == (ir.Threshold(count=1, of=(by("a"),)),)
    (stated,) = found.attestations
    assert stated.type == "https://slsa.dev/provenance/v1"
    assert stated.by == (ir.Threshold(count=1, of=(by("b"),)),)
    assert demanded(PROVED, f"{LISTS}.all(i, {statement})") == found


@pytest.mark.parametrize(
    "expression",
    [
        f"images.containers.all(i, {A} > 0)",
        f"{LISTS}.exists(i, {A} > 0)",
        f"{LISTS}.all(i, {A} > 0 || i == 'x')",
        f"{LISTS}.all(i, {A} >= 0)",
        f"{LISTS}.all(i, {A} < 1)",
        f"{LISTS}.all(i, verifyImageSignatures(i, [attestors.a, attestors.b]) == 1)",
        f"{LISTS}.all(i, verifyImageSignatures('r.example/other', [attestors.a]) > 0)",
        f"{LISTS}.all(i, verifyImageSignatures(i, object.x) > 0)",
        f"{LISTS}.all(i, verifyAttestationSignatures(i, 'none', [attestors.a]) > 0)",
        f"{LISTS}.all(i, verifyAttestationSignatures(i, attestations.sbom, [attestors.a]) > 0)",
        f"{LISTS}.filter(i, i != 'x').all(i, {A} > 0)",
        f"{LISTS}.all(i, verifyImageSignatures(i, [attestors.a, attestors.a]) > 1)",
        f"{LISTS}.all(i, variables.none > 0)",
        "true",
    ],
)
def test_other_expressions(expression: str) -> None:
    spec = "variables: [{name: none, expression: '1'}]\n" if "variables" in expression else ""
    assert demanded(expression, more=spec) is None


# --- attestors -----------------------------------------------------------------------------------------


def identities(*of: str) -> str:
    return f"{{name: a, cosign: {{keyless: {{identities: [{', '.join(of)}]}}}}}}"


def test_identities() -> None:
    found = demanded(attestors=[identities("{issuer: i, subject: s}")])
    assert found is not None
    ((leaf,),) = (each.of for each in found.signatures)
    assert isinstance(leaf, ir.Leaf)
    assert leaf.attestor.format is ir.SignatureFormat.COSIGN
    made = as_demands(
        policy(written(attestors=[identities("{issuer: i, subject: s}")])), ir.SignatureFormat.SIGSTORE_BUNDLE
    )
    assert made is not None
    ((bundled,),) = (each.of for each in made.rules[0].requirements[0].signatures)
    assert isinstance(bundled, ir.Leaf)
    assert bundled.attestor.format is ir.SignatureFormat.SIGSTORE_BUNDLE
    assert bundled.attestor.signer == leaf.attestor.signer


def test_notary() -> None:
    found = demanded(attestors=["{name: a, notary: {certs: {value: pem}}}"])
    assert found is not None
    ((leaf,),) = (each.of for each in found.signatures)
    assert isinstance(leaf, ir.Leaf)
    assert leaf.attestor.format is ir.SignatureFormat.NOTARY


def test_attestors_that_accept_nobody_are_never_met() -> None:
    found = demanded(attestors=["{name: a, cosign: {}}"])
    assert found is not None
    assert found.signatures == (ir.Threshold(count=1, of=(ir.Threshold(count=1, of=()),)),)


@pytest.mark.parametrize(
    "attestor",
    [
        identities("{issuer: i}"),
        identities("{issuer: i, subject: s}", "{issuer: i, subject: t}"),
        identities("{issuer: i, issuerRegExp: j, subject: s}"),
        "{name: a, cosign: {key: {expression: object.metadata.name}}}",
        key("a", ", source: {PullSecrets: [{name: regcred}]}"),
    ],
)
def test_attestors_that_mean_something_else_of_bundles_or_resources(attestor: str) -> None:
    assert demanded(attestors=[attestor]) is None


# --- regions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("glob", ["'*'", "'r.example/*'", "'r.example/team/app*'", "'localhost:5000/*'"])
def test_globs(glob: str) -> None:
    found = demanded(glob=glob)
    assert found is not None
    assert f"'{found.images.include[0].text}'" == glob


@pytest.mark.parametrize(
    "glob",
    [
        "'nginx*'",
        "'library/*'",
        "'docker.io/*'",
        "'index.docker.io/*'",
        "'r.example/*:v1'",
        "'r.example/app:v*'",
        "'r.example/[ab]*'",
        "'R.example/*'",
        "'r.example/app'",
    ],
)
def test_globs_that_choose_otherwise_than_patterns(glob: str) -> None:
    assert demanded(glob=glob) is None


def test_resources() -> None:
    made = as_demands(policy(written()))
    assert made is not None
    kinds = [
        [kind.kind for part in rule.resources.match.filters for kind in part.kinds] for rule in made.rules
    ]
    assert kinds == [["Pod"], ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "Job"], ["CronJob"]]
    namespaced = as_demands(policy(written(kind="NamespacedImageValidatingPolicy")))
    assert namespaced is not None
    assert {rule.resources.namespace for rule in namespaced.rules} == {"shop"}
    created = as_demands(policy(written(rules=PODS.replace('"*"', "CREATE"))))
    assert created is not None
    assert created.rules[0].resources.match.filters[0].operations == ("CREATE",)


@pytest.mark.parametrize(
    "rules",
    [
        PODS.replace('"*"', "DELETE"),
        PODS.replace("pods", "configmaps"),
        PODS.replace("[v1]", "['*']"),
        PODS.replace("}", ", resourceNames: [web]}"),
        PODS.replace("}", ", scope: Cluster}"),
    ],
)
def test_resources_that_hold_no_images_or_cannot_be_told(rules: str) -> None:
    assert demanded(rules=rules) is None


@pytest.mark.parametrize(
    ("operator", "is_recognised"),
    [
        ("In, values: [shop]", True),
        ("Exists", True),
        ("NotIn, values: [shop]", False),
        ("DoesNotExist", False),
    ],
)
def test_selectors_of_what_objects_lack_take_all_that_are_new(operator: str, is_recognised: bool) -> None:
    selector = f"objectSelector: {{matchExpressions: [{{key: team, operator: {operator}}}]}}"
    found = as_demands(policy(written().replace(f"[{PODS}]", f"[{PODS}], {selector}")))
    assert (found is not None) is is_recognised


@pytest.mark.parametrize(
    "more",
    [
        "matchConditions: [{name: c, expression: 'true'}]\n",
        "images: [{name: extra, expression: '[object.metadata.name]'}]\n",
    ],
)
def test_conditions_and_extractors(more: str) -> None:
    assert demanded(more=more) is None


def test_other_policies_stay() -> None:
    other = policy(text("ValidatingPolicy", "validations: [{expression: 'true'}]\n"))
    assert as_demands(other) == other


# --- differences ---------------------------------------------------------------------------------------


def between(old: str, new: str) -> Comparison:
    sides = (ir.PolicySet(policies=(policy(each),)) for each in (old, new))
    return compare(*comparable(*sides))


def test_what_is_written_otherwise_is_equivalent() -> None:
    assert between(written(), written(f"{LISTS}.map(i, {A}).all(n, n >= 1)")).is_equivalent


def test_a_second_attestor_admits_more() -> None:
    found = between(
        written(), written(f"{LISTS}.all(i, verifyImageSignatures(i, [attestors.a, attestors.b]) > 0)")
    )
    assert not found.undecided
    assert {shift.effect for change in found.changes for shift in change.shifts} == {Effect.ADMITS}


def test_what_is_recognised_on_one_side_only_stays_an_expression() -> None:
    odd = written(f"images.containers.all(i, {A} > 0)")
    before, after = comparable(*(ir.PolicySet(policies=(policy(each),)) for each in (written(), odd)))
    assert isinstance(before.policies[0].rules[0].body, CelImageValidation)
    assert isinstance(after.policies[0].rules[0].body, CelImageValidation)
    found = between(written(), odd)
    assert not found.changes
    assert found.undecided
