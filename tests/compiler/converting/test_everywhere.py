"""Documents that look wherever the classic policy does, and what is proved of them."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.converting.everywhere import everywhere
from pratique.compiler.converting.model import Caveat, Conversion
from pratique.compiler.converting.proof import Status
from tests.support_converting import converted, proved

CLOSED = {Caveat.CONTROLLERS, Caveat.EPHEMERAL, Caveat.VOLUMES}


def made(**parts: Any) -> Conversion:
    return everywhere(converted(**parts))


def resources(of: Conversion) -> list[str]:
    rules = of.drafts[0].data["spec"]["matchConstraints"]["resourceRules"]
    return [name for rule in rules for name in rule["resources"]]


def test_every_place_is_named() -> None:
    found = made()
    assert resources(found) == [
        "pods",
        "pods/ephemeralcontainers",
        "replicationcontrollers",
        *("daemonsets", "deployments", "replicasets", "statefulsets", "cronjobs", "jobs"),
    ]
    assert CLOSED & set(converted().caveats) == CLOSED
    assert not CLOSED & set(found.caveats)
    assert proved(found).status is Status.EQUIVALENT


@pytest.mark.parametrize(
    ("annotation", "names"),
    [
        ("none", ["pods", "pods/ephemeralcontainers"]),
        ("ReplicationController,Job", ["pods", "pods/ephemeralcontainers", "replicationcontrollers", "jobs"]),
        ("Job", ["pods", "pods/ephemeralcontainers", "jobs"]),
    ],
)
def test_controllers_that_the_annotation_names(annotation: str, names: list[str]) -> None:
    found = made(metadata={"annotations": {"pod-policies.kyverno.io/autogen-controllers": annotation}})
    assert resources(found) == names
    assert "autogen" not in found.drafts[0].data["spec"]
    assert proved(found).status is Status.EQUIVALENT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("          - pods/ephemeralcontainers\n", ""),
        ("          - replicationcontrollers\n", ""),
        ("          - deployments\n", ""),
        ("spec.?initContainers", "spec.?containers"),
        ("images.used.all", "images.containers.all"),
        ("- name: used", "- name: unused"),
    ],
)
def test_a_place_that_is_left_out_is_no_proof(old: str, new: str) -> None:
    assert proved(made(), (old, new)).status is not Status.EQUIVALENT


def test_paths_into_pods_are_left_to_autogen() -> None:
    key = "{{ request.object.metadata.labels.check || '' }}"
    rule = {"preconditions": {"all": [{"key": key, "operator": "Equals", "value": "yes"}]}}
    found = made(rule=rule)
    assert resources(found) == ["pods"]
    assert CLOSED & set(found.caveats) == CLOSED
