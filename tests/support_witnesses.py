"""What examples of lint findings claim, as questions to the engine: one for each label of an example.

A claim is judged by the rule that the finding is about. Where a finding is about images or signers alone,
everything else that its rule demands is left out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.analysis import signers as analysis
from pratique.compiler.analysis.points import Point
from pratique.compiler.analysis.signers import Signer
from pratique.compiler.cel_policies.image_demands import analysed
from pratique.compiler.lint.base import Example, Finding, lint
from pratique.compiler.lint.fixes import applied
from pratique.compiler.lower import AnyPolicy, lower, lower_exceptions
from pratique.compiler.plan import Plan
from pratique.compiler.selection import failure_action, selects
from pratique.grammar.documents import (
    CelDocument,
    CleanupDocument,
    PolicyDocument,
    SigstoreDocument,
    read_policies,
)
from pratique.grammar.source import Location, Source
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import RuleResult, Status
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.resource import Resource
from tests.support_engine import FakeStore, FakeVerifier

DEV: Final = ir.Attestor(
    signer=ir.IdentitySigner(
        issuer=ir.TextTests(tests=(ir.Exactly(text="https://accounts.google.com"),)),
        subject=ir.TextTests(tests=(ir.Exactly(text="dev@acme.example"),)),
    )
)
BY_DEV: Final = {"subject": "dev@acme.example", "issuer": "https://accounts.google.com"}
TEMPLATES: Final = {"Pod": (), "CronJob": ("jobTemplate", "spec", "template")}
"""Where the Pod of a kind is within its `spec`; in the others it is under `template`."""


@dataclass(frozen=True)
class Policies:
    """A text of policies and exceptions, read; those in CEL about images are the demands that lint sees."""

    text: str

    @cached_property
    def _read(
        self,
    ) -> tuple[tuple[AnyPolicy, ...], ir.PolicySet, tuple[ir.Exemption, ...]]:
        file = read_policies(Source("policy.yaml", self.text))
        lowered = lower(file.policies, file.cel_policies, sigstore=file.sigstore_policies)
        exemptions, problems = lower_exceptions(file.exceptions)
        assert not (*file.errors, *lowered.errors, *problems), [*file.errors, *lowered.errors, *problems]
        documents: tuple[AnyPolicy, ...] = (
            *file.policies,
            *file.cel_policies,
            *file.sigstore_policies,
        )
        return documents, analysed(lowered.policies), tuple(exemptions)

    @property
    def documents(self) -> tuple[AnyPolicy, ...]:
        return self._read[0]

    @property
    def policies(self) -> ir.PolicySet:
        return self._read[1]

    @property
    def exemptions(self) -> tuple[ir.Exemption, ...]:
        return self._read[2]

    def findings(self) -> tuple[Finding, ...]:
        """Return what lint finds in them."""
        classic = [each for each in self.documents if isinstance(each, PolicyDocument)]
        return lint(self.policies, documents=classic, exemptions=self.exemptions)


@dataclass(frozen=True)
class Claim:
    """An example of a finding, with the policies that it is about."""

    given: Policies
    finding: Finding
    example: Example

    @cached_property
    def place(self) -> tuple[ir.Policy, ir.Rule]:
        """Return the policy and the rule that the finding stands in, or the rule that its message names."""
        assert self.finding.location
        for document, policy in zip(self.given.documents, self.given.policies.policies, strict=True):
            if isinstance(document, SigstoreDocument | CelDocument | CleanupDocument):
                if _holds(document.location(), self.finding.location):
                    return policy, policy.rules[0]
                continue
            declared = {rule.name: rule for rule in policy.rules if not rule.generated_from}
            for number, written in enumerate(document.model.spec.rules):
                if _holds(document.location("spec", "rules", number), self.finding.location):
                    return policy, declared[written.name]
            if _holds(document.location(), self.finding.location):
                named = (each for name, each in declared.items() if name in self._named)
                return policy, next(named, policy.rules[0])
        raise AssertionError("the finding stands in no policy")

    @property
    def _named(self) -> list[str]:
        """Return what the message of the finding puts in backquotes; the last of a path."""
        found = re.findall(r"`([^`]+)`", self.finding.problem.message)
        return [name.rpartition("/")[2] for name in found]

    @property
    def policy(self) -> ir.Policy:
        return self.place[0]

    @property
    def about(self) -> ir.Policy:
        """Return the policy with the rules alone that the message names, and those made of them."""
        rules = (each for each in self.policy.rules if {each.name, each.generated_from} & set(self._named))
        return replace(self.policy, rules=tuple(rules))

    @property
    def rule(self) -> ir.Rule:
        return self.place[1]

    @property
    def requirement(self) -> ir.ImageRequirement:
        """Return the entry that the finding stands in."""
        assert self.finding.location
        for requirement in self.rule.requirements:
            if requirement.at.location and _holds(requirement.at.location, self.finding.location):
                return requirement
        raise AssertionError("the finding stands in no entry")

    @property
    def pattern(self) -> ir.ImagePattern:
        """Return the image pattern that the finding stands at."""
        images = self.requirement.images
        (found,) = (p for p in (*images.include, *images.skip) if p.at.location == self.finding.location)
        return found

    @property
    def threshold(self) -> ir.Threshold:
        """Return the innermost set of attestors that the finding stands in."""
        demands = self.requirement
        sets = (*demands.signatures, *(s for a in demands.attestations for s in a.by))
        assert self.finding.location
        found = [
            each
            for each in _thresholds(sets)
            if (each.at.location and _holds(each.at.location, self.finding.location))
            or any(part.at.location and _holds(part.at.location, self.finding.location) for part in each.of)
        ]
        return found[-1]

    @property
    def leaf(self) -> ir.Leaf:
        """Return the attestor that the finding stands in."""
        assert self.finding.location
        demands = self.requirement
        sets = (*demands.signatures, *(s for a in demands.attestations for s in a.by))
        for part in (part for each in _thresholds(sets) for part in each.of):
            if (
                isinstance(part, ir.Leaf)
                and part.at.location
                and _holds(part.at.location, self.finding.location)
            ):
                return part
        raise AssertionError("the finding stands in no attestor")


def _thresholds(sets: Sequence[ir.Formula]) -> Iterator[ir.Threshold]:
    for each in sets:
        if isinstance(each, ir.Threshold):
            yield each
            yield from _thresholds(each.of)


def _holds(outer: Location, inner: Location) -> bool:
    return (
        outer.source.text == inner.source.text
        and outer.span.start <= inner.span.start <= inner.span.end <= outer.span.end
    )


# --- the engine ----------------------------------------------------------------------------------------


def judge(
    policies: Sequence[ir.Policy],
    point: Point,
    *signatures: Mapping[str, Any],
    statements: Sequence[Mapping[str, Any]] = (),
    exemptions: Sequence[ir.Exemption] = (),
    store: FakeStore | None = None,
) -> list[RuleResult]:
    """Return what the engine makes of a resource with one image that is signed so."""
    store = store or FakeStore()
    name, _, digest = point.image.partition("@")
    made = store.image(f"{name}:any" if digest else name, *signatures, attestations=statements)
    resource = resource_of(replace(point, image=f"{name}@{made}" if digest else name))

    async def run() -> list[RuleResult]:
        plan = Plan(ir.PolicySet(policies=tuple(policies)))
        engine = Engine(plan, Evidence(store, FakeVerifier()), exemptions=exemptions)
        return list(await engine.judge(resource, applicable(plan, resource)))

    return asyncio.run(run())


def applies(policy: ir.Policy, point: Point) -> bool:
    """Say whether some rule of a policy speaks about the resource and the image."""
    return bool(applicable(Plan(ir.PolicySet(policies=(policy,))), resource_of(point)))


def resource_of(point: Point) -> Resource:
    """Return the resource of a point, with its image in a container."""
    group, version, kind, subresource = point.kind
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": point.image}]}
    if kind != "Pod":
        for name in reversed(TEMPLATES.get(kind, ("template",))):
            spec = (
                {name: spec if name != "template" else {"spec": spec}} if name != "spec" else {"spec": spec}
            )
    data = {
        "apiVersion": f"{group}/{version}" if group else version,
        "kind": kind,
        "metadata": {
            "name": point.name,
            "namespace": point.namespace,
            "labels": dict(point.labels),
            "annotations": dict(point.annotations),
        },
        "spec": spec,
    }
    target = point.target
    return Resource(
        data, namespace_labels=target.namespace_labels, operation=point.operation, subresource=subresource
    )


def payload(signer: Signer) -> dict[str, Any]:
    """Return the signature of a signer, as the verifier of tests takes it."""
    attested = signer.attestor.signer
    if isinstance(attested, ir.IdentitySigner):
        who = {"subject": signer.subject, "issuer": signer.issuer}
    else:
        who = {"key": attested.key.strip() if isinstance(attested, ir.KeySigner) else ""}
    return {**who, "claims": dict(signer.claims)}


def policy_of(requirement: ir.ImageRequirement, rule: ir.Rule | None = None) -> ir.Policy:
    """Return a policy that demands this of all Pods, or of what `rule` is about.

    Signatures are looked for beside images, wherever the requirement has them.
    """
    pods = ir.Selection(filters=(ir.ResourceFilter(kinds=(ir.KindSelector(kind="Pod"),)),))
    region = rule.resources if rule else ir.ResourceRegion(namespace=None, match=pods)
    alone = replace(
        requirement,
        signatures=tuple(map(_beside, requirement.signatures)),
        attestations=tuple(replace(a, by=tuple(map(_beside, a.by))) for a in requirement.attestations),
        pin_digest=False,
        demand_digest=False,
        demand_proof=False,
    )
    made = ir.Rule(name="r", resources=region, requirements=(alone,), action=ir.Action.ENFORCE)
    return ir.Policy(kind="ClusterPolicy", name="p", rules=(made,))


def _beside(threshold: ir.Threshold) -> ir.Threshold:
    def moved(part: ir.Formula) -> ir.Formula:
        if isinstance(part, ir.Threshold):
            return _beside(part)
        return replace(part, attestor=replace(part.attestor, repository=""))

    return replace(threshold, of=tuple(map(moved, threshold.of)))


def by_dev(images: ir.ImageRegion) -> ir.Policy:
    """Return a policy about these images that demands a signature of one developer."""
    signed = ir.Threshold(count=1, of=(ir.Leaf(attestor=DEV),))
    return policy_of(ir.ImageRequirement(images=images, signatures=(signed,)))


def signed_by(*thresholds: ir.Threshold) -> ir.Policy:
    """Return a policy that demands these sets of attestors of every image."""
    return policy_of(ir.ImageRequirement(images=EVERY, signatures=thresholds))


EVERY: Final = ir.ImageRegion(include=(ir.ImagePattern(text="*"),))
ANY: Final = Point(image="ghcr.io/acme/app:1.4.2")


def status(results: Sequence[RuleResult]) -> Status | None:
    """Return the one status of an image; None where nothing is about it."""
    checks = [check.status for result in results for check in result.checks]
    assert len(set(checks)) <= 1, checks
    return checks[0] if checks else None


def seen(images: ir.ImageRegion, image: str) -> Status | None:
    """Return what becomes of an unsigned image that a policy with these patterns may be about."""
    return status(judge([by_dev(images)], replace(ANY, image=image)))


def verdict(policy: ir.Policy, *signatures: Mapping[str, Any], **more: Any) -> Status | None:
    return status(judge([policy], ANY, *signatures, **more))


# --- images --------------------------------------------------------------------------------------------


def matched(claim: Claim) -> bool:
    """The pattern by itself is about the image."""
    return seen(ir.ImageRegion(include=(claim.pattern,)), claim.example.text) is Status.FAIL


def skipped(claim: Claim) -> bool:
    return seen(claim.requirement.images, claim.example.text) is Status.SKIP


def not_matched(claim: Claim) -> bool:
    """An image that the pattern alone is not about; with the fix, if there is one, it is."""
    alone = ir.ImageRegion(include=(claim.pattern,))
    return seen(alone, claim.example.text) is None and _mended(claim)


def would_match(claim: Claim) -> bool:
    return not_matched(claim) and claim.finding.problem.fix is not None


def _mended(claim: Claim) -> bool:
    fix = claim.finding.problem.fix
    if fix is None:
        return True
    file = read_policies(Source("policy.yaml", applied(fix.source, fix.edits)))
    patterns = {
        pattern
        for policy in lower(file.policies).policies.policies
        for rule in policy.rules
        for requirement in rule.requirements
        for pattern in (*requirement.images.include, *requirement.images.skip)
    }
    return any(seen(ir.ImageRegion(include=(p,)), claim.example.text) is Status.FAIL for p in patterns)


def not_verified(claim: Claim) -> bool:
    """By digest an image escapes all policies; the pattern is about the same image by some tag."""
    by_digest = replace(ANY, image=claim.example.text)
    policies = [
        by_dev(r.images) for p in claim.given.policies.policies for u in p.rules for r in u.requirements
    ]
    escapes = all(status(judge([each], by_digest)) in (None, Status.SKIP) for each in policies)
    name, tag = claim.example.text.partition("@")[0], claim.pattern.text.rpartition(":")[2]
    tags = (tag.replace("*", filling).replace("?", "1") for filling in ("", "1", "1.4.2", "latest"))
    return escapes and any(
        seen(ir.ImageRegion(include=(claim.pattern,)), f"{name}:{each}") is Status.FAIL
        for each in tags
        if each
    )


def fails_without_digest(claim: Claim) -> bool:
    policy = _as_dev_signs(claim.requirement)
    results = judge([policy], replace(ANY, image=claim.example.text), BY_DEV)
    return [
        check.message for result in results for check in result.checks if check.status is Status.FAIL
    ] == [f"missing digest for {claim.example.text}"]


def _as_dev_signs(requirement: ir.ImageRequirement) -> ir.Policy:
    signed = ir.Threshold(count=1, of=(ir.Leaf(attestor=DEV),))
    kept = replace(requirement, signatures=(signed,), attestations=(), denial=None)
    policy = policy_of(kept)
    return replace(policy, rules=tuple(replace(rule, requirements=(kept,)) for rule in policy.rules))


def not_pinned(claim: Claim) -> bool:
    """A good image passes by its tag, and no digest is written."""
    policy = _as_dev_signs(replace(claim.requirement, demand_proof=False))
    (result,) = judge([policy], replace(ANY, image=claim.example.text), BY_DEV)
    return result.status is Status.PASS and not result.pins


def no_proof(claim: Claim) -> bool:
    """An image that no attestor was asked about passes; it would fail if proof were asked for."""
    unasked = replace(
        claim.requirement, signatures=(), attestations=(), pin_digest=False, demand_digest=False
    )
    point = replace(ANY, image=claim.example.text)

    def failing(demand: ir.ImageRequirement) -> bool:
        policy = policy_of(demand)
        rules = tuple(replace(rule, requirements=(demand,)) for rule in policy.rules)
        results = judge([replace(policy, rules=rules)], point)
        return any(check.status is Status.FAIL for result in results for check in result.checks)

    return not failing(unasked) and failing(replace(unasked, demand_proof=True))


def shared(claim: Claim) -> bool:
    """Signatures of the image are looked for in the repository that the finding names."""
    (repository,) = re.findall(r"looked for in `([^`]+)`", claim.finding.problem.message)
    for requirement in (
        q for p in claim.given.policies.policies for rule in p.rules for q in rule.requirements
    ):
        sets = (*requirement.signatures, *(s for a in requirement.attestations for s in a.by))
        leaves = [part for each in _thresholds(sets) for part in each.of if isinstance(part, ir.Leaf)]
        if repository in {leaf.attestor.repository for leaf in leaves}:
            policy, store = policy_of(requirement), FakeStore()
            rules = tuple(replace(rule, requirements=(requirement,)) for rule in policy.rules)
            judge([replace(policy, rules=rules)], replace(ANY, image=claim.example.text), store=store)
            if any(request.startswith(f"manifest {repository}:sha256-") for request in store.requests):
                return True
    return False


# --- signers -------------------------------------------------------------------------------------------


def accepted(claim: Claim) -> bool:
    return _identity(claim) is Status.PASS


def refused(claim: Claim) -> bool:
    return _identity(claim) is Status.FAIL


def _identity(claim: Claim) -> Status | None:
    """Return what becomes of an image whose signer has the example as its subject, or as its issuer."""
    leaf = claim.leaf
    signer = leaf.attestor.signer
    assert isinstance(signer, ir.IdentitySigner)
    is_issuer = any(f"`{test.text}`" in claim.finding.problem.message for test in signer.issuer.tests)
    name, other = ("issuer", "subject") if is_issuer else ("subject", "issuer")
    alone = ir.IdentitySigner(**{name: getattr(signer, name), other: ir.TextTests()})
    alone_leaf = replace(leaf, attestor=replace(leaf.attestor, signer=alone, annotations=()))
    signed = {name: claim.example.text, other: "anybody"}
    return verdict(signed_by(ir.Threshold(count=1, of=(alone_leaf,))), signed)


def pair(claim: Claim) -> bool:
    """A subject and an issuer, given as two examples, are accepted together."""
    given = {each.label: each.text for each in claim.finding.problem.examples}
    signed = {"subject": given["accepted subject"], "issuer": given["accepted issuer"]}
    if claim.finding.code == "PRQ036":
        place = claim.finding.location
        stated = next(
            each
            for each in claim.requirement.attestations
            if place and each.at.location and _holds(each.at.location, place)
        )
        demand = ir.ImageRequirement(images=EVERY, attestations=(replace(stated, conditions=(), name=""),))
        return verdict(policy_of(demand), statements=[{"type": stated.type, **signed}]) is Status.PASS
    return verdict(signed_by(ir.Threshold(count=1, of=(claim.leaf,))), signed) is Status.PASS


def any_issuer(claim: Claim) -> bool:
    somebody = analysis.find((claim.leaf.attestor,))
    assert isinstance(somebody, Signer)
    signed = {**payload(somebody), "issuer": claim.example.text}
    return verdict(signed_by(ir.Threshold(count=1, of=(claim.leaf,))), signed) is Status.PASS


def enough(claim: Claim) -> bool:
    """One signer meets the set that the finding stands at."""
    (signer,) = claim.example.signers
    return verdict(signed_by(claim.threshold), payload(signer)) is Status.PASS


def not_enough(claim: Claim) -> bool:
    keys = [part.attestor.signer for part in claim.threshold.of if isinstance(part, ir.Leaf)]
    key = next(k for k in keys if isinstance(k, ir.KeySigner) and analysis.holder(k) == claim.example.text)
    return verdict(signed_by(claim.threshold), {"key": key.key.strip()}) is Status.FAIL


def accepted_anyhow(claim: Claim) -> bool:
    """Whoever the needless entry accepts is accepted without it."""
    (signer,) = claim.example.signers
    rest = tuple(part for part in claim.threshold.of if part is not claim.leaf)
    assert len(rest) < len(claim.threshold.of)
    return verdict(signed_by(ir.Threshold(count=1, of=rest)), payload(signer)) is Status.PASS


def counted_twice(claim: Claim) -> bool:
    """One signature counts for two of the entries of the set."""
    (signer,) = claim.example.signers
    two = ir.Threshold(count=2, of=claim.threshold.of)
    if any(claim.threshold is each for a in claim.requirement.attestations for each in a.by):
        demand = ir.ImageRequirement(images=EVERY, attestations=(ir.Attestation(type="t", by=(two,)),))
        return verdict(policy_of(demand), statements=[{"type": "t", **payload(signer)}]) is Status.PASS
    return verdict(signed_by(two), payload(signer)) is Status.PASS


# --- resources -----------------------------------------------------------------------------------------


def out_of_reach(claim: Claim) -> bool:
    """The rule is not about the resource; its `match`, in a policy of all namespaces, is."""
    assert claim.example.point
    anywhere = ir.ResourceRegion(namespace=None, match=claim.rule.resources.match)
    target = claim.example.point.target
    return not selects(claim.rule.resources, target) and selects(anywhere, target)


def not_looked_at(claim: Claim) -> bool:
    """None of the rules is about a controller, and some are about the Pods that it makes."""
    point = claim.example.point
    assert point
    made = replace(point, kind=("", "v1", "Pod", ""))
    return not applies(claim.about, point) and applies(claim.about, made)


def judged_twice(claim: Claim) -> bool:
    """Both rules are about the resource."""
    assert claim.example.point
    both = [rule for rule in claim.policy.rules if claim.rule.name in (rule.name, rule.generated_from)]
    return sum(selects(rule.resources, claim.example.point.target) for rule in both) == 2


def looked_at(claim: Claim) -> bool:
    assert claim.example.point
    return applies(claim.policy, claim.example.point)


def kept_from_starting(claim: Claim) -> bool:
    assert claim.example.point
    return looked_at(claim) and not claim.policy.fail_open and claim.example.point.operation == "CREATE"


def only_reported(claim: Claim) -> bool:
    """A bad image fails, and no rule that is asked would block it."""
    point = claim.example.point
    assert point
    names = {(claim.policy.key, rule.name): rule for rule in claim.policy.rules}
    results = judge([claim.policy if "reached" in claim.finding.problem.message else claim.about], point)
    failed = [r for r in results if r.status is Status.FAIL]
    acting = [failure_action(names[result.policy, result.rule], point.target) for result in failed]
    enforces = ir.Action.ENFORCE in {claim.rule.action, *(o.action for o in claim.rule.overrides)}
    return enforces and bool(failed) and set(acting) == {ir.Action.AUDIT}


def exempt(claim: Claim) -> bool:
    point = claim.example.point
    assert point
    with_it = judge(claim.given.policies.policies, point, exemptions=claim.given.exemptions)
    without = judge(claim.given.policies.policies, point)
    return any(r.status is Status.SKIP for r in with_it) and not all(r.status is Status.SKIP for r in without)


# --- several rules -------------------------------------------------------------------------------------


def _entries(claim: Claim) -> list[tuple[ir.Policy, ir.Rule, ir.ImageRequirement]]:
    """Return the first entry that a finding relates and the one that it stands in, in the order of files."""
    assert claim.finding.location
    wanted = [*(place for _, place in claim.finding.problem.related[:1]), claim.finding.location]
    return [
        (policy, rule, requirement)
        for policy in claim.given.policies.policies
        for rule in policy.rules
        for requirement in rule.requirements
        if not rule.generated_from
        and requirement.at.location
        and any(_holds(requirement.at.location, place) for place in wanted)
    ]


def _verified(claim: Claim, *signers: Signer) -> list[Status | None]:
    """Return what becomes of the example's image by each entry of the finding alone."""
    assert claim.example.point
    signatures = [payload(signer) for signer in signers]
    return [
        status(judge([policy_of(requirement, rule)], claim.example.point, *signatures))
        for _, rule, requirement in _entries(claim)
    ]


