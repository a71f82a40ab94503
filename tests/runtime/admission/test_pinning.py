"""Which digests are written, and which are demanded."""

from typing import Any

from tests.support_admission import APP, DEV, judge, world
from tests.support_engine import pod

OTHER = "ghcr.io/acme/other:v1"
POINTER = "/spec/template/spec/containers/0/image"


def workload(kind: str, image: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": "w", "namespace": "default", **metadata},
        "spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}},
    }


OWNED = {"ownerReferences": [{"kind": "Deployment", "name": "d", "controller": True}]}


def test_generated_rules_write_no_digest_into_what_a_controller_made() -> None:
    made = workload("ReplicaSet", APP, **OWNED)
    for mutating in (True, False):
        verdict = judge(world(), made, mutating=mutating)
        assert verdict.allowed
        assert verdict.patch == ()
    assert not judge(world(signed=False), made).allowed


def test_what_a_person_made_is_pinned_by_generated_rules() -> None:
    verdict = judge(world(), workload("Deployment", APP))
    assert [op["path"] for op in verdict.patch] == [POINTER, POINTER]
    assert not judge(world(), workload("Deployment", APP), mutating=False).allowed


def test_declared_rules_pin_what_a_controller_made() -> None:
    match = {"any": [{"resources": {"kinds": ["ReplicaSet"]}}]}
    assert judge(world(match=match), workload("ReplicaSet", APP, **OWNED)).patch


def test_pods_of_controllers_are_pinned() -> None:
    made = pod(APP, metadata=OWNED)
    assert judge(world(), made).patch
    assert not judge(world(), made, mutating=False).allowed


def test_an_image_that_was_there_before_is_not_pinned() -> None:
    """The template of a Job cannot be changed: with a digest in it, no label of it could be either."""
    old, new = workload("Job", APP), workload("Job", APP, labels={"a": "b"})
    for mutating in (True, False):
        verdict = judge(world(), new, mutating=mutating, operation="UPDATE", oldObject=old)
        assert verdict.allowed
        assert verdict.patch == ()


def test_an_image_that_is_new_is_pinned() -> None:
    given = world()
    given.store.image(OTHER, DEV)
    old, new = workload("Deployment", APP), workload("Deployment", OTHER)
    assert judge(given, new, operation="UPDATE", oldObject=old).patch[1]["value"].startswith(OTHER)
    assert not judge(given, new, mutating=False, operation="UPDATE", oldObject=old).allowed
