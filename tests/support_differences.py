"""Random pairs of policy sets over a small world, and what each image meets there, worked out by hand.

The world holds an image, namespace, label and signer of every sort that the pieces tell apart, so that two
sets are equivalent just where no point of it tells them apart.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point
from pratique.compiler.selection import selects
from pratique.compiler.texts import accepts
from pratique.grammar.wildcard import matches

DIGEST = "sha256:" + "ab" * 32
IMAGES = (
    "a.io/x:1",
    "a.io/x:2",
    "a.io/xx:1",
    "a.io/y:1",
    "a.io/z/x:1",
    "b.io/x:1",
    "b.io/x:2",
    "b.io/y:1",
    "c.io/x:1",
    "c.io/q:1",
    f"a.io/x@{DIGEST}",
    f"a.io/y@{DIGEST}",
    f"b.io/x@{DIGEST}",
    f"c.io/q@{DIGEST}",
)
PATTERNS = ("a.io/*", "a.io/x*", "*/x:*", "b.io/x:1", "b.io/*", "*", "a.io/x:*")
KINDS = (("", "v1", "Pod", ""), ("apps", "v1", "Deployment", ""), ("apps", "v1", "StatefulSet", ""))
NAMESPACES = ("prod", "dev-1", "other")
LABELS: tuple[tuple[tuple[str, str], ...], ...] = ((), (("team", "a"),), (("team", "b"),))
RESOURCES = tuple(
    Point(image="", kind=kind, namespace=namespace, labels=labels)
    for kind, namespace, labels in product(KINDS, NAMESPACES, LABELS)
)
SIGNERS = ("a@x", "a@y", "b@x", "key")
ISSUER = ir.TextTests(tests=(ir.Exactly(text="https://accounts.google.com"),))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Signers of an image, and who vouches for its statement, empty for none."""

    signers: frozenset[str]
    stated_by: str = ""


EVIDENCE = tuple(
    Evidence(frozenset(s for bit, s in enumerate(SIGNERS) if number >> bit & 1), stated)
    for number in range(1 << len(SIGNERS))
    for stated in ("", *SIGNERS)
)


def keyless(test: ir.Exactly | ir.Glob) -> ir.Attestor:
    return ir.Attestor(signer=ir.IdentitySigner(issuer=ISSUER, subject=ir.TextTests(tests=(test,))))


ATTESTORS = (
    keyless(ir.Glob(text="a@*")),
    keyless(ir.Exactly(text="a@x")),
    keyless(ir.Exactly(text="b@x")),
    ir.Attestor(signer=ir.KeySigner(key="key")),
)


