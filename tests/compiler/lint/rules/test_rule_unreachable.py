from __future__ import annotations

from typing import Any

import pytest

from tests.support_lint import findings
from tests.support_policies import rule_policy

CODE = "PRQ054"
LEVEL = {"podSecurity": {"level": "baseline"}}
PATTERN = {"message": "m", "pattern": {"spec": {"=(hostNetwork)": False}}}
DENY = {"message": "m", "deny": {}}


def one(name: str, validate: dict[str, Any], *namespaces: str, **more: Any) -> dict[str, Any]:
    resources: dict[str, Any] = {"kinds": ["Pod"]}
    if namespaces:
        resources["namespaces"] = list(namespaces)
    return {"name": name, "match": {"any": [{"resources": resources}]}, "validate": validate, **more}


def found(*rules: dict[str, Any], **spec: Any) -> list[str]:
    text = rule_policy(spec={"applyRules": "One", "rules": list(rules), **spec})
    return [each.problem.message.split("`")[1] for each in findings(text, CODE)]


@pytest.mark.parametrize("first", [LEVEL, PATTERN, DENY])
@pytest.mark.parametrize("namespaces", [(), ("payments",), ("pay*",)])
def test_rules_behind_one_that_always_decides(first: dict[str, Any], namespaces: tuple[str, ...]) -> None:
    assert found(one("a", first), one("b", PATTERN, *namespaces)) == ["b"]
    assert found(one("a", first), one("b", PATTERN, *namespaces), applyRules="All") == []
    assert found(one("b", PATTERN, *namespaces)) == []


@pytest.mark.parametrize(
    "first",
    [
        one("a", PATTERN, "payments"),
        one("a", PATTERN, preconditions={"all": []}, context=[{"name": "c", "variable": {"value": "1"}}]),
        one(
            "a",
            PATTERN,
            preconditions={"all": [{"key": "{{ request.name }}", "operator": "Equals", "value": "b"}]},
        ),
        one("a", {"message": "m", "pattern": {"(kind)": "x"}}),
        one("a", {"message": "m", "pattern": {"spec": {"<(hostNetwork)": False}}}),
        one("a", {"message": "m", "pattern": {"metadata": {"name": "{{ request.namespace }}"}}}),
        one("a", {"message": "m", "deny": {"conditions": {"all": []}}}),
        one("a", {**DENY, "failureAction": "Enforce"}),
    ],
)
def test_rules_that_may_leave_it_to_others(first: dict[str, Any]) -> None:
    assert found(first, one("b", PATTERN)) == []


def test_updates_that_keep_violations() -> None:
    strict = {**DENY, "failureAction": "Enforce", "allowExistingViolations": False}
    assert found(one("a", strict), one("b", PATTERN)) == ["b"]


def test_what_is_deleted_is_denied() -> None:
    assert found(one("a", PATTERN), one("b", DENY)) == []
    assert found(one("a", DENY), one("b", DENY)) == ["b"]


def test_other_resources() -> None:
    job = {**one("b", PATTERN), "match": {"any": [{"resources": {"kinds": ["Job"]}}]}}
    assert found(one("a", LEVEL), job) == []
