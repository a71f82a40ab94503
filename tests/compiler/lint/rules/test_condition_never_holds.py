from __future__ import annotations

from typing import Any

import pytest

from tests.support_lint import findings
from tests.support_policies import rule_policy

CODE = "PRQ053"
DENY = {"message": "m", "deny": {}}
ENV, TEAM = "{{ request.object.metadata.labels.env }}", "{{ request.object.metadata.labels.team }}"


def compared(key: Any, value: Any, operator: str = "Equals") -> dict[str, Any]:
    return {"key": key, "operator": operator, "value": value}


def found(conditions: Any) -> list[str]:
    return [
        each.problem.message for each in findings(rule_policy(validate=DENY, preconditions=conditions), CODE)
    ]


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        ({"all": [compared("request.operation", "CREATE")]}, "the comparison has no variable and is false"),
        ([compared("a", "b")], "the comparison has no variable and is false"),
        ({"any": []}, "an empty `any` never holds"),
        ({"any": [compared("a", "b"), compared(1, 2)]}, "no comparison under `any` ever holds"),
        (
            {"all": [compared(ENV, "test"), compared(TEAM, "a"), compared(ENV, "prod")]},
            f"`{ENV}` would have to be `test` and `prod` at once",
        ),
        ({"any": [compared(ENV, "x")], "all": [compared("a", ["b"], "AnyIn")]}, "the comparison has no"),
    ],
)
def test_what_never_holds(conditions: Any, why: str) -> None:
    (message,) = found(conditions)
    assert message.startswith(why)
    assert message.endswith(", so that the rule is always skipped")


@pytest.mark.parametrize(
    "conditions",
    [
        {"all": [compared(ENV, "test"), compared(TEAM, "prod")]},
        {"any": [compared(ENV, "test"), compared(ENV, "prod")]},
        {"any": [compared("a", "b"), compared(ENV, "b")]},
        {"all": [compared(ENV, "te*"), compared(ENV, "test")]},
        {"all": [compared(ENV, "1000m"), compared(ENV, "1")]},
        {"all": [compared(ENV, "60s"), compared(ENV, "1m")]},
        {"all": [compared(ENV, "test"), compared(ENV, "prod", "NotEquals")]},
        {"all": [compared("a", "a")]},
        {"all": [compared("a", "{{ request.operation }}")]},
        {"all": [compared("{{ random('[ab]') }}", "a"), compared("{{ random('[ab]') }}", "b")]},
        {"all": []},
        {},
    ],
)
def test_what_may_hold(conditions: Any) -> None:
    assert found(conditions) == []


def test_denials_and_loops() -> None:
    never = {"all": [compared("a", "b")]}
    loop = {"list": "request.object.spec.containers", "preconditions": never, "deny": {"conditions": never}}
    told = findings(rule_policy(validate={"message": "m", "foreach": [loop]}), CODE)
    assert [each.problem.message.rpartition("so that ")[2] for each in told] == [
        "every element is passed over",
        "nothing is ever denied",
    ]
    (denied,) = findings(rule_policy(validate={"message": "m", "deny": {"conditions": never}}), CODE)
    assert denied.problem.message.endswith("nothing is ever denied")
    place = denied.location
    assert place is not None
    assert '"key": "a"' in "".join(place.source.text.splitlines()[place.span.start.line - 1 :][:2])