@dataclass(slots=True)
class Writer:
    """Writes policies by chance."""

    chance: random.Random

    def pair(self) -> tuple[ir.PolicySet, ir.PolicySet]:
        """Return two sets, the second of which is mostly made of the first."""
        old = [self.policy(f"p{n}") for n in range(self.chance.choice((1, 1, 2, 3)))]
        new = [self.edited(each) for each in old if self.chance.random() < 0.85]
        if self.chance.random() < 0.3:
            new.append(self.policy("new"))
        if self.chance.random() < 0.3:
            self.chance.shuffle(new)
        return ir.PolicySet(policies=tuple(old)), ir.PolicySet(policies=tuple(new))

    def edited(self, policy: ir.Policy) -> ir.Policy:
        """Return the policy, changed in nothing, its names, or one thing that may matter."""
        match self.chance.randrange(7):
            case 0 | 1:
                return policy
            case 2:
                rules = tuple(replace(rule, name=f"{rule.name}-again") for rule in policy.rules)
                return replace(policy, name=f"{policy.name}-again", rules=rules)
            case 3:
                number = self.chance.randrange(len(policy.rules))
                return replace(policy, rules=(*policy.rules[:number], *policy.rules[number + 1 :]))
            case 4:
                return replace(policy, rules=(*policy.rules, self.rule("more")))
            case 5:
                return replace(policy, fail_open=not policy.fail_open)
            case _:
                made = list(policy.rules)
                number = self.chance.randrange(len(made))
                made[number] = self.edited_rule(made[number])
                return replace(policy, rules=tuple(made))

    def edited_rule(self, rule: ir.Rule) -> ir.Rule:
        """Return a rule with one part made anew."""
        other = self.rule(rule.name)
        field = self.chance.choice(("resources", "requirements", "action", "overrides", "images"))
        if field != "images":
            return replace(rule, **{field: getattr(other, field)})
        first, *rest = rule.requirements
        return replace(rule, requirements=(replace(first, images=self.images()), *rest))

    def policy(self, name: str) -> ir.Policy:
        rules = tuple(self.rule(f"r{n}") for n in range(self.chance.choice((1, 1, 2))))
        namespaced = self.chance.random() < 0.15
        return ir.Policy(
            kind="Policy" if namespaced else "ClusterPolicy",
            name=name,
            namespace="prod" if namespaced else None,
            rules=tuple(
                replace(r, resources=replace(r.resources, namespace="prod" if namespaced else None))
                for r in rules
            ),
            fail_open=self.chance.random() < 0.2,
        )

    def rule(self, name: str) -> ir.Rule:
        return ir.Rule(
            name=name,
            resources=ir.ResourceRegion(
                namespace=None,
                match=self.selection(),
                exclude=self.selection() if self.chance.random() < 0.2 else None,
            ),
            requirements=tuple(self.requirement() for _ in range(self.chance.choice((1, 1, 1, 2)))),
            action=self.chance.choice(tuple(ir.Action)),
            overrides=(self.override(),) if self.chance.random() < 0.15 else (),
        )

    def override(self) -> ir.ActionOverride:
        return ir.ActionOverride(
            action=self.chance.choice(tuple(ir.Action)), namespaces=(self.chance.choice(("prod", "dev-*")),)
        )

    def selection(self) -> ir.Selection:
        count = self.chance.choice((1, 1, 2))
        return ir.Selection(
            filters=tuple(self.filter() for _ in range(count)), every=self.chance.random() < 0.3
        )

    def filter(self) -> ir.ResourceFilter:
        pick = self.chance.choice
        return ir.ResourceFilter(
            kinds=tuple(ir.KindSelector(kind=kind) for kind in pick(KIND_CHOICES)),
            namespaces=pick(((), (), (), ("prod",), ("dev-*",), ("prod", "dev-*"))),
            selector=pick((None, None, None, *SELECTORS)),
        )

    def images(self) -> ir.ImageRegion:
        pick = self.chance.choice
        patterns = dict.fromkeys(pick(PATTERNS) for _ in range(pick((1, 1, 2))))
        skip = (pick(PATTERNS),) if self.chance.random() < 0.2 else ()
        return ir.ImageRegion(
            include=tuple(ir.ImagePattern(text=text) for text in patterns),
            skip=tuple(ir.ImagePattern(text=text) for text in skip),
        )

    def requirement(self) -> ir.ImageRequirement:
        pick = self.chance.choice
        signatures = tuple(self.threshold() for _ in range(pick((0, 1, 1, 1, 1, 2))))
        stated = ir.Attestation(type="t", by=(self.threshold(1),))
        return ir.ImageRequirement(
            images=self.images(),
            signatures=signatures,
            attestations=(stated,) if self.chance.random() < 0.15 else (),
            pin_digest=self.chance.random() < 0.15,
            demand_digest=self.chance.random() < 0.2,
            demand_proof=self.chance.random() < 0.3,
        )

    def threshold(self, most: int = 3) -> ir.Threshold:
        of = self.chance.sample(ATTESTORS, self.chance.randint(1, most))
        return ir.Threshold(
            count=self.chance.randint(1, len(of)), of=tuple(ir.Leaf(attestor=each) for each in of)
        )


KIND_CHOICES = (("Pod",), ("Pod",), ("Deployment",), ("Pod", "Deployment"), ("*",), ("Pod", "Service"))
SELECTORS = (
    ir.LabelSelector(match_labels=(("team", "a"),)),
    ir.LabelSelector(requirements=(ir.LabelRequirement(key="team", operator="Exists"),)),
    ir.LabelSelector(requirements=(ir.LabelRequirement(key="team", operator="NotIn", values=("a",)),)),
)


# --- what happens, worked out step by step --------------------------------------------------------------


ALL = (1 << len(EVIDENCE)) - 1
"""A set of evidence is a number: bit n stands for `EVIDENCE[n]`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one image.

    Attributes:
        refused: evidence with which some rule that enforces fails.
        failed: evidence with which some rule fails.
        traits: what is set besides.
    """

    refused: int
    failed: int
    traits: frozenset[str]


