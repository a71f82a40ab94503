from __future__ import annotations

import pytest

from pratique.compiler.lint.directives import Directive, directives
from pratique.grammar.source import Source
from tests.support_lint import findings, policy_text


def read(text: str) -> tuple[Directive, ...]:
    return directives(Source("p.yaml", text))


def codes(part: str, *asked: str) -> list[str]:
    return [finding.code for finding in findings(part, *asked)]


def entry(line: str) -> str:
    return f"verifyImages:\n- imageReferences:\n{line}\n"


LOST = '  - "registry.k8s.io/"'


def test_what_a_comment_says() -> None:
    [found] = read("a: 1 # pratique: ignore[PRQ001, wildcard-crosses-host] it is ours\n")
    assert (found.names, found.reason, found.line) == (("PRQ001", "wildcard-crosses-host"), "it is ours", 1)
    assert str(found.location) == "p.yaml:1:6"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1 # pratique: ignore[X] y", 1),
        ("# pratique: ignore[X] y\na: 1", 2),
        ("# pratique: ignore[X] y\n\n  # more\na: 1", 4),
        ("a: 1\n# pratique: ignore[X] y\n", 3),
        ("a: 1\n#pratique:ignore-file[X] y\n", None),
        ("a: |\n  text\n# pratique: ignore[X] y\nb: 1", 4),
    ],
)
def test_the_line_it_speaks_about(text: str, line: int | None) -> None:
    [found] = read(text)
    assert found.line == line


@pytest.mark.parametrize(
    "text",
    [
        'a: "b # pratique: ignore[X] y"',
        "a: 'b # pratique: ignore[X] y'",
        "a: |\n  b # pratique: ignore[X] y\n  c",
        "a: >-\n  # pratique: ignore[X] y\n",
        "a: b# pratique: ignore[X] y",
        '{"a": "# pratique: ignore[X] y"}',
        "a: 1 # pratique: ignore X",
        "a: [ # pratique: ignore[X] y",
        "a: 1",
    ],
)
def test_what_is_no_directive(text: str) -> None:
    assert read(text) == ()


@pytest.mark.parametrize("name", ["PRQ001", "prq001", "image-pattern-matches-nothing", "PRQ005, PRQ001"])
def test_a_reason_silences(name: str) -> None:
    assert codes(entry(LOST)) == ["PRQ001"]
    assert "PRQ001" not in codes(entry(f"{LOST} # pratique: ignore[{name}] meant"))


def test_above_the_line_and_for_the_whole_file() -> None:
    assert codes(entry(f"  # pratique: ignore[PRQ001] meant\n{LOST}")) == []
    assert codes(entry(LOST) + "# pratique: ignore-file[PRQ001] meant\n") == []


def test_other_lines_and_other_rules_are_reported() -> None:
    other = f'{LOST} # pratique: ignore[PRQ001] meant\n  - "quay.io/"'
    assert codes(entry(other)) == ["PRQ001"]
    assert codes(entry(f"{LOST} # pratique: ignore[PRQ005] meant")) == ["PRQ001", "PRQ044"]


def test_without_a_reason_nothing_is_silenced() -> None:
    assert codes(entry(f"{LOST} # pratique: ignore[PRQ001]")) == ["PRQ001", "PRQ044"]


def test_a_value_that_looks_like_a_comment_silences_nothing() -> None:
    text = policy_text(entry(LOST)).replace(
        "name: example", 'name: example\n  annotations:\n    a: "# pratique: ignore-file[PRQ001] meant"'
    )
    assert codes(text) == ["PRQ001"]
