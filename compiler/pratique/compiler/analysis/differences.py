"""What a change of policies changes: as disjoint regions with an example each, or nothing, proved.

At every point the old rules demand something and the new rules demand something. Demands that both sets make
are not looked at by themselves; the others cut the points they speak about into parts, and in each part the
demands of both sides are compared by implication. Two levels are told apart: what is refused at admission
(rules that enforce) and what fails at all (also rules that only report).

Rules that validate, mutate or generate are compared by where they apply (`rule_changes`).

What both sets demand can only close gaps, never open them. So a part is judged twice: as if no common demand
were made there, and as if all were that may be. Where both answers agree they hold for the whole part; only
otherwise is it cut further, by the zones of common demands.

Each demand is judged by itself: that Kyverno keeps one mark of proof for each image, so that the failure of a
later policy also fails earlier ones that demand proof, is not looked at.

References: Fisler, Krishnamurthi, Meyerovich, Tschantz, "Verification and change-impact analysis of
access-control policies" (ICSE 2005).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis import rule_changes
from pratique.compiler.analysis.demands import (
    Asks,
    Demand,
    Setting,
    bearing,
    demands,
    extracted_kinds,
    in_order,
)
from pratique.compiler.analysis.obligations import Gap, implies
from pratique.compiler.analysis.partition import Part, Partition, TooMuchError, look
from pratique.compiler.analysis.places import Region, joined, region
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.analysis.rule_changes import RuleChange
from pratique.compiler.analysis.signers import Signer
from pratique.compiler.languages.search import Proof, Unknown

MAX_LEAVES: Final = 2_000
"""Parts that are judged."""

MAX_COMMON: Final = 8
"""Common demands up to which a part is cut so that it is plain whether anything is left that verifies."""

MAX_WORK: Final = 400_000
"""Pairs of demands that are compared."""


MAX_NAMES: Final = 6
"""Rules that a doubt names."""


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
class Shift:
    """One effect at a point, with who brings it about.

    Attributes:
        signers: those by whom an image at the point is signed for which the two sides differ; none is an
            unsigned image.
        is_stated: they vouch for a statement about it, whoever signed the image itself.
        demand: the demand of the stricter side that they do not meet.
        asks: what that demand asks for.
        gone: settings of the old side alone.
        come: settings of the new side alone.
    """

    effect: Effect
    signers: tuple[Signer, ...] = ()
    is_stated: bool = False
    demand: ir.Threshold | ir.Attestation | ir.Denial | None = None
    asks: Asks = Asks.EVIDENCE
    gone: tuple[Setting, ...] = ()
    come: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Regions for which the same rules give way to the same rules, with the same effects.

    Attributes:
        before: demands of the old set there, each rule and demand once; none where nothing was verified.
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
        changes: of what is demanded of images.
        rules: changes of where rules apply that validate, mutate or generate.
        undecided: why parts of the answer are not known, with the rules they are about.
        cells: parts that were compared.
    """

    changes: tuple[Change, ...]
    rules: tuple[RuleChange, ...] = ()
    undecided: tuple[str, ...] = ()
    cells: int = 0

    @property
    def differs(self) -> bool:
        """Say whether an example shows that something does."""
        return bool(self.changes or self.rules)

    @property
    def is_equivalent(self) -> bool:
        """Say whether it is proved that nothing differs."""
        return not self.differs and not self.undecided


