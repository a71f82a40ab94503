from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from pratique.compiler.lint.base import Finding, lint
from pratique.compiler.lint.directives import Directive, directives
from pratique.compiler.lint.fixes import applied
from pratique.grammar.source import Position, Source, Span
from pratique.grammar.yaml_tree import plain, read_documents
from tests.support_lint import findings, policy_text
from tests.support_policies import read as parse


def read(text: str) -> tuple[Directive, ...]:
    return directives(Source("p.yaml", text))


def codes(part: str, *asked: str) -> list[str]:
    return [finding.code for finding in findings(part, *asked)]


def entry(line: str) -> str:
    return f"verifyImages:\n- imageReferences:\n{line}\n"


LOST = '  - "registry.k8s.io/"'


def test_what_a_comment_says() -> None:
    [found] = read("a: 1 # pratique: ignore[PRQ001, wildcard-crosses-host] it is ours\n")
    assert (found.names, found.reason) == (("PRQ001", "wildcard-crosses-host"), "it is ours")
    assert found.within == Span(Position(1, 1), Position(2, 1))
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
    assert (found.within and found.within.start.line) == line


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


# --- how long it holds ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason", "until"),
    [
        ("until 2027-01-31: it moves then", "it moves then", date(2027, 1, 31)),
        ("until 2027-01-31 it moves then", "it moves then", date(2027, 1, 31)),
        ("it moves then, until 2027-01-31", "it moves then", date(2027, 1, 31)),
        ("it moves then (until 2027-01-31)", "it moves then", date(2027, 1, 31)),
        ("it moves then until 2027-01-31.", "it moves then", date(2027, 1, 31)),
        ("until 2027-01-31", "", date(2027, 1, 31)),
        ("until the mirror has moved", "until the mirror has moved", None),
        ("kept until 2027-01-31 as it was", "kept until 2027-01-31 as it was", None),
        ("seenuntil 2027-01-31", "seenuntil 2027-01-31", None),
    ],
)
def test_the_last_day(text: str, reason: str, until: date | None) -> None:
    [found] = read(f"a: 1 # pratique: ignore[PRQ001] {text}")
    assert (found.reason, found.until, found.problem) == (reason, until, "")


@pytest.mark.parametrize("day", ["2027-02-30", "27-01-31", "2027-1-31", "0000-01-01"])
def test_days_that_there_are_not_silence_nothing(day: str) -> None:
    [found] = read(f"a: 1 # pratique: ignore[PRQ001] until {day}: why")
    assert (found.until, found.problem) == (None, f"there is no day {day}")
    text = entry(f"{LOST} # pratique: ignore[PRQ001] until {day}: why")
    assert [(f.code, f.problem.message) for f in on(text, None)][1:] == [
        ("PRQ044", f"this comment silences nothing: there is no day {day}")
    ]


@pytest.mark.parametrize(
    ("today", "found"),
    [
        (None, []),
        (date(2027, 1, 31), []),
        (date(2027, 2, 1), ["PRQ001", "PRQ044"]),
    ],
)
def test_what_has_ended_silences_nothing(today: date | None, found: list[str]) -> None:
    text = entry(f"{LOST} # pratique: ignore[PRQ001] until 2027-01-31: why")
    assert [finding.code for finding in on(text, today)] == found
    if found:
        assert on(text, today)[1].problem.message == (
            "this comment held until 2027-01-31, and silences `PRQ001` no longer"
        )


def on(part: str, today: date | None) -> list[Finding]:
    return list(lint(parse(policy_text(part)).policies, today=today))


# --- annotations ---------------------------------------------------------------------------------------


def annotated(*lines: str, part: str = entry(LOST)) -> str:
    block = "\n".join(["name: example\n  annotations:", *(f"    {line}" for line in lines)])
    return policy_text(part).replace("name: example", block)


