"""What a change of policies changes: as disjoint regions with an example each, or nothing, proved.

At every point the old rules demand something and the new rules demand something. Rules that both sets have
are not looked at by themselves; the others cut the points they speak about into cells, and in each cell the
demands of both sides are compared by implication. Two levels are told apart: what is refused at admission
(rules that enforce) and what fails at all (also rules that only report).

References: Fisler, Krishnamurthi, Meyerovich, Tschantz, "Verification and change-impact analysis of
access-control policies" (ICSE 2005).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pratique.compiler import ir
from pratique.compiler.analysis.obligations import Gap, Implication, implies
from pratique.compiler.analysis.points import Point, Zone, cells, find
from pratique.compiler.analysis.signers import Signer
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import are_disjoint, includes
from pratique.compiler.languages.search import Proof, Unknown
from pratique.compiler.languages.sets import AnyOf


class Effect(StrEnum):
    """What becomes of some image at a point, in the order of weight."""

    ADMITS = "newly admitted"
    """An image that was refused is admitted."""
    REFUSES = "newly refused"
    """An image that was admitted is refused."""
    PASSES = "no longer reported"
    """An image that failed a rule that only reports passes."""
    REPORTS = "newly reported"
    """An image that passed fails a rule that only reports."""
    SETTINGS = "other settings"
    """The same signatures are demanded, but digests, proofs or faults are treated otherwise."""


EFFECTS = tuple(Effect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a rule demands of the points of its zone.

    Attributes:
        policy: key of the policy.
        rule: name of the rule as it was written; generated rules have that of their origin.
        fail_open: an outage lets the image pass.
    """

    policy: str
    rule: str
    requirement: ir.ImageRequirement
    action: ir.Action
    fail_open: bool
    zone: Zone

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return what two demands must share to be the same, whatever their rules are called."""
        return self.zone, self.requirement, self.action, self.fail_open

    @property
    def settings(self) -> tuple[bool, ...]:
        """Return what is demanded besides signatures and statements."""
        wanted = self.requirement
        return wanted.pin_digest, wanted.demand_digest, wanted.demand_proof, self.fail_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One effect at a point, with who brings it about.

    Attributes:
        signers: those by whom an image at the point is signed for which the two sides differ; none is an
            unsigned image.
        demand: the demand of the stricter side that they do not meet.
    """

    effect: Effect
    signers: tuple[Signer, ...] = ()
    demand: ir.Threshold | ir.Attestation | ir.Denial | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Images of a change, as people would say it.

    Attributes:
        patterns: the images lie in some pattern of each group.
        without: and in none of these.
        point: an example; its assumptions hold for the change as a whole.
    """

    patterns: tuple[tuple[str, ...], ...]
    without: tuple[str, ...]
    point: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Regions for which the same rules give way to the same rules, with the same effects.

    Attributes:
        before: demands of the old set there, each rule and demand once.
        after: demands of the new set.
        shifts: what differs, at most one of each effect.
        regions: disjoint; the kinds of resources of each are in `kinds`.
    """

    before: tuple[Demand, ...]
    after: tuple[Demand, ...]
    shifts: tuple[Shift, ...]
    regions: tuple[Region, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All that differs between two sets of policies.

    Attributes:
        undecided: why parts of the answer are not known, with the rules they are about.
        cells: parts that were compared.
    """

    changes: tuple[Change, ...]
    undecided: tuple[str, ...] = ()
    cells: int = 0

    @property
    def is_equivalent(self) -> bool:
        """Say whether it is proved that nothing differs."""
        return not self.changes and not self.undecided


def compare(old: ir.PolicySet, new: ir.PolicySet) -> Comparison:
    """Return how the verdicts of two sets of policies differ."""
    before, after = tuple(_demands(old)), tuple(_demands(new))
    gone, come = _without(before, after), _without(after, before)
    changed = tuple(dict.fromkeys(demand.zone for demand in (*gone, *come)))
    if not changed:
        return Comparison(changes=(), undecided=tuple(_order_matters(old, new)))
    zones = tuple(dict.fromkeys(d.zone for d in (*before, *after) if _meets_some(d.zone, changed)))
    drafts: dict[tuple[object, ...], list[tuple[Change, Region]]] = {}
    undecided = dict.fromkeys(_order_matters(old, new))
    count = 0
    for numbers, answer in cells(zones, changed):
        count += 1
        here = [zones[number] for number in sorted(numbers)]
        change, doubt = _judge([d for d in before if d.zone in here], [d for d in after if d.zone in here])
        if change is None and not doubt:
            continue
        if doubt or not isinstance(answer, Point):
            why = doubt or (answer.why if isinstance(answer, Unknown) else "")
            undecided[f"{_named(here, (*before, *after))}: {why}"] = None
        if change is not None and isinstance(answer, Point):
            region = _region(here, zones, answer)
            drafts.setdefault(_key(change), []).append((change, region))
    changes = [_joined(parts) for parts in drafts.values()]
    changes.sort(key=lambda change: (EFFECTS.index(change.shifts[0].effect), str(change.regions[0].point)))
    return Comparison(changes=tuple(changes), undecided=tuple(undecided), cells=count)


def _demands(policies: ir.PolicySet) -> Iterator[Demand]:
    for policy in policies.policies:
        for rule in policy.rules:
            for requirement in rule.requirements:
                whole = Zone.of(rule, requirement)
                base = Demand(
                    policy=policy.key,
                    rule=rule.generated_from or rule.name,
                    requirement=_unplaced(requirement),
                    action=rule.action,
                    fail_open=policy.fail_open,
                    zone=whole,
                )
                earlier: list[ir.ActionOverride] = []
                for override in rule.overrides:
                    yield replace(base, action=override.action, zone=_within(whole, override, earlier))
                    earlier.append(override)
                yield replace(base, zone=_within(whole, None, earlier)) if earlier else base


def _unplaced(requirement: ir.ImageRequirement) -> ir.ImageRequirement:
    """Return the requirement of any images: those are part of the zone."""
    return replace(requirement, images=ir.ImageRegion(include=()), use_cache=True)


def _within(zone: Zone, override: ir.ActionOverride | None, earlier: Sequence[ir.ActionOverride]) -> Zone:
    """Return the part of a zone in the namespaces of `override` that no earlier one names.

    Both are written as further filters of match and exclude, so that the matcher itself judges them.
    """
    resources = zone.resources
    if override is not None:
        wanted = _namespaces(override)
        narrowed = tuple(_narrowed(each, wanted) for each in resources.match.filters)
        if resources.match.every:
            narrowed = (*resources.match.filters, wanted)
        resources = replace(resources, match=replace(resources.match, filters=narrowed))
    if earlier:
        exclude = resources.exclude or ir.Selection(filters=())
        shut = tuple(_namespaces(each) for each in earlier)
        if exclude.every and len(exclude.filters) > 1:
            # "All of these" and "any of those" do not fit into one list: keep out of all namespaces by hand.
            shut = (*shut, _conjunction(exclude.filters))
            exclude = ir.Selection(filters=())
        filters = shut if len(shut) > len(earlier) else (*exclude.filters, *shut)
        resources = replace(resources, exclude=ir.Selection(filters=filters))
    return replace(zone, resources=resources)


def _namespaces(override: ir.ActionOverride) -> ir.ResourceFilter:
    names = override.namespaces or (() if override.namespace_selector else ("*",))
    return ir.ResourceFilter(namespaces=names, namespace_selector=override.namespace_selector)


def _narrowed(wanted: ir.ResourceFilter, more: ir.ResourceFilter) -> ir.ResourceFilter:
    """Return a filter that demands both, where that can be said in one; exact names are intersected."""
    if wanted.is_empty:
        return wanted
    selector = _both_selectors(wanted.namespace_selector, more.namespace_selector)
    if not wanted.namespaces or not more.namespaces:
        return replace(wanted, namespaces=wanted.namespaces or more.namespaces, namespace_selector=selector)
    outer = AnyOf(tuple(Glob.parse(text) for text in more.namespaces))
    inner = tuple(text for text in wanted.namespaces if _all_within(text, outer))
    inner += tuple(
        text
        for text in more.namespaces
        if text not in inner and _all_within(text, AnyOf(tuple(map(Glob.parse, wanted.namespaces))))
    )
    return replace(wanted, namespaces=inner or ("-",), namespace_selector=selector)


def _all_within(pattern: str, outer: AnyOf) -> bool:
    from pratique.compiler.analysis.attributes import namespaces

    return isinstance(includes(outer, Glob.parse(pattern), namespaces()), Proof)


def _both_selectors(one: ir.LabelSelector | None, other: ir.LabelSelector | None) -> ir.LabelSelector | None:
    if one is None or other is None:
        return one or other
    return ir.LabelSelector(
        match_labels=(*one.match_labels, *other.match_labels),
        requirements=(*one.requirements, *other.requirements),
    )


def _conjunction(filters: Iterable[ir.ResourceFilter]) -> ir.ResourceFilter:
    first, *rest = filters
    for each in rest:
        first = _narrowed(first, each)
    return first


def _without(these: Sequence[Demand], those: Sequence[Demand]) -> list[Demand]:
    """Return the demands of `these` that `those` do not have."""
    there = Counter(demand.meaning for demand in those)
    found = []
    for demand in these:
        if there[demand.meaning]:
            there[demand.meaning] -= 1
        else:
            found.append(demand)
    return found


def _meets_some(zone: Zone, others: Sequence[Zone]) -> bool:
    return zone in others or any(not isinstance(find([zone, other]), Proof) for other in others)


def _order_matters(old: ir.PolicySet, new: ir.PolicySet) -> Iterator[str]:
    """Yield a doubt for each policy whose rules stop at the first that applies, unless it stays as it is."""
    same = set(old.policies) & set(new.policies)
    for policy in (*old.policies, *new.policies):
        if policy.stop_at_first and len(policy.rules) > 1 and policy not in same:
            yield f"{policy.key}: `applyRules: One` makes its rules depend on their order"


def _judge(before: Sequence[Demand], after: Sequence[Demand]) -> tuple[Change | None, str]:
    """Return what differs between the demands of both sides, and why that is not known in full."""
    shifts: list[Shift] = []
    doubts: list[str] = []

    def compared(premise: Sequence[Demand], conclusion: Sequence[Demand], effect: Effect) -> bool:
        answer: Implication = implies([d.requirement for d in premise], [d.requirement for d in conclusion])
        if isinstance(answer, Gap):
            shifts.append(Shift(effect=effect, signers=answer.signers, demand=answer.demand))
        elif isinstance(answer, Unknown):
            doubts.append(answer.why)
        return isinstance(answer, Gap)

    refusing = [[d for d in side if d.action is ir.Action.ENFORCE] for side in (before, after)]
    admits = compared(refusing[1], refusing[0], Effect.ADMITS)
    refuses = compared(refusing[0], refusing[1], Effect.REFUSES)
    if not admits:
        compared(after, before, Effect.PASSES)
    if not refuses:
        compared(before, after, Effect.REPORTS)
    if not shifts and _settings(before) != _settings(after):
        shifts.append(Shift(effect=Effect.SETTINGS))
    if not shifts:
        return None, "; ".join(dict.fromkeys(doubts))
    change = Change(
        before=_distinct(before),
        after=_distinct(after),
        shifts=tuple(sorted(shifts, key=lambda shift: EFFECTS.index(shift.effect))),
        regions=(),
        kinds=(),
    )
    return change, ""


def _settings(demands: Sequence[Demand]) -> tuple[bool, ...]:
    return tuple(any(column) for column in zip(*(d.settings for d in demands), strict=True))


def _distinct(demands: Sequence[Demand]) -> tuple[Demand, ...]:
    """Return the demands as they were written: those of generated rules repeat them."""
    return tuple({(d.policy, d.rule, d.requirement): d for d in demands}.values())


def _key(change: Change) -> tuple[object, ...]:
    def side(demands: tuple[Demand, ...]) -> frozenset[object]:
        return frozenset((d.policy, d.rule, d.requirement, d.action) for d in demands)

    return side(change.before), side(change.after), tuple(shift.effect for shift in change.shifts)


def _joined(parts: Sequence[tuple[Change, Region]]) -> Change:
    first, _ = parts[0]
    regions: dict[tuple[object, ...], Region] = {}
    for _, region in parts:
        regions.setdefault((region.patterns, region.without), region)
    kinds = dict.fromkeys("/".join(p for p in region.point.kind[2:] if p) for _, region in parts)
    return replace(first, regions=tuple(regions.values()), kinds=tuple(kinds))


def _named(here: Sequence[Zone], demands: Sequence[Demand]) -> str:
    names = dict.fromkeys(f"{d.policy} {d.rule}" for d in demands if d.zone in here)
    return ", ".join(names) or "rules"


def _region(here: Sequence[Zone], zones: Sequence[Zone], point: Point) -> Region:
    """Describe the images of a cell by the patterns of the narrowest zones, without those it leaves out."""
    inside = {_patterns(zone): _union(_patterns(zone)) for zone in here}
    narrow = {
        patterns: texts
        for patterns, texts in inside.items()
        if not any(
            other != patterns
            and _within_images(inside[other], texts)
            and not _within_images(texts, inside[other])
            for other in inside
        )
    }
    without: dict[str, None] = {}
    for zone in zones:
        if zone in here or zone.images is None or _patterns(zone) in inside:
            continue
        for pattern in _patterns(zone):
            glob = Glob.parse(pattern)
            if not any(isinstance(are_disjoint(glob, texts, images()), Proof) for texts in narrow.values()):
                without[pattern] = None
    skipped = (p.text for zone in here if zone.images for p in zone.images.skip)
    return Region(patterns=tuple(narrow), without=tuple(dict.fromkeys((*without, *skipped))), point=point)


def _patterns(zone: Zone) -> tuple[str, ...]:
    return tuple(p.text for p in zone.images.include) if zone.images else ("*",)


def _union(patterns: Sequence[str]) -> AnyOf:
    return AnyOf(tuple(Glob.parse(pattern) for pattern in patterns))


def _within_images(inner: AnyOf, outer: AnyOf) -> bool:
    return isinstance(includes(outer, inner, images()), Proof)
