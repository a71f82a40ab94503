from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.compiler.lint.base import Severity
from tests.support_lint import findings, policy_text

CODE = "PRQ011"


def match(*kinds: str, **more: Any) -> str:
    return f"match: {json.dumps({'any': [{'resources': {'kinds': list(kinds), **more}}]})}\n"


def block(*kinds: str) -> str:
    listed = "".join(f"      - {kind}\n" for kind in kinds)
    return f"match:\n  any:\n  - resources:\n      kinds:\n{listed}"


@pytest.mark.parametrize(
    ("kind", "words", "advice"),
    [
        ("Pods", "`Pods` is no kind", "write `Pod`"),
        ("a.b/v1/Deployment", "there is no `a.b/v1/Deployment`", "write `apps/v1/Deployment`"),
        ("Service", "a `Service` runs no image", "remove it"),
        ("Deployment/scale", "`Deployment/scale` holds no image", "remove it"),
        ("Task", "where a `Task` holds images is not known", "add `imageExtractors`"),
    ],
)
def test_a_rule_that_reaches_nothing(kind: str, words: str, advice: str) -> None:
    (found,) = findings(match(kind))
    assert (found.code, found.severity) == (CODE, Severity.ERROR)
    assert found.problem.message.startswith(words)
    assert "rule `verify` verifies no image" in found.problem.message
    assert found.problem.help.startswith(advice)


@pytest.mark.parametrize(
    ("kind", "severity"),
    [("Deployments", Severity.ERROR), ("Service", Severity.WARNING), ("Task", Severity.WARNING)],
)
def test_one_kind_of_several(kind: str, severity: Severity) -> None:
    (found,) = findings(match("Pod", kind), CODE)
    assert found.severity is severity
    assert "the rule verifies no image of it" in found.problem.message


def test_the_kind_is_marked_and_mended() -> None:
    (found,) = findings(block("Deployment", "Pods"), CODE)
    assert found.location is not None
    span = found.location.span
    assert found.location.source.line(span.start.line)[span.start.column - 1 : span.end.column - 1] == "Pods"
    assert found.problem.fix is not None
    assert found.problem.fix.safe
    assert found.problem.fix.edits[0].text == "Pod"


@pytest.mark.parametrize("form", ["all", "direct"])
def test_other_forms_of_match(form: str) -> None:
    resources: Any = {"resources": {"kinds": ["Pods"]}}
    text = f"match: {json.dumps({'all': [resources]} if form == 'all' else resources)}\n"
    (found,) = findings(text, CODE)
    assert found.location is not None
    span = found.location.span
    assert "Pods" in found.location.source.line(span.start.line)[span.start.column - 1 : span.end.column - 1]


@pytest.mark.parametrize("kinds", [("Pod",), ("apps/v1/*",), ("*/*",), ("Pod", "Pod/ephemeralcontainers")])
def test_kinds_that_hold_images(kinds: tuple[str, ...]) -> None:
    assert findings(match(*kinds), CODE) == []


def test_extractors() -> None:
    extractors = f"imageExtractors: {json.dumps({'Task': [{'path': '/spec/steps/*/image'}]})}\n"
    assert findings(match("Task") + extractors, CODE) == []
    (found,) = findings(match("Pod") + extractors, CODE)
    assert found.severity is Severity.WARNING
    assert "`imageExtractors` for `Task` are of no use" in found.problem.message
    assert {found.code for found in findings(match("Tasks") + extractors)} == {CODE}


def test_the_general_rule_is_asked_where_this_one_is_not() -> None:
    text = match("Deployment/scale")
    assert [found.code for found in findings(text, "PRQ010")] == ["PRQ010"]
    assert [found.code for found in findings(text, "PRQ010", CODE)] == [CODE]


def test_rules_that_validate_are_left_alone() -> None:
    text = policy_text(match("Service")).partition("    verifyImages:")[0]
    body = "    validate: {message: m, pattern: {metadata: {name: '?*'}}}\n"
    assert findings(text + body) == []
