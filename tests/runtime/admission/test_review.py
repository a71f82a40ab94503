import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.admission.review import ReviewError, read_review, write_answer

SAMPLES = Path(__file__).parents[4] / "shared/cluster/samples"
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "a"}, "spec": {}}


def body(**changes: Any) -> bytes:
    request = {
        "uid": "u1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "operation": "CREATE",
        "namespace": "a",
        "name": "p",
        "userInfo": {"username": "system:serviceaccount:ci:robot", "groups": ["g"]},
        "object": POD,
    } | changes
    return json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    ).encode()


def test_a_request_is_read() -> None:
    review = read_review(body(dryRun=True))
    assert (review.uid, review.operation, review.dry_run) == ("u1", "CREATE", True)
    resource = review.resource({"metadata": {"labels": {"x": "y"}}})
    assert resource.target.namespace_labels == {"x": "y"}
    assert resource.target.requester == review.requester
    assert resource.values is not None
    assert resource.values["serviceAccountName"] == "robot"
    assert resource.values["request"]["object"] == POD


def test_w12_a_deletion_judges_what_goes() -> None:
    resource = read_review(body(operation="DELETE", object=None, oldObject=POD)).resource()
    assert resource.id.name == "p"
    assert resource.images == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": ""},
        {"uid": 1},
        {"operation": "PATCH"},
        {"operation": ""},
        {"object": None},
        {"object": []},
        {"object": POD | {"kind": "Job"}},
        {"object": POD | {"apiVersion": "v2"}},
        {"object": POD | {"metadata": {"name": "p", "namespace": "b"}}},
        {"object": POD | {"metadata": {"name": "p"}}},
        {"operation": "DELETE"},
        {"kind": "Pod"},
        {"userInfo": {"groups": "g"}},
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any]) -> None:
    """W3, W11, W18."""
    with pytest.raises(ReviewError):
        read_review(body(**changes))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"kind": "AdmissionReview"}',
        b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1", "request": {}}',
        b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}',
        b"[" * 100_000,
        body().replace(b'"uid": "u1"', b'"uid": "u1", "uid": "u2"'),
        body().replace(b'"u1"', b"NaN"),
        body().replace(b'"u1"', b'"\\ud800"'),
        body().decode().encode("utf-16"),
    ],
)
def test_w2_w7_other_texts_are_refused(text: bytes) -> None:
    with pytest.raises(ReviewError):
        read_review(text)


def test_answers() -> None:
    allowed = json.loads(write_answer("u", allowed=True, warnings=["a\n\x1b[1m" + "b" * 300]))["response"]
    assert allowed["allowed"] is True
    assert "patchType" not in allowed
    (warning,) = allowed["warnings"]
    assert len(warning) == 256
    assert warning.isprintable()
    patch = [{"op": "replace", "path": "/x", "value": 1}]
    patched = json.loads(write_answer("u", allowed=True, patch=patch))["response"]
    assert patched["patchType"] == "JSONPatch"
    assert json.loads(base64.b64decode(patched["patch"])) == patch
    denied = json.loads(write_answer("u", allowed=False, message="no", patch=patch))["response"]
    assert denied == {
        "uid": "u",
        "allowed": False,
        "status": {"status": "Failure", "message": "no", "code": 403},
    }


def test_a_message_that_is_no_unicode_is_a_denial_all_the_same() -> None:
    answer = json.loads(write_answer("u", allowed=False, message="\ud800"))
    assert answer["response"]["allowed"] is False


@pytest.mark.skipif(not SAMPLES.exists(), reason="the recorded reviews are not there")
def test_recorded_reviews_are_read() -> None:
    found = {path.stem: read_review(path.read_bytes()) for path in SAMPLES.glob("*.json")}
    assert len(found) == 5
    debug = found["pod-ephemeralcontainers-update"]
    assert debug.subresource == "ephemeralcontainers"
    assert any(use.category == "ephemeralContainers" for use in debug.resource().images)
    assert found["cronjob-create-dryrun"].dry_run
    assert found["cronjob-create-dryrun"].resource().images