@pytest.mark.parametrize(
    "line",
    [
        "pratique.dev/ignore.PRQ001: as shown in the talk",
        "pratique.dev/ignore.image-pattern-matches-nothing: as shown in the talk",
        "'pratique.dev/ignore.prq001': |\n      as shown\n      in the talk",
    ],
)
def test_annotations_silence_a_policy(line: str) -> None:
    text = annotated("team: acme", line)
    assert codes(text) == []
    other = policy_text(entry(LOST)).replace("name: example", "name: other")
    assert [f.location.span.start.line > 20 for f in findings(f"{text}---\n{other}") if f.location] == [True]


def test_annotations_in_a_list_speak_about_their_policy() -> None:
    first, second = (json_policy(name) for name in ("a", "b"))
    first["metadata"]["annotations"] = {"pratique.dev/ignore.PRQ001": "as it was"}
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [first, second]}, indent=1)
    found = lint(parse(text).policies)
    assert [f.code for f in found] == ["PRQ001"]


def json_policy(name: str) -> dict[str, Any]:
    [document] = read_documents(Source("p", policy_text(entry(LOST)))).documents
    data: dict[str, Any] = plain(document.root)
    data["metadata"]["name"] = name
    return data


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("pratique.dev/ignore.PRQ001: ''", "this annotation gives no reason, and silences nothing"),
        ("pratique.dev/ignore.PRQ099: why", "there is no rule `PRQ099` to ignore"),
        ("pratique.dev/ignore.PRQ005: why", "there is nothing of `PRQ005` to ignore here"),
        (
            "pratique.dev/ignore.PRQ001: 'until 2020-02-30: why'",
            "this annotation silences nothing: there is no day 2020-02-30",
        ),
        (
            "pratique.dev/ignore.PRQ001: 'until 2020-02-28: why'",
            "this annotation held until 2020-02-28, and silences `PRQ001` no longer",
        ),
    ],
)
def test_annotations_without_effect(line: str, message: str) -> None:
    found = on(annotated(line), date(2026, 1, 1))
    assert [f.code for f in found] == ["PRQ044", "PRQ001"]
    assert found[0].problem.message == message
    assert str(found[0].location) == "policy.yaml:6:5"


@pytest.mark.parametrize("value", ["{}", "[]", "a: b"])
def test_annotations_that_are_no_texts_are_left_to_the_reader(value: str) -> None:
    assert directives(Source("p", f"metadata: {{annotations: {{pratique.dev/ignore.X: {value}}}}}")) == ()


# --- taking them away ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{LOST} # pratique: ignore[PRQ005] why\n", f"{LOST}\n"),
        (
            f"{LOST} # pratique: ignore[PRQ005, PRQ001, PRQ007] why\n",
            f"{LOST} # pratique: ignore[PRQ001, PRQ007] why\n",
        ),
        (f"  # pratique: ignore[PRQ005] why\n{LOST}\n", f"{LOST}\n"),
        (
            f"  # pratique: ignore-file[PRQ005,PRQ001] why\n{LOST}\n",
            f"  # pratique: ignore-file[PRQ001] why\n{LOST}\n",
        ),
    ],
)
def test_unused_comments_are_taken_away(before: str, after: str) -> None:
    text = policy_text(entry(before.rstrip("\n")))
    found = findings(text)
    fix = next(f.problem.fix for f in found if f.code == "PRQ044")
    assert fix is not None
    assert fix.safe
    assert applied(fix.source, fix.edits) == policy_text(entry(after.rstrip("\n")))


@pytest.mark.parametrize("value", ["why", "|\n      why\n      else"])
def test_unused_annotations_are_taken_away(value: str) -> None:
    text = annotated("team: acme", f"pratique.dev/ignore.PRQ005: {value}", "more: text")
    [fix] = [f.problem.fix for f in findings(text) if f.code == "PRQ044"]
    assert fix is not None
    assert applied(fix.source, fix.edits) == annotated("team: acme", "more: text")
