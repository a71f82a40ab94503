"""Of too many verdicts a page holds what is wrong, and says what it leaves out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pratique.runtime.decision import RuleResult
from pratique.runtime.outputs.verdicts import fitting
from pratique.runtime.outputs.verdicts.state import state
from pratique.runtime.outputs.view import Verdict, View
from tests.support_reports import resource, result, signed, skipped, story, wrongly_signed

FINE = [
    result((signed() if number % 2 else skipped(),), of=resource(f"fine-{number}")) for number in range(5)
]
WRONG = [result((wrongly_signed(),), of=resource(f"wrong-{number}")) for number in range(3)]


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MAX_ROWS", 4)


def shown(*results: RuleResult) -> tuple[list[str], list[str]]:
    view = View(replace(story(), results=results))
    data = state(map(Verdict, view.rows), summary=view.summary)
    assert sum(data["summary"].values()) == len(results)
    return [row["name"] for row in data["rows"]], data["notices"]


def test_what_is_wrong_is_there_before_what_is_right() -> None:
    names, notices = shown(*FINE, *WRONG)
    assert names == ["fine-0", "wrong-0", "wrong-1", "wrong-2"]
    assert notices == ["4 further results not shown: the other formats have all"]


def test_of_too_much_that_is_wrong_the_first() -> None:
    names, notices = shown(*FINE, *WRONG, *WRONG)
    assert names == ["wrong-0", "wrong-1", "wrong-2", "wrong-0"]
    assert notices == ["7 further results not shown: the other formats have all"]


def test_what_fits_is_all_there() -> None:
    assert shown(*FINE[:4]) == ([f"fine-{number}" for number in range(4)], [])
