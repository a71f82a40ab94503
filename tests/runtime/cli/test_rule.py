from __future__ import annotations

import pytest

from pratique.compiler.lint.base import catalogue
from pratique.runtime.cli import main

Capture = pytest.CaptureFixture[str]


def test_all_rules_are_listed(capsys: Capture) -> None:
    assert main(["rule"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(catalogue())
    assert lines[0].startswith("PRQ001  image-pattern-matches-nothing ")


@pytest.mark.parametrize("name", ["PRQ001", "prq001", "image-pattern-matches-nothing"])
def test_a_rule_is_explained(name: str, capsys: Capture) -> None:
    assert main(["rule", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# PRQ001 image-pattern-matches-nothing\n")
    assert all(f"\n## {heading}\n" in out for heading in ("What it does", "Example", "Instead", "Limits"))


def test_an_unknown_rule(capsys: Capture) -> None:
    assert main(["rule", "PRQ000"]) == 2
    assert "there is no rule 'PRQ000'; `pratique rule` lists them" in capsys.readouterr().err
