"""What an update leaves alone."""

from copy import deepcopy
from typing import Any

import pytest

from pratique.runtime.admission.updates import only_removes_finalizers, unchanged
from tests.support_admission import APP, DEV, judge, outage, review, spoil, world
from tests.support_engine import pod

OTHER = "ghcr.io/acme/other:v1"


def update(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    return {"data": new, "operation": "UPDATE", "oldObject": old}


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (pod(APP, OTHER), {"/spec/containers/0/image", "/spec/containers/1/image"}),
        (pod(APP, "ghcr.io/acme/new:v1"), {"/spec/containers/0/image"}),
        (pod(OTHER, APP), set()),
        (pod(APP), {"/spec/containers/0/image"}),
    ],
)
def test_w13_an_image_that_moved_is_another(new: dict[str, Any], expected: set[str]) -> None:
    assert unchanged(review(**update(new, pod(APP, OTHER)))) == expected


def test_a_container_of_another_name_is_another() -> None:
    old = pod(APP)
    new = deepcopy(old)
    new["spec"]["containers"][0]["name"] = "renamed"
    assert unchanged(review(**update(new, old))) == set()


def test_nothing_is_unchanged_in_a_creation() -> None:
    assert unchanged(review(pod(APP), oldObject=pod(APP))) == set()


def test_w13_an_unsigned_image_that_was_there_before_is_refused_all_the_same() -> None:
    """A label may bring it under another rule: only what nobody can find out is forgiven."""
    assert not judge(world(signed=False), **update(pod(APP), pod(APP))).allowed


def test_w13_an_outage_does_not_stop_an_update_that_brings_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world()
    given.store.image(OTHER, DEV)
    spoil(given, outage, monkeypatch)
    kept = judge(given, **update(pod(APP, metadata={"labels": {"a": "b"}}), pod(APP)))
    assert kept.allowed
    assert any("down" in text for text in kept.warnings)
    assert not judge(given, **update(pod(APP, OTHER), pod(APP))).allowed
    assert not judge(given).allowed


def test_f13_an_attack_on_an_image_that_was_there_before_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from pratique.grammar.errors import TransportError

    async def other() -> Any:
        raise TransportError("digest-mismatch", "ghcr.io: other bytes")

    given = world()
    spoil(given, other, monkeypatch)
    assert not judge(given, **update(pod(APP), pod(APP))).allowed


def debugged(*images: str) -> dict[str, Any]:
    """Return the unsigned Pod with containers for debugging."""
    containers = [{"name": f"debug-{n}", "image": image} for n, image in enumerate(images)]
    return pod(APP, ephemeralContainers=containers)


def test_k7_only_new_ephemeral_containers_are_judged() -> None:
    given = world(signed=False)
    given.store.image(OTHER, DEV)
    added = {**update(debugged(OTHER), pod(APP)), "subResource": "ephemeralcontainers"}
    verdict = judge(given, **added)
    assert verdict.allowed
    assert [op["path"] for op in verdict.patch if op["op"] == "replace"] == [
        "/spec/ephemeralContainers/0/image"
    ]
    assert not any(str(name).startswith("manifest ghcr.io/acme/app:v1") for name in given.store.requests)
    given.store.image("ghcr.io/acme/bad:v1")
    refused = judge(
        given, **{**added, "data": debugged(OTHER, "ghcr.io/acme/bad:v1"), "oldObject": debugged(OTHER)}
    )
    assert not refused.allowed
    assert "ephemeral container debug-1: ghcr.io/acme/bad:v1" in refused.message
    assert OTHER not in refused.message


FINALIZERS = {"finalizers": ["a.example/x", "b.example/y"], "deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("metadata", "image", "expected"),
    [
        ({"finalizers": ["a.example/x"]}, APP, True),
        ({"finalizers": []}, APP, True),
        ({"finalizers": ["a.example/x"], "resourceVersion": "7", "managedFields": []}, APP, True),
        ({"finalizers": ["a.example/x"], "labels": {"a": "b"}}, APP, False),
        ({"finalizers": ["a.example/x"]}, OTHER, False),
        ({"finalizers": ["a.example/x", "c.example/z"]}, APP, False),
        ({}, APP, False),
    ],
)
def test_k8_updates_that_only_remove_finalizers(metadata: dict[str, Any], image: str, expected: bool) -> None:
    old = pod(APP, metadata=FINALIZERS)
    new = pod(image, metadata={**FINALIZERS, **metadata})
    given = update(new, old)
    assert only_removes_finalizers(review(**given)) is expected
    assert judge(world(signed=False), **given).allowed is expected