def compare(old: ir.PolicySet, new: ir.PolicySet) -> Comparison:
    """Return how the verdicts of two sets of policies differ.

    Takes a bounded number of steps; what is not decided within them is among `undecided`.
    """
    extracted = tuple(dict.fromkeys((*extracted_kinds(old), *extracted_kinds(new))))
    before, after = demands(old, extracted), demands(new, extracted)
    there, named = {d.meaning for d in before}, {d.meaning: d for d in after}
    gone = [demand for demand in before if demand.meaning not in named]
    come = [demand for demand in after if demand.meaning not in there]
    common = [demand for demand in before if demand.meaning in named]
    again = {d: named[d.meaning] for d in common}
    found = _Comparing(gone, come, common, again, Partition(bearing(extracted))).compare()
    others = rule_changes.compare(old, new)
    return replace(
        found,
        rules=others.changes,
        undecided=(*found.undecided, *others.undecided),
        cells=found.cells + others.compared,
    )


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is known of the difference between both sides.

    Attributes:
        shifts: what differs.
        doubts: questions that could not be decided, with why.
    """

    shifts: tuple[Shift, ...]
    doubts: tuple[tuple[Effect, str], ...]

    @property
    def answer(self) -> tuple[object, ...]:
        """Return what differs and what is not known, whoever brings it about."""
        return tuple((shift.effect, shift.gone, shift.come) for shift in self.shifts), self.doubts


class _Comparing:
    """One comparison."""

    def __init__(
        self,
        gone: Sequence[Demand],
        come: Sequence[Demand],
        common: Sequence[Demand],
        again: Mapping[Demand, Demand],
        partition: Partition,
    ) -> None:
        """Take what one side demands alone, and what both do: as the old says it, `again` as the new."""
        self._again = again
        self._gone = _by_zone(gone)
        self._come = _by_zone(come)
        self._common = _by_zone(common)
        self._seen = [(zone, look(zone)) for zone in self._common]
        self._partition = partition
        self._zones = tuple(dict.fromkeys((*self._gone, *self._come)))
        self._drafts: dict[tuple[object, ...], list[tuple[Change, Region]]] = {}
        self._undecided: dict[str, None] = {}
        self._leaves = 0
        self._work = 0

    def compare(self) -> Comparison:
        try:
            parts = self._partition.parts(self._zones)
        except TooMuchError as error:
            self._give_up(error)
            self._judge_all(self._partition.alone(self._zones))
        else:
            self._judge_all(parts)
        changes = [_change(drafts) for drafts in self._drafts.values()]
        changes.sort(key=lambda c: (EFFECTS.index(c.shifts[0].effect), str(c.regions[0].point)))
        return Comparison(changes=tuple(changes), undecided=tuple(self._undecided), cells=self._leaves)

    def _judge_all(self, parts: Iterable[Part]) -> None:
        try:
            for part in parts:
                self._part(part)
        except TooMuchError as error:
            self._give_up(error)

    def _give_up(self, error: TooMuchError) -> None:
        names = _named(self._zones, self._all)
        self._undecided[f"where several of {names} meet: {error}"] = None

    @property
    def _all(self) -> Iterator[Demand]:
        for side in (self._gone, self._come, self._common):
            for each in side.values():
                yield from each

    def _part(self, part: Part) -> None:
        before = [d for zone in part.inside for d in self._gone.get(zone, ())]
        after = [d for zone in part.inside for d in self._come.get(zone, ())]
        looks = [look(zone) for zone in part.inside]
        near = [
            zone
            for zone, seen in self._seen
            if not any(seen is not each and seen.is_apart(each) for each in looks)
        ]
        sure = [d for zone in near if zone in part.inside for d in self._common[zone]]
        _Part(self, before, after, near).settle(part, sure, [z for z in near if z not in part.inside])

    def judge(self, before: Sequence[Demand], after: Sequence[Demand], common: Sequence[Demand]) -> _Verdict:
        """Compare both sides where these common demands are made besides."""
        self._work += (len(before) + len(after)) * (1 + len(common))
        if self._work > MAX_WORK:
            raise TooMuchError(f"more than {MAX_WORK:,} pairs of demands")
        return _judge(before, after, common)

    def leaf(
        self,
        part: Part,
        before: list[Demand],
        after: list[Demand],
        common: list[Demand],
        near: Sequence[Zone],
    ) -> None:
        """Keep what is found out about a part; `near` are the zones of common demands that may meet it."""
        self._leaves += 1
        if self._leaves > MAX_LEAVES:
            raise TooMuchError(f"more than {MAX_LEAVES:,} parts")
        doubt = next((d.doubt for d in (*before, *after) if d.doubt), "")
        sure = [d for d in common if not d.doubt]
        verdict = self.judge(before, after, sure)
        if verdict.shifts and len(sure) < len(common):
            stricter = self.judge(before, after, common)
            if verdict.answer != stricter.answer:
                doubt = doubt or next(d.doubt for d in common if d.doubt)
        if doubt:
            self._doubt(part, doubt)
            return
        for _, why in verdict.doubts:
            self._doubt(part, why)
        if not verdict.shifts:
            return
        if isinstance(part.point, Unknown):
            self._doubt(part, part.point.why)
            return
        here = [d for d in common if d.is_strict]
        shown = [d for d in self._at(part.point, [*before, *after, *common], near) if d.is_strict]
        # Whoever meets what may be demanded, too, shows the difference whether it is demanded or not.
        shifts = self.judge(before, after, [*common, *shown]).shifts
        if len(shifts) > 1 and not (common or shown or (before and after)):
            shifts = tuple(_telling(shifts))
        change = Change(
            before=_distinct([*before, *here, *shown]),
            after=_distinct([*after, *(self._again[d] for d in (*here, *shown))]),
            shifts=shifts,
            regions=(),
            kinds=(),
        )
        self._drafts.setdefault(_key(change), []).append((change, region(part, part.point)))

    def _at(self, point: Point, known: Sequence[Demand], near: Sequence[Zone]) -> list[Demand]:
        """Return the common demands that are made at the example besides those that are known."""
        seen = {d.zone for d in known}
        return [
            d
            for zone in near
            if zone not in seen and not zone.condition and not zone.has_user_info and zone.contains(point)
            for d in self._common[zone]
        ]

    def _doubt(self, part: Part, why: str) -> None:
        self._undecided[f"{_named(part.inside, self._all)}: {why}"] = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of the changed points, with the demands that only one side makes there."""

    of: _Comparing
    before: list[Demand]
    after: list[Demand]
    near: list[Zone]

    def settle(self, part: Part, sure: list[Demand], open_zones: list[Zone]) -> None:
        """Judge `part`, in which the common demands `sure` are made; cut it by `open_zones` if it matters."""
        todo = [(part, sure, open_zones)]
        while todo:
            piece, made, zones = todo.pop()
            if self._is_settled(made, zones):
                self.of.leaf(piece, self.before, self.after, made, self.near)
                continue
            zone, *rest = self._telling_first(made, zones)
            for cut in self.of._partition.cut(piece, zone):
                joined_it = zone in cut.inside
                todo.append((cut, [*made, *self.of._common[zone]] if joined_it else made, rest))

    def _is_settled(self, made: list[Demand], zones: list[Zone]) -> bool:
        """Say whether it makes no difference which of the open zones a point lies in."""
        if not zones:
            return True
        more = [d for zone in zones for d in self.of._common[zone]]
        if len(more) <= MAX_COMMON and any(d.is_strict for d in more):
            sides = [any(d.is_strict for d in (*side, *made)) for side in (self.before, self.after)]
            if sides[0] != sides[1]:
                return False
        least = self.of.judge(self.before, self.after, [d for d in made if not d.doubt])
        if not least.shifts and not least.doubts:
            return True
        most = self.of.judge(self.before, self.after, [*made, *more])
        return most.answer == least.answer

    def _telling_first(self, made: list[Demand], zones: list[Zone]) -> list[Zone]:
        """Return the zones, one first whose demands by themselves change the answer."""
        least = self.of.judge(self.before, self.after, made)
        for zone in zones:
            found = self.of.judge(self.before, self.after, [*made, *self.of._common[zone]])
            if found.answer != least.answer:
                return [zone, *(other for other in zones if other != zone)]
        return zones


