"""docs/analysis.md names the budgets and the comparisons that there are."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.oracles.__main__ import PROCEDURES

PAGE = (Path(__file__).parents[1] / "docs/analysis.md").read_text()
BUDGETS = re.findall(r"^\| `([\w.]+)\.(MAX_\w+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)


def test_there_are_budgets() -> None:
    assert len(BUDGETS) == 10


@pytest.mark.parametrize(("module", "name", "value"), BUDGETS)
def test_a_budget_is_what_the_page_says(module: str, name: str, value: str) -> None:
    assert getattr(import_module(f"pratique.compiler.{module}"), name) == int(value.replace(",", ""))


@pytest.mark.parametrize("name", [each.name for each in PROCEDURES])
def test_a_comparison_is_on_the_page(name: str) -> None:
    question, _, about = name.partition(" of ")
    checked = PAGE.split("## How it is checked")[1]
    assert name in checked or (question in checked and about in checked)
