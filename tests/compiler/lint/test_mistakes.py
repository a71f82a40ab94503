from __future__ import annotations

from pathlib import Path

import pytest

from pratique import compiler, grammar
from pratique.compiler.lint.base import Basis, Rule, Severity, catalogue
from pratique.compiler.lint.mistakes import as_finding
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location, Source, Span
from tests.support_lint import reported

EXPLAINING = [rule for rule in catalogue() if rule.explains]


def test_a_mistake_that_a_rule_explains_bears_its_code() -> None:
    place = Location(Source("p.yaml", "a: 1\n"), Span.at(1, 4))
    related = (("here too", place),)
    error = PolicyError("digest-added-under-audit", "text", place, help="do", related=related)
    found = as_finding(error)
    assert (found.code, found.name) == ("PRQ031", "digest-settings-contradict")
    assert (found.severity, found.basis) == (Severity.ERROR, Basis.PROVED)
    problem = found.problem
    assert (problem.message, problem.location, problem.help, problem.related) == (
        "text",
        place,
        "do",
        related,
    )


def test_other_mistakes_bear_their_own() -> None:
    found = as_finding(PolicyError("wrong-type", "text"))
    assert (found.code, found.name, found.basis) == ("wrong-type", "wrong-type", None)
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize("rule", EXPLAINING, ids=lambda rule: rule.code)
def test_the_explained_codes_are_those_of_mistakes(rule: Rule) -> None:
    roots = [Path(next(iter(package.__path__))) for package in (grammar, compiler)]
    files = [path for root in roots for path in root.rglob("*.py") if "rules" not in path.parts]
    for code in rule.explains:
        assert any(f'"{code}"' in path.read_text() for path in files), code


def test_the_mistake_of_a_policy() -> None:
    text = """\
    match:
      any:
      - resources:
          kinds: [Pod]
    exclude:
      any:
      - resources:
          kinds: [Pod]
    """
    [found] = reported(text)
    assert (found.code, found.problem.help) == ("PRQ010", "exclude less, or remove the rule")
