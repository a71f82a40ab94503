"""The page of threats names tests that are there, and every id of the reference."""

import re

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ([A-Z]\d+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
LATER = PAGE.partition("## Later")[2]
REFERENCE = ROOT.parent / "shared" / "reference" / "threats.md"


@pytest.mark.parametrize(
    ("id", "tests"), [(id, tests) for id, _, tests in ROWS], ids=[row[0] for row in ROWS]
)
def test_the_tests_of_a_row_are_there(id: str, tests: str) -> None:
    named = re.findall(r"`([\w/.]+)::(\w+)(?:\[(\w+) \])?`", tests)
    assert len(named) == tests.count("`") // 2 > 0
    for file, name, case in named:
        text = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE), f"{id}: {file} has no {name}"
        assert not case or f'"{case} ' in text, f"{id}: {file} has no case {case}"


def test_an_id_stands_once() -> None:
    held, later = [id for id, *_ in ROWS], re.findall(r"\b[A-Z]\d+\b", LATER)
    assert len({*held, *later}) == len(held) + len(later)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not beside the project")
def test_every_id_of_the_reference_is_held_or_later_with_a_reason() -> None:
    reference = set(re.findall(r"^\| ([A-Z]\d+) \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))
    assert reference == {id for id, *_ in ROWS} | set(re.findall(r"\b[A-Z]\d+\b", LATER))
