"""What holds for every rule, whatever it is about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pratique.compiler.lint import rules
from pratique.compiler.lint.base import Rule, catalogue
from pratique.compiler.lint.manual import SECTIONS, fenced, sections
from tests.support_lint import of_page

FOLDER = Path(rules.__path__[0])
EACH = pytest.mark.parametrize("rule", catalogue(), ids=lambda rule: rule.code)


def test_one_rule_a_file_and_a_file_for_each_rule() -> None:
    files = {path.stem.replace("_", "-") for path in FOLDER.glob("*.py")} - {"--init--"}
    assert {rule.name for rule in catalogue()} == files
    codes = [rule.code for rule in catalogue()]
    assert codes == sorted(set(codes))
    assert all(path.read_text().count("@rule(") == 1 for path in FOLDER.glob("[!_]*.py"))


@EACH
def test_code_and_severity_are_well_formed(rule: Rule) -> None:
    assert re.fullmatch(r"PRQ\d{3}", rule.code)
    assert set(rule.yields_to) <= {other.code for other in catalogue()} - {rule.code}
    assert not set(rule.explains) & {
        code for other in catalogue() if other != rule for code in other.explains
    }


@EACH
def test_the_docstring_has_every_section(rule: Rule) -> None:
    assert tuple(sections(rule)) == SECTIONS
    assert all(sections(rule).values())
    assert rule.summary.endswith(".")


@EACH
def test_the_example_is_flagged(rule: Rule) -> None:
    found = of_page(sections(rule)["Example"])
    assert rule.code in {finding.code for finding in found}


@EACH
def test_the_remedy_is_not_flagged(rule: Rule) -> None:
    remedy = sections(rule)["Instead"]
    assert fenced(remedy, "yaml")
    found = of_page(remedy)
    assert not {finding.code for finding in found if finding.basis is None}
    assert rule.code not in {finding.code for finding in found}


@EACH
def test_findings_of_the_example_have_a_place_and_a_basis(rule: Rule) -> None:
    for finding in of_page(sections(rule)["Example"], rule.code):
        assert finding.location is not None
        assert finding.basis is not None
        assert finding.problem.message
        assert finding.problem.help
