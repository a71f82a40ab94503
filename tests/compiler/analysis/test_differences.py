"""Differences of policy sets, against going through all points of a small world."""

from collections import Counter
from random import Random

import pytest

from tests.oracles.differences import compared
from tests.support_differences import EVIDENCE

CASES = 120
"""Random pairs; `python3 dev.py oracles 100000 differences` compares thousands."""

SEED = 20_261_124


@pytest.mark.parametrize("batch", range(4))
def test_differences_are_those_of_a_small_world(batch: int) -> None:
    numbers = range(batch, CASES, 4)
    kinds = Counter(kind for number in numbers for kind in compared(Random(SEED + number)))
    assert kinds["unknown"] < 0.2 * len(numbers)
    assert kinds["witness"]
    assert kinds["proof"]


@pytest.mark.parametrize("case", [38, 61, 800, 1212, 2214, 2935, 3521, 3702, 5438])
def test_images_that_are_renamed_meet_demands_on_other_names(case: int) -> None:
    """Cases in which an example once had signers who would not have done."""
    compared(Random(f"3594821210 differences of policies {case}"))


def test_the_world_tells_signers_apart() -> None:
    assert len(set(EVIDENCE)) == 80
