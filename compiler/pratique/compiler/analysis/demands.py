"""What a set of policies demands, demand by demand, each with the points that it speaks about.

A rule makes up to three demands for each of its entries: evidence (signatures, statements) of the images
that it includes and does not skip; a digest of those that it includes; and proof, which is missed only where
the rule asks for no evidence at all. The last two cannot be met by signing anything. All else that a rule
sets is kept as settings.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.analysis.partition import are_apart
from pratique.compiler.analysis.points import Zone
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import digested
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Proof

NEVER: Final = ir.Threshold(count=1, of=())
"""What no evidence meets."""

BEARERS: Final = (
    "Pod",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "ReplicationController",
)
"""Kinds whose images are found without extractors of the rule."""

DIGESTS: Final = ir.ImagePattern(text="*@*")
"""Images that are named by a digest."""


class Asks(StrEnum):
    """What a demand asks for."""

    EVIDENCE = "signatures or statements"
    DIGEST = "a digest"
    PROOF = "proof that no rule can give"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Something that a rule sets and that no signature changes."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a rule demands of the points of its zone.

    Attributes:
        policy: key of the policy.
        rule: name of the rule as it was written; generated rules have that of their origin.
        requirement: the evidence; its images are part of the zone.
        reads: named values that its variables may read, as text; empty where it has no variables.
        doubt: why the demand may not be made at all points of its zone; empty where it is.
        unit: the rules that it depends on where there is a doubt.
    """

    policy: str
    rule: str
    asks: Asks
    requirement: ir.ImageRequirement
    action: ir.Action
    zone: Zone
    settings: frozenset[Setting] = frozenset()
    reads: str = ""
    doubt: str = ""
    unit: tuple[ir.Rule, ...] = ()
    at: ir.At = field(default=ir.NOWHERE, compare=False)

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return what two demands must share to be the same, whatever their rules are called."""
        return self.zone, self.requirement, self.action, self.settings, self.reads, self.unit

    @property
    def is_strict(self) -> bool:
        """Say whether it can fail an image."""
        return self.asks is not Asks.NOTHING


def demands(policies: ir.PolicySet, extracted: Sequence[str] = ()) -> tuple[Demand, ...]:
    """Return the demands of all rules, generated ones included; those of equal meaning once.

    `extracted` are kinds that hold images as extractors say; rules without extractors see none there.
    """
    found: dict[tuple[object, ...], Demand] = {}
    for policy in policies.policies:
        for demand in _of_policy(policy, extracted):
            found.setdefault(demand.meaning, demand)
    return tuple(found.values())


def bearing(kinds: Sequence[str]) -> Zone:
    """Return all requests for resources that hold images; `kinds` hold some as their extractors say."""
    there = ir.ResourceFilter(
        kinds=tuple(_kind(name) for name in dict.fromkeys((*BEARERS, *kinds))),
        operations=("CREATE", "UPDATE", "CONNECT"),
    )
    return Zone(ir.ResourceRegion(namespace=None, match=ir.Selection(filters=(there,))))


def extracted_kinds(policies: ir.PolicySet) -> tuple[str, ...]:
    """Return the kinds for which some rule has extractors."""
    rules = (rule for policy in policies.policies for rule in policy.rules)
    return tuple(dict.fromkeys(kind for rule in rules for kind, _ in rule.extractors))


def _kind(name: str) -> ir.KindSelector:
    return ir.KindSelector(kind=name, subresource="*")


def _of_policy(policy: ir.Policy, extracted: Sequence[str]) -> Iterator[Demand]:
    declared = [rule for rule in policy.rules if not rule.generated_from]
    doubt = ""
    if policy.stop_at_first and len(declared or policy.rules) > 1:
        doubt = "`applyRules: One` makes what a rule demands depend on the rules before it"
    pins: list[Zone] = []
    for rule in policy.rules:
        yield from _Rule(policy, rule, tuple(pins), doubt).demands(extracted)
        if any(requirement.pin_digest for requirement in rule.requirements):
            pins.append(_pins(rule))


def _pins(rule: ir.Rule) -> Zone:
    """Return the points at which a rule writes a digest: images with a tag that some entry includes."""
    images = ir.ImageRegion(include=_included(rule), skip=(DIGESTS,))
    return replace(whole(rule), images=images)


def whole(rule: ir.Rule) -> Zone:
    """Return the zone of a rule; values that its preconditions read are part of its condition."""
    zone = Zone.of(rule)
    if zone.condition and rule.context:
        zone = replace(zone, condition=f"{zone.condition} with {rule.context!r}")
    return zone


def _spoken_of(rule: ir.Rule) -> Iterator[ir.ImageRegion]:
    """Yield the images that a rule speaks about: those that it includes, without gaps."""
    whole = tuple(p for r in rule.requirements if not r.images.gaps for p in r.images.include)
    if whole:
        yield ir.ImageRegion(include=tuple(dict.fromkeys(whole)))
    for requirement in rule.requirements:
        if requirement.images.gaps:
            yield replace(requirement.images, gaps=False)


def _included(rule: ir.Rule) -> tuple[ir.ImagePattern, ...]:
    return tuple(dict.fromkeys(pattern for r in rule.requirements for pattern in r.images.include))


@dataclass(frozen=True, slots=True)
class _Rule:
    policy: ir.Policy
    rule: ir.Rule
    pins: tuple[Zone, ...]
    doubt: str

    def demands(self, extracted: Sequence[str]) -> Iterator[Demand]:
        """Yield the demands at every place of the rule."""
        rule = self.rule
        for place in _places(rule, extracted):
            for zone, action in actions(rule, place):
                yield from self._at(zone, action)

    def _at(self, place: Zone, action: ir.Action) -> Iterator[Demand]:
        rule = self.rule
        base = Demand(
            policy=self.policy.key,
            rule=rule.generated_from or rule.name,
            asks=Asks.NOTHING,
            requirement=_NOTHING,
            action=action,
            zone=place,
            doubt=self.doubt,
            unit=self.policy.rules if self.doubt else (),
            at=rule.at,
        )
        set_here = replace(base, settings=frozenset(settings(self.policy, rule)), action=ir.Action.AUDIT)
        for region in _spoken_of(rule):
            yield replace(set_here, zone=replace(place, images=region))
        pinned = any(requirement.pin_digest for requirement in rule.requirements)
        proves = any(_has_evidence(requirement) for requirement in rule.requirements)
        for number, requirement in enumerate(rule.requirements):
            if _has_evidence(requirement):
                yield from self._evidence(replace(base, zone=place), number, requirement)
            everywhere = replace(base, zone=place, requirement=_IMPOSSIBLE)
            if requirement.demand_digest and not pinned:
                tagged = ir.ImageRegion(include=requirement.images.include, skip=(DIGESTS,))
                zone = replace(place, images=tagged)
                near = tuple(each for each in self._writing if not are_apart(zone, each))
                zone = replace(zone, beyond=(*zone.beyond, *near))
                yield replace(everywhere, zone=zone, asks=Asks.DIGEST)
            if requirement.demand_proof and (not proves or self._is_renamed):
                asked = replace(everywhere, asks=Asks.PROOF)
                images = ir.ImageRegion(include=requirement.images.include)
                if proves:
                    why = "`mutateDigest` changes the name under which proof was noted"
                    yield from self._where_renamed(asked, _near(self._writing, place, images), why)
                else:
                    yield from self._renamed(asked, images, self._writing)

    @property
    def _writing(self) -> tuple[Zone, ...]:
        """Where some rule of the policy writes digests."""
        return tuple(_pins(r) for r in self.policy.rules if any(q.pin_digest for q in r.requirements))

    @property
    def _is_renamed(self) -> bool:
        """Say whether a digest is written into images only after the rule has asked for all its evidence."""
        asking = [n for n, r in enumerate(self.rule.requirements) if _has_evidence(r)]
        writing = [n for n, r in enumerate(self.rule.requirements) if r.pin_digest]
        if writing:
            return bool(asking) and writing[0] > asking[-1]
        rules = self.policy.rules
        return any(r.pin_digest for rule in rules[rules.index(self.rule) + 1 :] for r in rule.requirements)

    def _evidence(self, base: Demand, number: int, requirement: ir.ImageRequirement) -> Iterator[Demand]:
        """Yield what an entry demands; images that earlier entries rename may not be asked about.

        An entry that writes digests changes the name that later ones of its policy see.
        """
        rule = self.rule
        conditions = requirement.denial or any(a.conditions for a in requirement.attestations)
        demand = replace(
            base,
            asks=Asks.EVIDENCE,
            requirement=_evidence_of(requirement),
            settings=frozenset(_asked(requirement)),
            reads=repr(rule.context) if rule.context and (rule.template or conditions) else "",
        )
        pins = self.pins
        if any(r.pin_digest for r in rule.requirements[:number]):
            pins = (*pins, _pins(rule))
        yield from self._renamed(demand, replace(requirement.images, gaps=False), pins)

    def _renamed(self, demand: Demand, images: ir.ImageRegion, pins: Sequence[Zone]) -> Iterator[Demand]:
        """Yield a demand on `images`, where the names of those in `pins` end in a digest by then."""
        zone = replace(demand.zone, images=images)
        if any("{{" in pattern.text for pattern in (*images.include, *images.skip)):
            yield self._doubted(demand, zone, "its image patterns hold variables")
            return
        pins = _near(pins, zone, images)
        stable = _settled(images.include)
        unsettled = tuple(p for p in images.include if p not in stable)
        if not pins or (not unsettled and all(map(names_repositories, images.skip))):
            yield replace(demand, zone=zone)
            return
        if not all(map(names_repositories, images.skip)) or not all(map(_is_never_digest, unsettled)):
            yield replace(demand, zone=replace(zone, beyond=(*zone.beyond, *pins)))
            why = "`mutateDigest` changes the names of images that its patterns see"
            yield from self._where_renamed(demand, pins, why)
            return
        settled = tuple(p for p in images.include if p not in unsettled)
        if settled:
            yield replace(demand, zone=replace(zone, images=replace(images, include=settled)))
        zone = replace(zone, images=replace(images, include=unsettled), beyond=(*zone.beyond, *pins))
        yield replace(demand, zone=zone)

    def _where_renamed(self, demand: Demand, pins: Iterable[Zone], why: str) -> Iterator[Demand]:
        """Yield a demand that may be made of all that is renamed, whatever its name was before."""
        for each in pins:
            yield self._doubted(demand, replace(demand.zone, images=each.images), why)

    def _doubted(self, demand: Demand, zone: Zone, why: str) -> Demand:
        return replace(demand, zone=zone, doubt=demand.doubt or why, unit=self.policy.rules)


def _near(pins: Iterable[Zone], zone: Zone, images: ir.ImageRegion) -> tuple[Zone, ...]:
    """Return the zones of images whose new names, too, may be among `images`: their repositories are."""
    include = tuple(p if names_repositories(p) else ir.ImagePattern(text="*") for p in images.include)
    skip = tuple(filter(names_repositories, images.skip))
    zone = replace(zone, images=ir.ImageRegion(include=include, skip=skip))
    return tuple(each for each in pins if not are_apart(each, zone))


_NOTHING: Final = ir.ImageRequirement(
    images=ir.ImageRegion(include=()), pin_digest=False, demand_digest=False, demand_proof=False
)
_IMPOSSIBLE: Final = replace(_NOTHING, signatures=(NEVER,))


def _has_evidence(requirement: ir.ImageRequirement) -> bool:
    return bool(requirement.signatures or requirement.attestations)


def _evidence_of(requirement: ir.ImageRequirement) -> ir.ImageRequirement:
    return replace(
        _NOTHING,
        signatures=requirement.signatures,
        attestations=requirement.attestations,
        denial=requirement.denial,
    )


def _settled(patterns: Sequence[ir.ImagePattern]) -> tuple[ir.ImagePattern, ...]:
    """Return the patterns that match an image by digest where they, or others of them, do by tag.

    `r.io/app:*` and `r.io/app@*` name a repository together.
    """
    texts = {pattern.text for pattern in patterns}
    return tuple(p for p in patterns if names_repositories(p) or _is_half(p.text, texts))


def _is_half(text: str, texts: Collection[str]) -> bool:
    name, mark = text[:-2], text[-2:]
    other = {":*": "@*", "@*": ":*"}.get(mark)
    return (
        other is not None
        and f"{name}{other}" in texts
        and not any(c in name.rpartition("/")[2] for c in "*?:@")
    )


def names_repositories(pattern: ir.ImagePattern) -> bool:
    """Say whether it depends on the repository alone whether an image is matched, not on tag or digest."""
    last = pattern.text.rpartition("/")[2]
    return last.endswith("*") and not any(c in last[:-1] for c in "*?:@")


def _is_never_digest(pattern: ir.ImagePattern) -> bool:
    return isinstance(is_empty(Glob.of(pattern), digested()), Proof)


def settings(policy: ir.Policy, rule: ir.Rule) -> Iterator[Setting]:
    """Yield what a rule sets for all images that it includes; what is not set is not there."""
    if not policy.fail_open:
        yield Setting(name="failurePolicy", value="Fail")
    if policy.background:
        yield Setting(name="background", value="true")
    if dict(policy.annotations).get("policies.kyverno.io/scored") == "false":
        yield Setting(name="policies.kyverno.io/scored", value="false")
    if any(requirement.pin_digest for requirement in rule.requirements):
        yield Setting(name="mutateDigest", value="true")


def in_order(these: Iterable[Setting]) -> tuple[Setting, ...]:
    """Return settings in an order that no hash decides."""
    return tuple(sorted(these, key=lambda setting: (setting.name, setting.value)))


def _asked(requirement: ir.ImageRequirement) -> Iterator[Setting]:
    """Yield how the registries of an entry are asked."""
    if not requirement.use_cache:
        yield Setting(name="useCache", value="false")
    if requirement.credentials is not None:
        given = requirement.credentials
        parts = [*given.secrets, *given.providers, *(["insecure"] if given.insecure else [])]
        yield Setting(name="imageRegistryCredentials", value=", ".join(parts))


def _places(rule: ir.Rule, extracted: Sequence[str]) -> Iterator[Zone]:
    """Yield the zones in which a rule finds images: by itself, and as each of its extractors says."""
    zone = whole(rule)
    if not extracted:
        yield zone
        return
    own = tuple(kind for kind, _ in rule.extractors)
    found = tuple(kind for kind in BEARERS if kind not in own)
    yield replace(zone, within=(*zone.within, _kinds(found)))
    for kind, extractors in rule.extractors:
        condition = f"the image is found in {_paths(extractors)}"
        if zone.condition:
            condition = f"{zone.condition} and {condition}"
        yield replace(zone, within=(*zone.within, _kinds((kind,))), condition=condition)


def _kinds(names: Sequence[str]) -> ir.Selection:
    return ir.Selection(filters=(ir.ResourceFilter(kinds=tuple(map(_kind, names))),))


def _paths(extractors: Sequence[Any]) -> str:
    return json.dumps([each.model_dump(exclude_defaults=True) for each in extractors], sort_keys=True)


def actions(rule: ir.Rule, zone: Zone) -> Iterator[tuple[Zone, ir.Action]]:
    """Yield the parts of a zone with the action of each: the first override of a namespace decides.

    References: Kyverno 1.19 `pkg/engine/api/engineresponse.go`, `GetValidationFailureAction`.
    """
    earlier: tuple[Zone, ...] = ()
    for override in rule.overrides:
        if not override.namespaces and override.namespace_selector is None:
            continue
        named = ir.ResourceFilter(
            namespaces=override.namespaces, namespace_selector=override.namespace_selector
        )
        there = ir.Selection(filters=(named,))
        yield replace(zone, within=(*zone.within, there), beyond=(*zone.beyond, *earlier)), override.action
        earlier = (*earlier, Zone(ir.ResourceRegion(namespace=None, match=there)))
    yield replace(zone, beyond=(*zone.beyond, *earlier)), rule.action
