"""Objects beside what was signed: what differs, what may, and which manifest is meant."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from pratique.compiler import bodies
from pratique.compiler.signed_manifests import closest, differences, printed

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "a", "image": "nginx:1"}, {"name": "b", "image": "redis"}]},
}
CHECK = bodies.SignedManifest(signatures=())


def at(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return data with a value at a path with slashes; None takes it away."""
    found = deepcopy(data)
    *above, last = path.split("/")
    place: Any = found
    for step in above:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    if value is None:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return found


def keys(data: dict[str, Any], signed: dict[str, Any] = POD, *ignored: bodies.IgnoredFields) -> list[str]:
    check = bodies.SignedManifest(signatures=(), ignored=ignored)
    return [each.key for each in differences(signed, data, check)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata/namespace", "shop"),
        ("metadata/uid", "u"),
        ("metadata/managedFields", [{"manager": "kubectl"}]),
        ("metadata/annotations/cosign.sigstore.dev~message", "x"),
        ("metadata/finalizers", ["a"]),
        ("status", {"phase": "Running"}),
        ("spec/containers/0/imagePullPolicy", "Always"),
        ("spec/serviceAccount", "default"),
        ("spec/containers/0/image", "docker.io/nginx:1"),
        ("spec/containers/1/image", "redis:latest"),
    ],
)
def test_what_clusters_change_is_no_difference(path: str, value: Any) -> None:
    changed = at(POD, path, value)
    annotations = changed["metadata"].get("annotations")
    if annotations:
        changed["metadata"]["annotations"] = {k.replace("~", "/"): v for k, v in annotations.items()}
    assert keys(changed) == []


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ("spec/containers/0/image", "evil:1", "spec.containers.0.image"),
        ("spec/containers/0/image", "evil.example/nginx:1", "spec.containers.0.image"),
        ("spec/hostNetwork", True, "spec.hostNetwork"),
        ("spec/hostNetwork", False, "spec.hostNetwork"),
        ("metadata/name", "other", "metadata.name"),
        ("metadata/labels", None, "metadata.labels.app"),
        ("spec/containers/0/command", ["sh"], "spec.containers.0.command.0"),
        ("metadata/annotations", {"other.dev/message": "x"}, "metadata.annotations.other.dev/message"),
        ("spec/containers/1/image", 5, "spec.containers.1.image"),
    ],
)
def test_differences(path: str, value: Any, key: str) -> None:
    assert keys(at(POD, path, value)) == [key]


def test_what_is_told() -> None:
    found = differences(POD, at(POD, "spec/hostNetwork", True), CHECK)
    values = {"after": True, "before": None}
    assert json.loads(printed(found)) == {"items": [{"key": "spec.hostNetwork", "values": values}]}


def test_numbers_are_equal_whatever_they_are_written_as() -> None:
    signed = at(POD, "spec/priorityLevel", 1)
    assert keys(at(POD, "spec/priorityLevel", 1.0), signed) == []
    assert keys(at(POD, "spec/priorityLevel", True), signed) == ["spec.priorityLevel"]
    assert keys(at(POD, "spec/priorityLevel", "1"), signed) == ["spec.priorityLevel"]


@pytest.mark.parametrize(
    ("objects", "fields", "found"),
    [
        ((), ("spec.hostNetwork",), []),
        ((bodies.ManifestObject(kind="Pod"),), ("spec.host*",), []),
        ((bodies.ManifestObject(kind="Pod,Job", name="w*"),), ("spec.*",), []),
        ((bodies.ManifestObject(group="-", version="v1"),), ("*.hostNetwork",), []),
        ((bodies.ManifestObject(kind="Job"),), ("spec.hostNetwork",), ["spec.hostNetwork"]),
        ((bodies.ManifestObject(namespace="shop"),), ("spec.hostNetwork",), ["spec.hostNetwork"]),
        ((), ("spec.hostPID",), ["spec.hostNetwork"]),
    ],
)
def test_fields_that_a_policy_leaves_aside(
    objects: tuple[bodies.ManifestObject, ...], fields: tuple[str, ...], found: list[str]
) -> None:
    ignored = bodies.IgnoredFields(objects=objects, fields=fields)
    assert keys(at(POD, "spec/hostNetwork", True), POD, ignored) == found


def test_fields_of_pods_are_those_of_templates_too() -> None:
    signed = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": {"spec": {"containers": [{"name": "a"}]}}},
    }
    container = "spec/template/spec/containers/0"
    assert keys(at(signed, f"{container}/terminationMessagePath", "/dev/x"), signed) == []
    assert keys(at(signed, f"{container}/command", "x"), signed) == [
        "spec.template.spec.containers.0.command"
    ]


def test_deviation_fields_are_named_from_the_top() -> None:
    """DEVIATION: with k8s-manifest-sigstore any path that holds `status` is free."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
    assert keys(at(config, "data/status", "evil"), config) == ["data.status"]
    assert keys(at(POD, "spec/x/metadata/uid", "evil")) == ["spec.x.metadata.uid"]
    assert keys(at(POD, "spec/priorityX", 1)) == ["spec.priorityX"]
    dotted = bodies.IgnoredFields(fields=("spec.a",))
    assert keys(at(POD, "specXa", "evil"), POD, dotted) == ["specXa"]


def test_deviation_elements_have_their_places() -> None:
    """DEVIATION: k8s-manifest-sigstore takes some elements that moved for equal."""
    moved = at(POD, "spec/containers", list(reversed(POD["spec"]["containers"])))
    assert keys(moved) == [
        "spec.containers.0.image",
        "spec.containers.0.name",
        "spec.containers.1.image",
        "spec.containers.1.name",
    ]


def test_which_manifest_is_meant() -> None:
    here = at(POD, "metadata/namespace", "shop")
    other, job = at(POD, "metadata/name", "other"), at(POD, "kind", "Job")
    assert closest([other, POD, here, job], here) == (here,)
    assert closest([other, POD, job], here) == (POD,)
    assert closest([other, job], here) == (other,)
    assert closest([job], here) == ()
    assert closest([at(POD, "apiVersion", "x.dev/v1")], here) == (at(POD, "apiVersion", "x.dev/v1"),)