def asked_for_both(claim: Claim) -> bool:
    """All entries look at the image, and pass only if every signer of the finding has signed."""
    signers = [signer for each in claim.finding.problem.examples for signer in each.signers]
    own = _verified(claim)
    return len(own) >= 2 and set(own) == {Status.FAIL} and Status.PASS in _verified(claim, *signers)


def meets_one(claim: Claim) -> bool:
    """One of the two entries passes by this signer, and the other does not."""
    first, *_, last = _verified(claim, *claim.example.signers)
    return {first, last} == {Status.PASS, Status.FAIL}


def mended_and_refused(claim: Claim) -> bool:
    """One entry writes a digest into a good image by tag, and another fails it for having none."""
    assert claim.example.point
    found = []
    for _, rule, requirement in _entries(claim):
        policy = _as_dev_signs(replace(requirement, demand_proof=False))
        rules = tuple(replace(each, resources=rule.resources) for each in policy.rules)
        (result,) = judge([replace(policy, rules=rules)], claim.example.point, BY_DEV)
        missing = any("missing digest" in check.message for check in result.checks)
        found.append((bool(result.pins), missing))
    return sorted(found) == [(False, True), (True, False)]


def demanded_by_both(claim: Claim) -> bool:
    """An unsigned image fails by the superfluous rule or entry, and by those that demand as much."""
    assert claim.example.point
    others = [*_verified(claim)]
    own = [policy_of(each, claim.rule) for each in claim.rule.requirements]
    failing = [status(judge([each], claim.example.point)) is Status.FAIL for each in own]
    return any(failing) and others.count(Status.FAIL) >= 1


