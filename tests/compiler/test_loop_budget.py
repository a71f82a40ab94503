"""What loops may cost."""

import pytest

from pratique.compiler.loop_budget import MAX_WORK, PER_ELEMENT, LoopBudget
from pratique.grammar.errors import EvaluationError


def test_there_are_so_many_elements() -> None:
    budget = LoopBudget()
    for _ in range(MAX_WORK // PER_ELEMENT):
        budget.spend()
    with pytest.raises(EvaluationError) as caught:
        budget.spend()
    assert caught.value.code == "too-many-elements"


def test_copies_cost_their_values() -> None:
    half = {"list": [{"a": [0] * 9}] * (MAX_WORK // 22)}
    budget = LoopBudget()
    budget.spend(half)
    with pytest.raises(EvaluationError):
        budget.spend(half)
    LoopBudget().spend({})
