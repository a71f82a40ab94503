from typing import Any

import pytest

from pratique.compiler.kyverno.autogen_obstacles import obstacle
from tests.support_policies import cluster_policy, policy

PODS = {"resources": {"kinds": ["Pod"]}}


@pytest.mark.parametrize(
    ("described", "what"),
    [
        ({"name": "web-*"}, "selects by `name`"),
        ({"names": ["web-*"]}, "selects by `name`"),
        ({"selector": {"matchLabels": {"app": "web"}}}, "selects by labels (`selector`)"),
        ({"annotations": {"a": "b"}}, "selects by `annotations`"),
        ({"kinds": ["Pod", "Deployment"]}, "names Pods beside other kinds in one filter"),
        ({"kinds": ["v1/Pod", "Deployment"]}, ""),
        ({"namespaces": ["prod"]}, ""),
        ({"namespaceSelector": {"matchLabels": {"a": "b"}}}, ""),
        ({"operations": ["CREATE"]}, ""),
    ],
)
@pytest.mark.parametrize("block", ["match", "exclude"])
def test_an_obstacle_is_what_keeps_rules_from_being_generated(
    described: dict[str, Any], what: str, block: str
) -> None:
    part = {"resources": {"kinds": ["Pod"], "operations": ["DELETE"], **described}}
    blocks = {"match": {"any": [PODS, *([part] if block == "match" else [])]}}
    if block == "exclude":
        blocks["exclude"] = {"any": [part]}
    found = policy(cluster_policy(rule=blocks))
    why = obstacle(found.rules[0])
    assert (why.what if why else "") == what
    assert bool(why) is not any(each.generated_from for each in found.rules)