_OF_POLICIES: Final = ("failurePolicy", "background", "policies.kyverno.io/scored")


def _telling(shifts: Iterable[Shift]) -> Iterator[Shift]:
    """Yield shifts without the settings that come or go only because whole policies do."""
    for shift in shifts:
        gone, come = (
            tuple(s for s in side if s.name not in _OF_POLICIES) for side in (shift.gone, shift.come)
        )
        if shift.effect is not Effect.SETTINGS or gone or come:
            yield replace(shift, gone=gone, come=come)


def _by_zone(these: Sequence[Demand]) -> dict[Zone, list[Demand]]:
    found: dict[Zone, list[Demand]] = {}
    for demand in these:
        found.setdefault(demand.zone, []).append(demand)
    return found


def _judge(before: Sequence[Demand], after: Sequence[Demand], common: Sequence[Demand]) -> _Verdict:
    """Return what differs between the demands of both sides, and what of that is not known."""
    shifts: list[Shift] = []
    doubts: list[tuple[Effect, str]] = []
    if len({d.reads for d in (*before, *after, *common) if d.reads}) > 1:
        return _Verdict((), ((Effect.SETTINGS, "variables have other values on both sides"),))

    def compared(premise: Sequence[Demand], conclusion: Sequence[Demand], effect: Effect) -> bool:
        known = [d.requirement for d in (*premise, *common) if d.is_strict and _counts(d, effect)]
        wanted = [d for d in conclusion if d.is_strict and _counts(d, effect)]
        answer = implies(known, [d.requirement for d in wanted])
        if isinstance(answer, Gap):
            asks = next((d.asks for d in wanted if answer.demand in d.requirement.signatures), Asks.EVIDENCE)
            shift = Shift(effect=effect, signers=answer.signers, demand=answer.demand, asks=asks)
            shifts.append(replace(shift, is_stated=answer.is_stated))
        elif isinstance(answer, Unknown):
            doubts.append((effect, answer.why))
        return not isinstance(answer, Proof)

    if not compared(after, before, Effect.ADMITS):
        compared(after, before, Effect.PASSES)
    if not compared(before, after, Effect.REFUSES):
        compared(before, after, Effect.REPORTS)
    set_by = [frozenset(s for d in (*side, *common) for s in d.settings) for side in (before, after)]
    if set_by[0] != set_by[1]:
        gone, come = set_by[0] - set_by[1], set_by[1] - set_by[0]
        shifts.append(Shift(effect=Effect.SETTINGS, gone=in_order(gone), come=in_order(come)))
    shifts.sort(key=lambda shift: EFFECTS.index(shift.effect))
    return _Verdict(tuple(shifts), tuple(doubts))


