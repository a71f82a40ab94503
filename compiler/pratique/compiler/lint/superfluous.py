"""Rules and entries that can go without a change of any verdict, by what other rules demand.

What others demand at examples of a unit's images tells most units that matter; the few that are left are
compared with and without the unit, by the procedure of `diff`. Where it shows a point at which the unit
matters, a further rule that demands as much there is taken in, as long as there is one: several rules
together may cover one that none of them covers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pratique.compiler import ir
from pratique.compiler.analysis.partition import look
from pratique.compiler.analysis.points import Point, PointAnswer, Zone
from pratique.compiler.kyverno.autogen_obstacles import obstacle
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import covers
from pratique.compiler.languages.search import Answer, Proof, Unknown, Witness
from pratique.compiler.languages.sets import contains
from pratique.compiler.lint.facts import CLASSIC_KINDS, Facts, Site, is_in_cel
from pratique.compiler.lint.questions import SPENT
from pratique.compiler.pattern_index import PatternIndex

if TYPE_CHECKING:
    from pratique.compiler.analysis.differences import Comparison

MAX_COMPARISONS: Final = 100
"""Comparisons of a run with and without some unit."""

MAX_STATES: Final = 1_000
"""States of the question which images are covered, up to which a comparison is made."""

MAX_OTHERS: Final = 8
"""Other entries that may together demand what a unit does."""

_NO_IMAGES: Final = ir.ImageRegion(include=())


@dataclass(frozen=True, slots=True)
class Unit:
    """A rule, or with `entry` one entry of it."""

    policy: ir.Policy
    rule: ir.Rule
    entry: int | None = None

    @property
    def requirements(self) -> tuple[ir.ImageRequirement, ...]:
        """Return what it demands of images."""
        wanted = self.rule.requirements
        return wanted if self.entry is None else (wanted[self.entry],)

    def holds(self, site: Site) -> bool:
        """Say whether an entry is this one, or one of this rule."""
        mine = self.entry is None or self.rule.requirements[self.entry] is site.requirement
        return site.policy is self.policy and site.rule is self.rule and mine

    def removed_from(self, policy: ir.Policy) -> ir.Policy:
        """Return the policy without it, and without what was generated from it."""
        return replace(policy, rules=tuple(kept for each in policy.rules for kept in self._left_of(each)))

    def _left_of(self, each: ir.Rule) -> Iterator[ir.Rule]:
        if self.rule.name not in (each.name, each.generated_from):
            yield each
        elif self.entry is not None:
            kept = tuple(q for n, q in enumerate(each.requirements) if n != self.entry)
            yield replace(each, requirements=kept)


@dataclass(frozen=True, slots=True)
class Superfluous:
    """A unit that can go, with entries that demand as much.

    Attributes:
        suffice: they do so by themselves, without other rules of their policies.
    """

    unit: Unit
    others: tuple[Site, ...]
    suffice: bool


def superfluous(facts: Facts) -> Iterator[Superfluous]:
    """Yield units that can go one after the other, the last ones first: each without those before it."""
    yield from _Search(facts).units()


class _Search:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._left = MAX_COMPARISONS
        self._policies = {id(policy): policy for policy in facts.policies.policies}
        """The policies without what is superfluous, by identity of what was read."""
        self._sites = facts.sites
        self._gone = [bool(facts.exempt(site.policy, site.rule)) for site in self._sites]
        """Entries that support no others: superfluous ones, and those that have exceptions."""
        self._of_rule: defaultdict[int, list[int]] = defaultdict(list)
        for number, site in enumerate(self._sites):
            self._of_rule[id(site.rule)].append(number)
        self._zones = [_zones(site) for site in self._sites]
        self._places: dict[ir.ResourceRegion, int] = {}
        self._place_of = [
            self._places.setdefault(site.rule.resources, len(self._places)) for site in self._sites
        ]
        self._known: dict[int, int] = {}
        self._kinds: dict[ir.ImageRequirement, int] = {}
        self._by_kind: list[ir.ImageRequirement] = []
        self._kind_of = [self._kind(site.requirement) for site in self._sites]
        self._implied: dict[tuple[int, int], bool] = {}
        texts = ((p.text, number) for number, site in enumerate(self._sites) for p in site.include)
        self._index = PatternIndex(texts)

    def _kind(self, requirement: ir.ImageRequirement) -> int:
        """Return a number that requirements of the same demands share, whatever images they are about."""
        known = self._known.get(id(requirement))
        if known is None:
            kind = replace(requirement, images=_NO_IMAGES)
            known = self._known[id(requirement)] = self._kinds.setdefault(kind, len(self._kinds))
            if known == len(self._by_kind):
                self._by_kind.append(requirement)
        return known

    def units(self) -> Iterator[Superfluous]:
        for policy in reversed(self._facts.policies.policies):
            declared = [each for each in policy.rules if not each.generated_from]
            if policy.stop_at_first and len(declared) > 1:
                continue
            for rule in reversed(declared):
                if rule.extractors or not rule.requirements or (len(declared) > 1 and obstacle(rule)):
                    continue  # without an obstacle, rules for controllers would come into being
                yield from self._of(Unit(policy, rule))

    def _of(self, whole: Unit) -> Iterator[Superfluous]:
        found = self._judge(whole)
        if found:
            yield found
        elif len(whole.rule.requirements) > 1 and whole.policy.kind in CLASSIC_KINDS:
            for entry in reversed(range(len(whole.rule.requirements))):
                if found := self._judge(replace(whole, entry=entry)):
                    yield found

    def _judge(self, unit: Unit) -> Superfluous | None:
        """Return what makes a unit superfluous, which counts for nothing from then on; None if it counts."""
        if not any(each.signatures or each.attestations for each in unit.requirements):
            return None  # it demands a digest at most, or nothing
        others = self._others(unit)
        if not others:
            return None
        sites = tuple(self._sites[number] for number in others)
        found = Superfluous(unit, sites, suffice=self._suffice(unit, others))
        for number in self._of_rule[id(unit.rule)]:
            self._gone[number] |= unit.holds(self._sites[number])
        self._policies[id(unit.policy)] = unit.removed_from(self._policies[id(unit.policy)])
        return found

    # --- other rules -----------------------------------------------------------------------------------

    def _others(self, unit: Unit) -> tuple[int, ...]:
        """Return entries that together demand all that a unit does, or nothing where none are known to."""
        found: dict[int, None] = {}
        for requirement in unit.requirements:
            for pattern in requirement.images.include:
                image = self._facts.example(pattern.text)
                if image and contains(self._facts.region(requirement.images), image):
                    number = self._demanding(unit, requirement, image, None, ())
                    if number is None:
                        return ()
                    found[number] = None
        while found and len(found) <= MAX_OTHERS:
            point = self._left_over(unit, found)
            if not isinstance(point, Point):
                return tuple(found) if isinstance(point, Proof) else ()
            more = [self._demanding(unit, q, point.image, point, found) for q in unit.requirements]
            further = [number for number in more if number is not None]
            if not further:
                return ()
            found |= dict.fromkeys(further)
        return ()

    def _left_over(self, unit: Unit, others: Collection[int]) -> PointAnswer:
        """Return a point at which a unit demands more than others do, or the proof that there is none."""
        zones = [zone for number in others for zone in self._zones[number]]
        point = self._facts.find([Zone(unit.rule.resources)], zones)
        if isinstance(point, Point):
            examples = (self._facts.example(p.text) for q in unit.requirements for p in q.images.include)
            return replace(point, image=next(filter(None, examples)))
        if isinstance(point, Unknown):
            return point
        image = self._image_left_over(unit, others)
        if isinstance(image, Witness):
            resource = self._facts.find([Zone(unit.rule.resources)])
            return replace(resource, image=image.text) if isinstance(resource, Point) else SPENT
        if isinstance(image, Unknown) or image.states > MAX_STATES:
            return Unknown("it is hard to say which images are covered")
        answer = self._without(unit, others)
        if answer.is_equivalent:
            return Proof()
        return answer.changes[0].regions[0].point if answer.changes else Unknown(answer.undecided[0])

    def _demanding(
        self,
        unit: Unit,
        requirement: ir.ImageRequirement,
        image: str,
        point: Point | None,
        besides: Collection[int],
    ) -> int | None:
        """Return an entry besides the unit that demands as much of an image, of resources like the unit's."""
        there = [number for number in self._index.lookup(image) if not self._gone[number]]
        known = {kind: self._implies(kind, requirement) for kind in {self._kind_of[n] for n in there}}
        place, near = self._places[unit.rule.resources], look(Zone(unit.rule.resources))
        others = (n for n in there if known[self._kind_of[n]] and n not in besides)
        for number in sorted(others, key=lambda n: (self._place_of[n] != place, n)):
            site = self._sites[number]
            if (
                not unit.holds(site)
                and not all(look(zone).is_apart(near) for zone in self._zones[number])
                and (site.enforces or unit.rule.action is not ir.Action.ENFORCE)
                and _may_meet(site.policy, unit.policy)
                and contains(self._facts.region(site.requirement.images), image)
                and (point is None or any(zone.contains(point) for zone in self._zones[number]))
            ):
                return number
        return None

    def _implies(self, kind: int, requirement: ir.ImageRequirement) -> bool:
        """Say whether all requirements of a kind demand as much as another, as far as can be told at once."""
        key = kind, self._kind(requirement)
        if key not in self._implied:
            given = self._by_kind[kind]
            self._implied[key] = (
                given.pin_digest >= requirement.pin_digest
                and given.demand_digest >= requirement.demand_digest
                and isinstance(self._facts.implies([given], [requirement]), Proof)
            )
        return self._implied[key]

    def _image_left_over(self, unit: Unit, others: Collection[int]) -> Answer:
        """Return an image of a unit that others are not about, whatever the resource, or a proof."""
        options = tuple(self._facts.region(self._sites[number].requirement.images) for number in others)
        states = 0
        for requirement in unit.requirements:
            answer = self._facts.ask(covers, options, self._facts.region(requirement.images), images())
            if not isinstance(answer, Proof):
                return answer
            states += answer.states
        return Proof(states)

    def _without(self, unit: Unit, others: Collection[int]) -> Comparison:
        """Compare what the unit's policy and those of other entries demand with what they do without it."""
        if self._left == 0:
            return Comparison(changes=(), undecided=("too many comparisons",))
        self._left -= 1
        mine = self._policies[id(unit.policy)]
        answer = _compared(mine, unit.removed_from(mine), self._beside(unit, others))
        self._left += answer.is_equivalent and answer.cells == 0  # the very same demands are no work
        return answer

    def _suffice(self, unit: Unit, others: Collection[int]) -> bool:
        """Say whether other entries demand as much even without the rest of their policies."""
        sites = [self._sites[number] for number in others]
        mine = self._policies[id(unit.policy)]
        own = [self._sites[number] for number in self._of_rule[id(unit.rule)]]
        old = _only(mine, [site for site in own if unit.holds(site)] + sites)
        whole = [mine, *self._beside(unit, others)]
        alone = [old, *(_only(policy, sites) for policy in whole[1:])]
        return alone == whole or _compared(old, _only(mine, sites), alone[1:]).is_equivalent

    def _beside(self, unit: Unit, others: Collection[int]) -> list[ir.Policy]:
        policies = {id(self._sites[number].policy): None for number in others}
        return [self._policies[each] for each in policies if each != id(unit.policy)]


