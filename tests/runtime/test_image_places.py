"""Every place of a resource that names an image is judged, and an unsigned image in it fails the resource."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support_engine import World
from tests.support_policies import cluster_policy

KINDS = ["Pod", "Task"]
SIGNER = {"subject": "dev@acme.example"}
EXTRACTORS = {"Task": [{"path": "/spec/steps/*/image", "name": "steps"}]}


def container(image: str) -> dict[str, str]:
    return {"name": "x", "image": f"ghcr.io/acme/{image}:v1"}


def spec(place: str, image: str) -> dict[str, Any]:
    """Return a Pod's spec with a signed container, and `image` in one more place."""
    made: dict[str, Any] = {"containers": [{**container("good"), "name": "main"}]}
    if place == "volumes":
        made["volumes"] = [{"name": "x", "image": {"reference": container(image)["image"]}}]
    elif place == "containers":
        made["containers"].append(container(image))
    else:
        made[place] = [container(image)]
    return made


def resource(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    versions = {"Pod": "v1", "Task": "tekton.dev/v1", "CronJob": "batch/v1", "Job": "batch/v1"}
    match kind:
        case "Pod" | "Task":
            body = spec
        case "CronJob":
            body = {"jobTemplate": {"spec": {"template": {"spec": spec}}}}
        case _:
            body = {"template": {"spec": spec}}
    return {
        "apiVersion": versions.get(kind, "apps/v1"),
        "kind": kind,
        "metadata": {"name": "r", "namespace": "default"},
        "spec": body,
    }


def statuses(item: dict[str, Any], policy: str) -> set[str]:
    world = World(policy)
    world.store.image("ghcr.io/acme/good:v1", SIGNER)
    world.store.image("ghcr.io/acme/bad:v1")
    return {str(check.status) for result in world.judge(item) for check in result.checks}


OFF = {"verifyDigest": False, "required": False}


@pytest.mark.parametrize("place", ["containers", "initContainers", "ephemeralContainers", "volumes"])
@pytest.mark.parametrize(
    "kind", ["Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"]
)
def test_every_place_of_every_workload(kind: str, place: str) -> None:
    policy = cluster_policy(OFF)
    assert statuses(resource(kind, spec(place, "good")), policy) == {"pass"}
    assert statuses(resource(kind, spec(place, "bad")), policy) == {"pass", "fail"}


def test_any_kind_by_extractors() -> None:
    rule = {"match": {"any": [{"resources": {"kinds": KINDS}}]}, "imageExtractors": EXTRACTORS}
    policy = cluster_policy(OFF, rule=rule)
    for image, expected in (("good", {"pass"}), ("bad", {"fail"})):
        assert statuses(resource("Task", {"steps": [container(image)]}), policy) == expected
    assert statuses(resource("Task", {"steps": [container("good"), container("bad")]}), policy) == {
        "pass",
        "fail",
    }