def _counts(demand: Demand, effect: Effect) -> bool:
    """Say whether a demand matters for an effect: only rules that enforce refuse."""
    return demand.action is ir.Action.ENFORCE or effect not in (Effect.ADMITS, Effect.REFUSES)


def _distinct(these: Sequence[Demand]) -> tuple[Demand, ...]:
    """Return the demands as they were written: those of generated rules repeat them."""
    return tuple({(d.policy, d.rule, d.requirement, d.action): d for d in these if d.is_strict}.values())


def _key(change: Change) -> tuple[object, ...]:
    def side(these: tuple[Demand, ...]) -> frozenset[object]:
        return frozenset((d.policy, d.rule, d.requirement, d.action) for d in these)

    shifts = tuple((shift.effect, shift.gone, shift.come) for shift in change.shifts)
    return side(change.before), side(change.after), shifts


def _change(drafts: Sequence[tuple[Change, Region]]) -> Change:
    # Rules are mostly written of Pods: an example of one comes before those of generated rules.
    regions = sorted((each for _, each in drafts), key=lambda region: region.point.kind[2] != "Pod")
    kinds = dict.fromkeys("/".join(p for p in each.point.kind[2:] if p) for each in regions)
    return replace(drafts[0][0], regions=joined(regions), kinds=tuple(kinds))


def _named(zones: Sequence[Zone], these: Iterator[Demand]) -> str:
    wanted = set(zones)
    names = list(dict.fromkeys(f"{d.policy}/{d.rule}" for d in these if d.zone in wanted))
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more or "rules"
