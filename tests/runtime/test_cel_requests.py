from __future__ import annotations

from typing import Any

from pratique.compiler.cel_policies.request import Coordinates
from pratique.compiler.selection import Requester
from pratique.runtime.cel_requests import request_of
from pratique.runtime.resource import Kind, Resource
from tests.support_cel_policies import POD


def test_a_created_object() -> None:
    found = request_of(Resource(POD, requester=Requester(username="ann", groups=("g",))))
    assert (found.kind, found.resource) == (Coordinates("", "v1", "Pod"), Coordinates("", "v1", "pods"))
    assert (found.name, found.namespace, found.operation) == ("web", "shop", "CREATE")
    assert (found.object, found.old_object) == (POD, None)
    assert (dict(found.user), found.dry_run) == ({"username": "ann", "groups": ["g"]}, False)
    assert (found.namespace_object, found.namespace_labels) == (None, None)


def test_deleted_and_updated_objects() -> None:
    deleted = request_of(Resource(POD, operation="DELETE"))
    assert (deleted.object, deleted.old_object) == (None, POD)
    updated = request_of(Resource(POD, operation="UPDATE"))
    assert (updated.object, updated.old_object) == (POD, POD)
    before = {**POD, "spec": {}}
    updated = request_of(Resource(POD, operation="UPDATE", values={"request": {"oldObject": before}}))
    assert updated.old_object == before


def test_what_has_become_of_an_object() -> None:
    assert request_of(Resource(POD), {"kind": "x"}).object == {"kind": "x"}


def test_a_request_of_the_api_server() -> None:
    sent: dict[str, Any] = {
        "resource": {"group": "x.io", "version": "v1", "resource": "oxen"},
        "userInfo": {"username": "bob", "uid": "7"},
        "dryRun": True,
    }
    ox = {"apiVersion": "x.io/v1", "kind": "Ox", "metadata": {"name": "o"}}
    found = request_of(Resource(ox, values={"request": sent}))
    assert found.resource == Coordinates("x.io", "v1", "oxen")
    assert (found.user, found.dry_run) == ({"username": "bob", "uid": "7"}, True)


def test_subresources_are_those_of_the_parent() -> None:
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "s"}}
    found = request_of(Resource(scale, subresource="scale", kind=Kind("apps", "v1", "Deployment")))
    assert (found.resource.name, found.subresource) == ("deployments", "scale")


def test_namespaces() -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "annotations": {"a": "b"}}}
    assert request_of(Resource(POD, namespace_labels={}, namespace_object=space)).namespace_object == space
    labelled = request_of(Resource(POD, namespace_labels={"env": "prod"})).namespace_object
    assert labelled is not None
    assert labelled["metadata"] == {"name": "shop", "labels": {"env": "prod"}}
    assert request_of(Resource(POD, namespace_labels={})).namespace_object is None


def test_objects_without_a_name() -> None:
    unnamed = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"}}
    assert request_of(Resource(unnamed)).name == ""
