"""What Kyverno refuses in match and exclude is refused here, in its words, at the right place."""

from typing import Any

import pytest

from tests.support_policies import cluster_policy, read

POD = {"resources": {"kinds": ["Pod"]}}


def one(**filter: Any) -> dict[str, Any]:
    return {"any": [{"resources": {"kinds": ["Pod"]}, **filter}]}


def described(**resources: Any) -> dict[str, Any]:
    return {"any": [{"resources": {"kinds": ["Pod"], **resources}}]}


def problems(
    match: Any, exclude: Any = None, *, kind: str = "ClusterPolicy", background: bool = True
) -> list[str]:
    rule = {"match": match, **({"exclude": exclude} if exclude is not None else {})}
    errors = read(cluster_policy(rule=rule, kind=kind, spec=None if background else _off(rule))).errors
    assert all(error.location for error in errors)
    return [error.message.removeprefix("invalid policy p: ") for error in errors]


def _off(rule: dict[str, Any]) -> dict[str, Any]:
    image_rule = {
        "imageReferences": ["*"],
        "mutateDigest": False,
        "attestors": [{"entries": [{"keyless": {"roots": "x"}}]}],
    }
    return {"background": False, "rules": [{"name": "verify", "verifyImages": [image_rule], **rule}]}


NEEDS_KIND = (
    "at least one element must be specified in a kind block, the kind attribute is mandatory when working"
    " with the resources element"
)


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ({"any": [POD], "all": [POD]}, "Can't specify any and all together"),
        ({"any": [POD], **POD}, "can't specify any/all together with match resources"),
        (described(name="a", names=["b"]), "Both name and names can not be specified together"),
        (described(name="{{ x }}"), 'rule "verify" should not have variables in match section'),
        (described(selector={}), "The requirements are not specified in selector"),
        (
            described(selector={"matchExpressions": [{"key": "a", "operator": "In"}]}),
            "for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            described(selector={"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]}),
            "values set must be empty for exists and does not exist",
        ),
        (
            described(selector={"matchExpressions": [{"key": "a", "operator": "in", "values": ["x"]}]}),
            '"in" is not a valid label selector operator',
        ),
        (described(kinds=[]), "match resources not specified"),
        (described(kinds=[], namespaces=["a"]), NEEDS_KIND),
        ({"any": [{"resources": {"names": ["a"]}}]}, NEEDS_KIND),
        ({}, "match resources not specified"),
        (
            described(kinds=["*"]),
            "wildcard policy not allowed in background mode. Set spec.background=false to disable background"
            " mode for this policy rule",
        ),
    ],
)
def test_refused(match: dict[str, Any], text: str) -> None:
    assert problems(match) == [text]


@pytest.mark.parametrize(
    ("kinds", "text"),
    [
        (["*"], "wildcard policy does not support rule type"),
        (["*", "Pod"], "wildcard policy can not deal with more than one kind"),
    ],
)
def test_every_kind_at_once(kinds: list[str], text: str) -> None:
    assert problems(described(kinds=kinds), background=False) == [text]


@pytest.mark.parametrize(
    ("sender", "text"),
    [
        ({"roles": ["a"]}, "Role is expected to be in namespace:name format"),
        ({"subjects": [{"kind": "User", "name": ""}]}, "Required value"),
        (
            {"subjects": [{"kind": "ServiceAccount", "name": "a"}]},
            "Required value: namespace is required when Kind is ServiceAccount",
        ),
    ],
)
def test_senders_are_spelt_out(sender: dict[str, Any], text: str) -> None:
    assert problems(one(**sender), background=False) == [text]


def test_nobody_has_sent_what_a_background_scan_finds() -> None:
    text = (
        "only select variables are allowed in background mode. Set spec.background=false to disable"
        " background mode for this policy rule: invalid variable used at path: spec/rules[0]/"
    )
    assert problems(one(clusterRoles=["a"])) == [f"{text}match/any[0]/clusterRoles"]
    assert problems(described(), one(roles=["a:b"])) == [f"{text}exclude/any[0]/roles"]
    assert problems(one(clusterRoles=["a"]), background=False) == []


def test_namespaced() -> None:
    text = "Filtering namespaces not allowed in namespaced policies"
    assert problems(described(), described(namespaces=["a"]), kind="Policy") == [text]


EMPTY = "Rule is matching an empty set"
DIRECT = {"resources": {"kinds": ["Pod"], "namespaces": ["a", "b"]}}


@pytest.mark.parametrize(
    ("match", "exclude", "empty"),
    [
        (described(), described(), True),
        (described(), described(namespaces=["a"]), False),
        ({"all": [POD]}, {"all": [POD]}, False),
        (DIRECT, {"resources": {"kinds": ["Pod", "Job"], "namespaces": ["b", "a"]}}, True),
        (DIRECT, {"resources": {"kinds": ["Pod"], "namespaces": ["a"]}}, False),
        (DIRECT, {"resources": {"kinds": ["Job"]}}, False),
        (DIRECT, {}, False),
        ({"resources": {"kinds": ["Pod"], "names": ["ab"]}}, {"resources": {"names": ["a*"]}}, True),
        ({"resources": {"kinds": ["Pod"], "names": ["ab"]}}, {"resources": {"names": ["c*"]}}, False),
        (POD, {"resources": {"annotations": {"a": "b"}}}, False),
        (POD, {"resources": {"selector": {"matchLabels": {"a": "b"}}}}, False),
        (
            {"resources": {"kinds": ["Pod"], "selector": {"matchLabels": {"a": "b"}}}},
            {"resources": {"selector": {"matchLabels": {"a": "b"}}}},
            True,
        ),
        (
            {"resources": {"kinds": ["Pod"], "selector": {"matchLabels": {"a": "b"}}}},
            {"resources": {"selector": {"matchLabels": {"a": "c"}}}},
            False,
        ),
    ],
)
def test_exclude_may_not_take_all_away(match: Any, exclude: Any, *, empty: bool) -> None:
    assert problems(match, exclude) == ([EMPTY] if empty else [])


def test_selectors_with_wildcards_are_not_looked_at() -> None:
    assert problems(described(selector={"matchLabels": {"app*": "x"}})) == []
