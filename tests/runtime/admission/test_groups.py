"""Which webhook is called for a policy."""

from typing import Any

import pytest

from pratique.compiler import ir
from pratique.runtime.admission.groups import Selection, group, path
from tests.support_policies import cluster_policy, policy


def matching(*filters: dict[str, Any], how: str = "any", **more: Any) -> ir.Policy:
    found = [{"resources": {"kinds": ["Pod"], **each}} for each in filters]
    return policy(cluster_policy(rule={"match": {how: found}}, **more))


def test_a_policy_that_may_speak_about_every_namespace_is_called_everywhere() -> None:
    for found in (matching({}), matching({"namespaces": ["team-*"]}), matching({"namespaces": ["a"]}, {})):
        assert (group(found).name, group(found).selector) == ("all", None)


def test_namespaces_by_name() -> None:
    assert group(matching({"namespaces": ["b"]}, {"namespaces": ["a"]})).namespaces == ("a", "b")
    assert group(matching({"namespaces": ["a"]}, {}, how="all")).namespaces == ("a",)
    own = policy(cluster_policy(metadata={"namespace": "kube-system"}, kind="Policy"))
    assert (group(own).name, group(own).namespaces) == ("named", ("kube-system",))


PROD = {"namespaceSelector": {"matchLabels": {"env": "prod"}}}
TEAMS = {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}}


def test_namespaces_by_labels() -> None:
    found = group(matching(PROD, PROD))
    assert found.selector == {"matchLabels": {"env": "prod"}}
    assert found.name == group(matching(PROD)).name
    assert found.name.startswith("labels-")
    assert group(matching(TEAMS)).selector == TEAMS["namespaceSelector"]
    assert group(matching(PROD, {}, how="all")).name == found.name


@pytest.mark.parametrize(
    "filters", [(PROD, TEAMS), (PROD, {}), ({"namespaceSelector": {"matchLabels": {"env": "pr*"}}},)]
)
def test_what_the_api_server_cannot_select_by_is_called_everywhere(
    filters: tuple[dict[str, Any], ...],
) -> None:
    assert group(matching(*filters)).name == "all"


@pytest.mark.parametrize(
    ("text", "included"),
    [
        ("fail", True),
        ("fail/all", True),
        ("fail/all/named", True),
        ("fail/named", False),
        ("ignore", False),
        ("ignore/all", False),
        ("other/all", True),
    ],
)
def test_a_path_says_which_policies_are_judged(text: str, included: bool) -> None:
    found = matching({})
    assert Selection.of(text).includes(found, group(found).name) is included


def test_paths_are_read_as_they_are_written() -> None:
    assert Selection.of(path(fail_open=True, groups=["named", "all"])) == Selection(
        True, frozenset({"all", "named"})
    )
    assert path(fail_open=False, groups=["named", "all"]) == "fail/all/named"
