"""What changes for rules that validate, mutate or generate; `tests/oracles` has the small world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler.analysis.differences import compare
from pratique.compiler.analysis.rule_changes import RuleComparison
from pratique.compiler.analysis.rule_changes import compare as compare_rules
from pratique.compiler.bodies import Copy, Generation, Make, Mutation, StrategicMerge
from tests.support_policies import read, rule_policy

NO_HOST_NETWORK = {"failureAction": "Enforce", "pattern": {"spec": {"=(hostNetwork)": False}}}
DEPLOYMENTS = {"any": [{"resources": {"kinds": ["Deployment"]}}]}


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> RuleComparison:
    """Compare policies with one rule, given by what differs from a validation of Pods."""
    sides = []
    for given in (old, new):
        spec = {"failurePolicy": given["failurePolicy"]} if "failurePolicy" in given else {}
        own = {key: value for key, value in given.items() if key not in ("failurePolicy", "policy")}
        rule = {"validate": NO_HOST_NETWORK, **own}
        text = rule_policy(spec=_with_rule(rule, spec), metadata={"name": given.get("policy", "p")})
        sides.append(read(text).policies)
    return compare_rules(*sides)


def _with_rule(rule: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    one = {"name": "rule", "match": {"any": [{"resources": {"kinds": ["Pod"]}}]}, **rule}
    return {"rules": [one], **spec}


def told(found: RuleComparison) -> list[tuple[str, list[str]]]:
    return [(str(each.effect), [point.resource for point in each.points]) for each in found.changes]


def test_names_are_of_no_account() -> None:
    found = changes({}, {"name": "other", "policy": "q"})
    assert (found.changes, found.undecided, found.compared) == ((), (), 0)


def test_another_body_is_not_compared() -> None:
    found = changes({}, {"validate": {**NO_HOST_NETWORK, "pattern": {"spec": {"hostNetwork": False}}}})
    assert found.changes == ()
    assert found.undecided == ("p/rule: what it validates has changed, and is compared as text",)


def test_another_body_under_another_name_is_one_rule_less_and_one_more() -> None:
    found = changes({}, {"name": "new", "validate": {**NO_HOST_NETWORK, "pattern": {"spec": {"a": 1}}}})
    everywhere = ["Pod default/app", "Deployment default/app", "CronJob default/app"]
    assert told(found) == [("no longer applied", everywhere), ("newly applied", everywhere)]
    assert [change.rule.name for change in found.changes] == ["p/rule", "p/new"]
    assert found.undecided == ()


def test_a_rule_that_moves() -> None:
    within = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["prod"]}}]}
    found = changes({}, {"match": within})
    assert {effect for effect, _ in told(found)} == {"no longer applied"}
    assert told(found)[0][1][0] == "Pod default/app"
    assert told(changes({"match": within}, {}))[0][0] == "newly applied"


def test_rules_that_are_split_are_the_same() -> None:
    whole = read(rule_policy(spec=_with_rule({"validate": NO_HOST_NETWORK, "match": DEPLOYMENTS}, {})))
    halves = [
        {
            "name": f"half-{number}",
            "match": {"any": [{"resources": {"kinds": ["Deployment"], "namespaces": ["a*"]}}]},
            "validate": NO_HOST_NETWORK,
        }
        for number in (1, 2)
    ]
    halves[1]["match"], halves[1]["exclude"] = DEPLOYMENTS, halves[0]["match"]
    found = compare_rules(whole.policies, read(rule_policy(spec={"rules": halves})).policies)
    assert (found.changes, found.undecided) == ((), ())
    assert found.compared == 3


@pytest.mark.parametrize(
    ("old", "new", "effect"),
    [("Enforce", "Audit", "no longer enforced"), ("Audit", "Enforce", "newly enforced")],
)
def test_actions(old: str, new: str, effect: str) -> None:
    sides = [{"validate": {**NO_HOST_NETWORK, "failureAction": action}} for action in (old, new)]
    found = changes(*sides)
    assert told(found) == [(effect, ["Pod default/app", "Deployment default/app", "CronJob default/app"])]


def test_settings_of_the_policy() -> None:
    found = changes({}, {"failurePolicy": "Ignore"})
    [change] = found.changes
    assert str(change.effect) == "other settings"
    assert [(s.name, s.value) for s in change.gone] == [("failurePolicy", "Fail")]
    assert change.come == ()


def test_other_bodies() -> None:
    old = read(rule_policy(name="old", match=DEPLOYMENTS, validate=NO_HOST_NETWORK)).policies
    make = Make(source=Copy(namespace="shared", name="certificates"), kind="ConfigMap", name="certificates")
    for body, does in (
        (Mutation(change=StrategicMerge(overlay={"metadata": {"labels": {"a": "b"}}})), "mutates"),
        (Generation(makes=(make,)), "generates"),
    ):
        rule = replace(old.policies[0].rules[0], name="new", body=body)
        new = replace(old, policies=(replace(old.policies[0], rules=(rule,)),))
        found = compare_rules(old, new)
        assert [(str(c.effect), c.rule.does) for c in found.changes] == [
            ("no longer applied", "validates"),
            ("newly applied", does),
        ]
        assert compare_rules(new, new).changes == ()


def test_they_are_part_of_the_comparison() -> None:
    old, new = (
        read(rule_policy(validate={**NO_HOST_NETWORK, "failureAction": action})).policies
        for action in ("Enforce", "Audit")
    )
    found = compare(old, new)
    assert found.differs
    assert not found.is_equivalent
    assert compare(old, old).is_equivalent
