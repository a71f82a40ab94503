from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler.analysis.differences import Effect, compare
from pratique.compiler.lint.base import Edit, Finding, Fix, Rule, catalogue
from pratique.compiler.lint.fixes import applied, compatible, fix_of
from pratique.compiler.lint.manual import fenced, sections
from pratique.grammar.source import Location, Position, Source, Span
from tests.support_languages import IMAGE_PATTERNS
from tests.support_lint import findings, patterns, policy_text, reported
from tests.support_policies import read

TEXT = Source("p", "abcdef\nghijkl\n")


def edit(start: int, end: int, text: str = "X", line: int = 1) -> Edit:
    return Edit(Location(TEXT, Span(Position(line, start), Position(line, end))), text)


def fix(*edits: Edit) -> Fix:
    return Fix(edits, safe=True)


def test_edits_are_put_in_order_and_one_that_cannot_be_made_spoils_all() -> None:
    assert fix_of(edit(3, 4), edit(1, 2), safe=True) == fix(edit(1, 2), edit(3, 4))
    assert fix_of(edit(3, 4), None, safe=True) is None
    assert fix_of(safe=True) is None


@pytest.mark.parametrize(
    ("fixes", "kept"),
    [
        ([fix(edit(3, 4)), fix(edit(1, 3))], [1, 0]),
        ([fix(edit(1, 4)), fix(edit(3, 5)), fix(edit(4, 5))], [0, 2]),
        ([fix(edit(2, 2)), fix(edit(2, 2, "Y"))], [0]),
        ([fix(edit(2, 2)), fix(edit(2, 4))], [0, 1]),
        ([fix(edit(1, 2), edit(5, 6)), fix(edit(3, 4)), fix(edit(4, 6))], [0, 1]),
        ([fix(edit(1, 6)), fix(edit(2, 3), edit(1, 2, line=2)), fix(edit(1, 2, line=2))], [0, 2]),
    ],
)
def test_of_two_that_meet_the_first_is_kept(fixes: list[Fix], kept: list[int]) -> None:
    assert list(compatible(fixes)) == [fixes[number] for number in kept]


def test_texts_with_all_ends_of_lines() -> None:
    source = Source("p", "a\r\nbé\rc\n😋d")
    edits = [
        Edit(Location(source, Span.at(2, 2)), "E"),
        Edit(Location(source, Span(Position(3, 1), Position(4, 2))), "x"),
    ]
    assert applied(source, edits) == "a\r\nbE\rxd"


# --- what holds for the fixes of all rules -------------------------------------------------------------


def check(text: str, found: Finding) -> None:
    """Make a fix: the text must still be the policy, without the finding, and admit no more if it is safe."""
    mending = found.problem.fix
    assert mending is not None
    assert found.location is not None
    before = read(found.location.source.text)
    fixed = applied(found.location.source, mending.edits)
    after = read(fixed)
    assert not after.errors, fixed
    same = (found.code, found.problem.message)
    left = [(other.code, other.problem.message) for other in findings(fixed)]
    once = [(other.code, other.problem.message) for other in findings(text)]
    assert left.count(same) < once.count(same), fixed
    if mending.safe:
        comparison = compare(before.policies, after.policies)
        effects = {shift.effect for change in comparison.changes for shift in change.shifts}
        assert Effect.ADMITS not in effects, fixed


MENDED = {
    "PRQ001": True,
    "PRQ002": False,
    "PRQ003": True,
    "PRQ005": False,
    "PRQ008": True,
    "PRQ009": True,
    "PRQ011": True,
    "PRQ021": True,
    "PRQ025": False,
    "PRQ028": False,
    "PRQ031": False,
    "PRQ032": True,
    "PRQ033": True,
    "PRQ037": False,
    "PRQ039": True,
}
"""Rules whose example has a fix, and whether it is safe."""


@pytest.mark.parametrize("rule", catalogue(), ids=lambda rule: rule.code)
def test_the_fix_of_the_example(rule: Rule) -> None:
    example = policy_text(fenced(sections(rule)["Example"], "yaml"))
    found = [each for each in reported(example) if each.code == rule.code]
    mended = [each.problem.fix for each in found if each.problem.fix]
    if rule.code in MENDED:
        assert [each.safe for each in mended] == [MENDED[rule.code]]
    for each in found:
        if each.problem.fix:
            check(example, each)


@settings(max_examples=60, deadline=None)
@given(st.lists(IMAGE_PATTERNS, min_size=1, max_size=4), st.lists(IMAGE_PATTERNS, max_size=3))
def test_fixes_of_any_patterns_mend_and_safe_ones_admit_no_more(include: list[str], skip: list[str]) -> None:
    text = policy_text(patterns(*include, skip=tuple(skip)))
    for found in findings(text):
        if found.problem.fix:
            check(text, found)
