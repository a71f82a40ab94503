"""What a change of policies changes: whole policy sets, before and after, in small worlds."""

from __future__ import annotations

from functools import reduce
from operator import or_
from random import Random
from typing import assert_never

from pratique.compiler import bodies, ir
from pratique.compiler.analysis import rule_changes
from pratique.compiler.analysis.demands import whole
from pratique.compiler.analysis.differences import Change, Effect, Shift, compare
from pratique.compiler.analysis.points import Point
from pratique.compiler.analysis.rule_changes import RuleEffect
from tests.oracles.procedures import Procedure, agree
from tests.oracles.resources import MIXED, ORACLE, random_zone, zone_points
from tests.support_differences import EVIDENCE, SIGNERS, Writer, outcome, telling_points


def compared(random: Random) -> list[str]:
    """Compare the differences of two sets with what becomes of each image of a small world."""
    old, new = Writer(random).pair()
    found, points = compare(old, new), list(telling_points(old, new))
    if not found.undecided:
        agree(found.is_equivalent == (not points), "wrongly equivalent or not", points[:1], old, new)
        for point in points:
            regions = [region for change in found.changes for region in change.regions]
            agree(any(region.contains(point) for region in regions), "a missed difference", point, old, new)
    for change in found.changes:
        for shift in change.shifts:
            agree(_shows(old, new, change, shift), "a false difference", shift, old, new)
    return ["unknown" if found.undecided else "witness" if found.changes else "proof"]


def _shows(old: ir.PolicySet, new: ir.PolicySet, change: Change, shift: Shift) -> bool:
    """Say whether the example of a change behaves as the shift claims."""
    point = change.regions[0].point
    # An identity that no attestor names is as good as any other that the same globs match.
    named = (signer.subject for signer in shift.signers)
    who = frozenset(name if name in SIGNERS else "a@y" for name in named)
    fits = [each.stated_by in who if shift.is_stated else each.signers == who for each in EVIDENCE]
    here = sum(1 << number for number, fit in enumerate(fits) if fit)
    before, after = (outcome(each, point, point.image) for each in (old, new))
    match shift.effect:
        case Effect.ADMITS:
            return bool(here & before.refused & ~after.refused)
        case Effect.REFUSES:
            return bool(here & after.refused & ~before.refused)
        case Effect.PASSES:
            return bool(here & before.failed & ~after.failed)
        case Effect.REPORTS:
            return bool(here & after.failed & ~before.failed)
        case Effect.SETTINGS:
            return before.traits != after.traits
        case _:
            assert_never(shift.effect)


BODIES = tuple(
    bodies.Validation(check=bodies.Pattern(data={"spec": {"hostNetwork": value}})) for value in (True, False)
)


def _rules(random: Random) -> list[str]:
    """Compare where rules with bodies newly apply, or enforce, with all resources of a small world."""
    old = [_policy(random, name) for name in ("p", "q")[: random.choice((1, 1, 2))]]
    new = [each if random.random() < 0.4 else _policy(random, each.name) for each in old]
    sides = [ir.PolicySet(policies=tuple(side)) for side in (old, new)]
    found = rule_changes.compare(*sides)
    for body in BODIES:
        (before, enforced_before), (after, enforced_after) = (_where(side, body) for side in sides)
        areas = {
            RuleEffect.DROPPED: before & ~after,
            RuleEffect.APPLIED: after & ~before,
            RuleEffect.AUDITED: enforced_before & after & ~enforced_after,
            RuleEffect.ENFORCED: enforced_after & before & ~enforced_before,
        }
        for effect, area in areas.items():
            told = [c for c in found.changes if c.effect is effect and c.rule.what[0] == body]
            agree(told or found.undecided or not area, "missed", effect, MIXED.any_of(area), body, *sides)
            for change in told:
                is_there = change.effect in (RuleEffect.DROPPED, RuleEffect.AUDITED)
                zone = change.rule.zone
                agree(all(zone.contains(p) for p in change.points), "a false example", change, *sides)
                inside, outside = (sides[0], sides[1]) if is_there else (sides[1], sides[0])
                for point in change.points:
                    here, there = (_actions_at(side, body, point) for side in (inside, outside))
                    lost = effect in (RuleEffect.DROPPED, RuleEffect.APPLIED)
                    enforced = ir.Action.ENFORCE in here and ir.Action.ENFORCE not in there
                    shown = here and not there if lost else enforced and there
                    agree(shown, "a false change", change, *sides)
    return ["unknown" if found.undecided else "witness" if found.changes else "proof"]


def _policy(random: Random, name: str) -> ir.Policy:
    rules = tuple(
        ir.Rule(
            name=f"r{number}",
            resources=random_zone(random).resources,
            body=random.choice(BODIES),
            action=random.choice(tuple(ir.Action)),
        )
        for number in range(random.choice((1, 2)))
    )
    return ir.Policy(kind="ClusterPolicy", name=name, namespace=None, rules=rules)


def _where(side: ir.PolicySet, body: bodies.Validation) -> tuple[int, int]:
    """Return the points of the world at which rules with a body apply, and at which some of them enforce."""
    rules = [rule for policy in side.policies for rule in policy.rules if rule.body == body]
    areas = [(zone_points(whole(rule), MIXED), rule.action) for rule in rules]
    enforced = [area for area, action in areas if action is ir.Action.ENFORCE]
    return reduce(or_, (area for area, _ in areas), 0), reduce(or_, enforced, 0)


def _actions_at(side: ir.PolicySet, body: bodies.Validation, point: Point) -> set[ir.Action]:
    """Return the actions of the rules with a body that apply to a point, by the matcher of the runtime."""
    rules = [rule for policy in side.policies for rule in policy.rules if rule.body == body]
    return {rule.action for rule in rules if whole(rule).contains(point)}


PROCEDURES = (
    Procedure(
        "differences of policies",
        f"what becomes of each image, signed in {len(EVIDENCE)} ways, as the engine goes about it",
        compared,
        share=0.05,
    ),
    Procedure("changes of rules", ORACLE, _rules),
)