def outcome(policies: ir.PolicySet, resource: Point, image: str) -> Outcome:
    """Return what becomes of `image` in `resource`: rule by rule, as the engine goes about it."""
    refused = failed = 0
    traits: set[str] = set()
    for policy in policies.policies:
        rules = [rule for rule in policy.rules if _applies(rule, resource, image)]
        name, noted = _verified(rules, image)
        for number, rule in enumerate(rules):
            traits |= {"background", *(() if policy.fail_open else ("fails closed",))}
            traits |= {"writes digests"} if any(r.pin_digest for r in rule.requirements) else set()
            bad = _failing(rule, name, {n: met for (other, n), met in noted.items() if other == number})
            failed |= bad
            refused |= bad if _action(rule, resource) is ir.Action.ENFORCE else 0
    return Outcome(refused, failed, frozenset(traits))


def _verified(rules: Sequence[ir.Rule], image: str) -> tuple[str, dict[tuple[int, str], int]]:
    """Return the name of an image after all rules of a policy, and the evidence each rule accepts by name."""
    name = image
    noted: dict[tuple[int, str], int] = {}
    for number, rule in enumerate(rules):
        for requirement in rule.requirements:
            met = None
            if requirement.signatures or requirement.attestations:
                skipped = not _includes(requirement, name) or _skips(requirement, name)
                met = ALL if skipped else _meeting(requirement)
            if requirement.pin_digest and "@" not in name:
                name = f"{name.rpartition(':')[0]}@{DIGEST}"
            if met is not None:
                noted[number, name] = met & noted.get((number, name), ALL)
    return name, noted


def _failing(rule: ir.Rule, name: str, noted: Mapping[str, int]) -> int:
    """Return the evidence with which a rule fails, all in all."""
    bad = 0
    for met in noted.values():
        bad |= ALL & ~met
    for requirement in rule.requirements:
        if _includes(requirement, name):
            bad |= ALL if requirement.demand_digest and "@" not in name else 0
            bad |= ALL & ~noted.get(name, 0) if requirement.demand_proof else 0
    return bad


def _applies(rule: ir.Rule, resource: Point, image: str) -> bool:
    return selects(rule.resources, resource.target) and any(_includes(r, image) for r in rule.requirements)


def _includes(requirement: ir.ImageRequirement, name: str) -> bool:
    return any(matches(pattern.text, name) for pattern in requirement.images.include)


def _skips(requirement: ir.ImageRequirement, name: str) -> bool:
    return any(matches(pattern.text, name) for pattern in requirement.images.skip)


def _action(rule: ir.Rule, resource: Point) -> ir.Action:
    for override in rule.overrides:
        if any(matches(pattern, resource.namespace) for pattern in override.namespaces):
            return override.action
    return rule.action


@lru_cache(maxsize=10_000)
def _meeting(requirement: ir.ImageRequirement) -> int:
    """Return the evidence that meets a requirement."""
    found = ALL
    for threshold in requirement.signatures:
        found &= _bits(_holds(threshold, each.signers) for each in EVIDENCE)
    for attestation in requirement.attestations:
        for threshold in attestation.by:
            found &= _bits(
                bool(each.stated_by) and _holds(threshold, frozenset((each.stated_by,))) for each in EVIDENCE
            )
    return found


def _bits(answers: Iterable[bool]) -> int:
    return sum(1 << number for number, answer in enumerate(answers) if answer)


@lru_cache(maxsize=10_000)
def _holds(formula: ir.Formula, signers: frozenset[str]) -> bool:
    if isinstance(formula, ir.Leaf):
        return any(_accepts(formula.attestor, signer) for signer in signers)
    return sum(_holds(part, signers) for part in formula.of) >= formula.count


def _accepts(attestor: ir.Attestor, signer: str) -> bool:
    if isinstance(attestor.signer, ir.IdentitySigner):
        return signer != "key" and accepts(attestor.signer.subject, signer)
    return signer == "key"


def telling_points(old: ir.PolicySet, new: ir.PolicySet) -> Iterator[Point]:
    """Yield the points of the world at which two sets differ."""
    known: dict[object, bool] = {}
    rules = [rule for each in (old, new) for policy in each.policies for rule in policy.rules]
    for resource in RESOURCES:
        sort = tuple((selects(r.resources, resource.target), _action(r, resource)) for r in rules)
        for image in IMAGES:
            if (sort, image) not in known:
                known[sort, image] = outcome(old, resource, image) != outcome(new, resource, image)
            if known[sort, image]:
                yield replace(resource, image=image)
