"""Which exemptions speak about a rule, and whom they exempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler import bodies
from pratique.compiler.exemptions import Exemptions, lifts_controls
from pratique.compiler.expressions.context import Context
from pratique.compiler.selection import Requester, Target
from tests.support_exceptions import PODS, exception, exemptions
from tests.support_policies import policy, rule_policy

POLICY = policy(rule_policy(validate={"deny": {}}))
NAMESPACED = policy(rule_policy(kind="Policy", validate={"deny": {}}, metadata={"namespace": "team"}))


def target(**more: Any) -> Target:
    return replace(Target(group="", version="v1", kind="Pod", name="web", namespace="shop"), **more)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (exception("p", ("rule",)), True),
        (exception("p", ("ru*",)), True),
        (exception("p", ("other", "rule")), True),
        (exception("p", ("autogen-rule",)), False),
        (exception("p*", ("rule",)), False),  # names of policies are no globs
        (exception("team/p", ("rule",)), False),
    ],
)
def test_names(written: str, named: bool) -> None:
    assert bool(Exemptions(exemptions(written)).of(POLICY, POLICY.rules[0])) is named


def test_generated_rules_have_names_of_their_own() -> None:
    found = Exemptions(exemptions(exception("p", ("autogen-rule",))))
    assert [bool(found.of(POLICY, rule)) for rule in POLICY.rules] == [False, True, False]


def test_namespaced_policies_are_named_with_their_namespace() -> None:
    found = Exemptions(exemptions(exception("p"), exception("team/p"), exception("other/p")))
    assert [each.exemption.rules[0][0] for each in found.of(NAMESPACED, NAMESPACED.rules[0])] == ["team/p"]


def only(**resources: Any) -> dict[str, Any]:
    return {"any": [{"resources": {"kinds": ["Pod"], **resources}}]}


def holds(written: str, whom: Target, context: Any = None) -> bool:
    (found,) = Exemptions(exemptions(written)).of(POLICY, POLICY.rules[0])
    return found.holds(whom, lambda: Context(context or {}))


@pytest.mark.parametrize(
    ("match", "whom", "exempt"),
    [
        (PODS, target(), True),
        (PODS, target(kind="Secret"), False),
        (PODS, target(operation="DELETE"), True),
        (only(operations=["CREATE"]), target(operation="UPDATE"), True),
        (only(names=["w*"]), target(), True),
        (only(namespaces=["dev"]), target(), False),
        ({"all": [{"resources": {"kinds": ["Pod"]}}, {"resources": {"names": ["x"]}}]}, target(), False),
    ],
)
def test_whom_they_exempt(match: Any, whom: Target, exempt: bool) -> None:
    assert holds(exception(match=match), whom) is exempt


def test_whoever_sends_is_never_left_out() -> None:
    match = {"any": [{**PODS["any"][0], "subjects": [{"kind": "User", "name": "ann"}]}]}
    written = exception(match=match, background=False)
    assert not holds(written, target())
    assert holds(written, target(requester=Requester(username="ann")))
    assert not holds(written, target(requester=Requester(username="bob")))


def condition(key: str) -> dict[str, Any]:
    return {"any": [{"key": key, "operator": "Equals", "value": "yes"}]}


def test_conditions() -> None:
    written = exception(conditions=condition("{{ allowed }}"))
    assert holds(written, target(), {"allowed": "yes"})
    assert not holds(written, target(), {"allowed": "no"})


def test_one_that_cannot_be_judged_exempts_nobody() -> None:
    assert not holds(exception(conditions=condition("{{ nobody.said }}")), target())
    selected = {"resources": {"kinds": ["Pod"], "namespaceSelector": {"matchLabels": {"a": "b"}}}}
    assert not holds(exception(match={"any": [selected]}), target(namespace_labels=None))


def test_single_controls_are_lifted_from_rules_about_pod_security_only() -> None:
    check = bodies.PodSecurity(level="baseline")
    assert lifts_controls(replace(POLICY.rules[0], body=bodies.Validation(check=check)))
    assert not lifts_controls(POLICY.rules[0])
    assert not lifts_controls(
        replace(POLICY.rules[0], body=bodies.Validation(check=bodies.Deny(conditions=None)))
    )


def test_k15_one_exemption_alone_must_cover_everything() -> None:
    narrow = exception("p", ("rule",), match=only(names=["a"]))
    other = exception("p", ("another",), match=only(names=["*"]))
    found = Exemptions(exemptions(narrow, other)).of(POLICY, POLICY.rules[0])
    assert [each.holds(target(name="a"), lambda: Context({})) for each in found] == [True]
    assert [each.holds(target(name="b"), lambda: Context({})) for each in found] == [False]
