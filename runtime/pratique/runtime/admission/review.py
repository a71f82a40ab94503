"""AdmissionReview v1: a request read with one reading only, and the answer to it.

References: Kubernetes, "Dynamic Admission Control"; `admission.k8s.io/v1`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from pratique.compiler.selection import Requester
from pratique.grammar.errors import EvaluationError
from pratique.runtime.resource import Kind, Resource, labels_of
from pratique.runtime.run_values import account_variables
from pratique.runtime.strict_json import StrictJsonError, parse

VERSION: Final = "admission.k8s.io/v1"
OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")
MAX_DEPTH: Final = 100
"""Deepest nesting of a review; schemas of custom resources are the deepest objects there are."""
MAX_WARNING: Final = 256
"""Characters of one warning: the API server cuts longer ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One request.

    Attributes:
        kind: of the object.
        parent: group and plural of the type that was asked for; of a subresource, that of its parent.
        object: None for DELETE and some CONNECT.
        old_object: None for CREATE.
        request: all of it, as expressions see it.
    """

    uid: str
    operation: str
    kind: Kind
    parent: tuple[str, str]
    subresource: str
    namespace: str
    name: str
    object: Mapping[str, Any] | None
    old_object: Mapping[str, Any] | None
    requester: Requester
    dry_run: bool
    request: Mapping[str, Any] = field(repr=False)

    def resource(
        self,
        namespace: Mapping[str, Any] | None = None,
        left_out: frozenset[str] = frozenset(),
        kind: Kind | None = None,
        requester: Requester | None = None,
    ) -> Resource:
        """Return what policies judge: the object, or for DELETE the one that goes; arguments of `Resource`.

        `namespace` is the one that the object is in; None for unknown.

        Raises:
            EvaluationError: `no-object`: the request has none.
        """
        data = self.old_object if self.operation == "DELETE" else self.object
        if data is None:
            raise EvaluationError("no-object", f"the {self.operation} request holds no object")
        return Resource(
            data,
            namespace_labels=None if namespace is None else labels_of(namespace),
            namespace_object=namespace,
            operation=self.operation,
            subresource=self.subresource,
            requester=requester or self.requester,
            values={"request": dict(self.request), **account_variables(self.requester.username)},
            left_out=left_out,
            kind=kind,
        )


class ReviewError(ValueError):
    """The body is no review that can be judged; the text says why and quotes nothing of it."""


def read_review(body: bytes) -> Review:
    """Return the review of a request; a `response` in it is ignored (W3). `body` has a bounded length.

    Raises:
        ReviewError: it is no AdmissionReview v1, or what it says does not fit together.
    """
    try:
        data = parse(body, MAX_DEPTH)
    except StrictJsonError as error:
        raise ReviewError(f"the review cannot be read: {error}") from error
    if not isinstance(data, dict) or data.get("kind") != "AdmissionReview":
        raise ReviewError("this is no AdmissionReview")
    if data.get("apiVersion") != VERSION:
        raise ReviewError(f"only AdmissionReview of {VERSION} is read")
    request = data.get("request")
    if not isinstance(request, dict):
        raise ReviewError("the review has no request")
    uid, operation = _text(request, "uid"), _text(request, "operation")
    if not uid:
        raise ReviewError("the request has no uid")
    if operation not in OPERATIONS:
        raise ReviewError("the request has an unknown operation")
    kind, resource = _mapping(request, "kind"), _mapping(request, "resource")
    review = Review(
        uid=uid,
        operation=operation,
        kind=Kind(_text(kind, "group"), _text(kind, "version"), _text(kind, "kind")),
        parent=(_text(resource, "group"), _text(resource, "resource")),
        subresource=_text(request, "subResource"),
        namespace=_text(request, "namespace"),
        name=_text(request, "name"),
        object=_object(request, "object"),
        old_object=_object(request, "oldObject"),
        requester=_requester(_mapping(request, "userInfo")),
        dry_run=request.get("dryRun") is True,
        request=request,
    )
    _check(review)
    return review


def write_answer(
    uid: str,
    *,
    allowed: bool,
    message: str = "",
    code: int = 403,
    warnings: Sequence[str] = (),
    patch: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    """Return the body of an answer; a patch only with what is allowed."""
    response: dict[str, Any] = {"uid": uid, "allowed": allowed}
    if not allowed:
        response["status"] = {"status": "Failure", "message": message, "code": code}
    if warnings:
        response["warnings"] = [_cut(text) for text in warnings]
    if allowed and patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(json.dumps(list(patch)).encode()).decode()
    answer = {"apiVersion": VERSION, "kind": "AdmissionReview", "response": response}
    try:
        return orjson.dumps(answer)
    except orjson.JSONEncodeError:  # half of a surrogate pair in a message: the verdict counts all the same
        return json.dumps(answer).encode()


def _cut(text: str) -> str:
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= MAX_WARNING else line[: MAX_WARNING - 3] + "..."


def _check(review: Review) -> None:
    """Refuse a review whose object is another than the request says (W18)."""
    for found in (review.object, review.old_object):
        if found is None:
            continue
        version = f"{review.kind.group}/{review.kind.version}" if review.kind.group else review.kind.version
        if found.get("kind") != review.kind.kind or found.get("apiVersion") != version:
            raise ReviewError("the object is of another kind than the request says")
        metadata = found.get("metadata")
        namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
        if review.kind.kind == "Namespace" or (review.subresource and not namespace):
            continue
        # Policies of a namespace look at the object's, so that a missing one would hide it from them.
        if (namespace or "") != review.namespace:
            raise ReviewError("the object is in another namespace than the request says")
    if review.operation in ("CREATE", "UPDATE") and review.object is None:
        raise ReviewError("the request has no object")
    if review.operation == "DELETE" and review.object is not None:
        raise ReviewError("a DELETE request has an object")


def _requester(info: Mapping[str, Any]) -> Requester:
    groups = info.get("groups") or ()
    if not isinstance(groups, list | tuple) or not all(isinstance(g, str) for g in groups):
        raise ReviewError("userInfo.groups is no list of texts")
    return Requester(username=_text(info, "username"), groups=tuple(groups))


def _text(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field, "")
    if not isinstance(value, str):
        raise ReviewError(f"{field} is no text")
    return value


def _mapping(data: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    value = data.get(field) or {}
    if not isinstance(value, dict):
        raise ReviewError(f"{field} is no object")
    return value


def _object(data: Mapping[str, Any], field: str) -> Mapping[str, Any] | None:
    value = data.get(field)
    if value is not None and not isinstance(value, dict):
        raise ReviewError(f"{field} is no object")
    return value