def _zones(site: Site) -> tuple[Zone, ...]:
    """Return the resources that a rule is about, and those of the rules that are generated from it."""
    return tuple(
        Zone(rule.resources)
        for rule in site.policy.rules
        if rule is site.rule or rule.generated_from == site.rule.name
    )


def _compared(old: ir.Policy, new: ir.Policy, beside: Sequence[ir.Policy]) -> Comparison:
    from pratique.compiler.analysis.differences import compare  # few sets of policies get this far

    return compare(ir.PolicySet(policies=(old, *beside)), ir.PolicySet(policies=(new, *beside)))


def _only(policy: ir.Policy, sites: Sequence[Site]) -> ir.Policy:
    """Return the policy with these of its entries alone, and with what was generated from them."""
    wanted = {id(site.requirement) for site in sites}
    kept = {
        (rule.name, number)
        for rule in policy.rules
        for number, requirement in enumerate(rule.requirements)
        if id(requirement) in wanted and not rule.generated_from
    }
    rules = []
    for rule in policy.rules:
        name = rule.generated_from or rule.name
        left = tuple(q for number, q in enumerate(rule.requirements) if (name, number) in kept)
        if left:
            rules.append(replace(rule, requirements=left))
    return replace(policy, rules=tuple(rules))


def _may_meet(one: ir.Policy, other: ir.Policy) -> bool:
    """Say whether two policies can be installed together, and be compared: of a kind and name there is one.

    In CEL an attestor accepts Sigstore bundles, too, and elsewhere one format.
    """
    if is_in_cel(one) is not is_in_cel(other):
        return False
    return one is other or (one.kind, one.key) != (other.kind, other.key)
