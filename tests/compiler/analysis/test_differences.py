"""Differences of policy sets, against going through all points of a small world."""

import os
import random
from typing import assert_never

import pytest

from pratique.compiler import ir
from pratique.compiler.analysis.differences import Change, Effect, Shift, compare
from tests.support_differences import EVIDENCE, SIGNERS, Writer, outcome, telling_points

CASES = int(os.environ.get("PRATIQUE_DIFFERENCES", "120"))
"""Random pairs; a longer run: `PRATIQUE_DIFFERENCES=20000 python3 dev.py test -k small_world -n auto`."""

SEED = 20_261_124


@pytest.mark.parametrize("batch", range(4))
def test_differences_are_those_of_a_small_world(batch: int) -> None:
    decided = 0
    for number in range(batch, CASES, 4):
        old, new = Writer(random.Random(SEED + number)).pair()
        found = compare(old, new)
        points = list(telling_points(old, new))
        if not found.undecided:
            decided += 1
            assert found.is_equivalent == (not points), (number, points[:2])
        for change in found.changes:
            for shift in change.shifts:
                assert shows(old, new, change, shift), (number, change.regions[0].point, shift)
        if found.undecided:
            continue
        for point in points:
            regions = [r for change in found.changes for r in change.regions if r.contains(point)]
            assert regions, (number, point)
    assert decided > 0.8 * CASES / 4


def shows(old: ir.PolicySet, new: ir.PolicySet, change: Change, shift: Shift) -> bool:
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


def test_the_world_tells_signers_apart() -> None:
    assert len(set(EVIDENCE)) == 80
