"""The page of deviations names tests that are there, and knows every deviation of the code."""

import re

import pytest

from tests.conftest import ROOT

PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
NAMED = re.findall(r"`(tests/[\w/]+\.py)((?:`, `|::)[^`]*)?`", PAGES["deviations.md"])
SOURCES = [path for layer in ("grammar", "compiler", "runtime") for path in (ROOT / layer).rglob("*.py")]
ELSEWHERE = ("expressions", "notary")
"""Folders whose deviations have a list of their own."""


@pytest.mark.parametrize(("file", "test"), sorted(set(NAMED)))
def test_the_tests_of_the_page_are_there(file: str, test: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    if test:
        assert re.search(rf"^(?:async )?def {test.removeprefix('::')}\(", text, re.MULTILINE)


def test_every_deviation_of_the_code_names_its_test_and_is_on_a_page() -> None:
    pages = "\n".join(PAGES.values())
    held, missing = 0, []
    for path in SOURCES:
        if set(path.parts) & set(ELSEWHERE):
            continue
        for comment in re.findall(r"DEVIATION:((?:.*\n){1,8})", path.read_text(encoding="utf-8")):
            tests = re.findall(r"\btest_\w+|[\w/]+/test_\w+\.py", comment)
            held += 1
            if not any(name in pages for name in tests):
                missing.append(f"{path.name}: {tests}")
    assert held > 30
    assert missing == []