SHOWN: Final[Mapping[str, Callable[[Claim], bool]]] = {
    "accepted": accepted,
    "accepted anyhow": accepted_anyhow,
    "accepted subject": pair,
    "admitted unless it was looked at": no_proof,
    "asked for both": asked_for_both,
    "counted twice": counted_twice,
    "demanded by both": demanded_by_both,
    "enough alone": enough,
    "excluded": out_of_reach,
    "exempt": exempt,
    "fails": fails_without_digest,
    "judged twice": judged_twice,
    "matched": matched,
    "may change after the check": not_pinned,
    "may take too long": looked_at,
    "mended and refused": mended_and_refused,
    "not enough alone": not_enough,
    "not looked at": not_looked_at,
    "not matched": not_matched,
    "not verified": not_verified,
    "only reported": only_reported,
    "out of reach": out_of_reach,
    "refused": refused,
    "refused while the engine is down": kept_from_starting,
    "signed there": shared,
    "signed there too": shared,
    "skipped": skipped,
    "would then match": would_match,
}
"""Label of an example -> whether the engine shows what it claims."""


def question(claim: Claim) -> Callable[[Claim], bool] | None:
    """Return how a claim is judged; None for a label that nothing is known of."""
    label = claim.example.label
    if label.startswith("meets "):
        return meets_one
    if label == "accepted issuer":
        return any_issuer if claim.finding.code == "PRQ023" else pair
    return SHOWN.get(label)
