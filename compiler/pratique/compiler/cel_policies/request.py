"""A request as policies in CEL see it.

References: Kubernetes 1.36 `admission/v1` AdmissionRequest; Kyverno 1.19 `pkg/cel/engine/request.go`,
`pkg/cel/policies/*/compiler/eval.go` (what is null, what is empty and what is not there).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from pratique.compiler.cel.libraries.kubernetes.authorizer import authorizer, resource_check
from pratique.compiler.cel.questions import AccessQuestion
from pratique.compiler.cel_bodies import Dialect


class Coordinates(NamedTuple):
    """Group, version, and kind or resource."""

    group: str
    version: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """An admission request, or what stands for one.

    Attributes:
        kind: of the object.
        resource: plural name of the kind.
        object: None for DELETE.
        old_object: None for CREATE.
        namespace_object: the Namespace of the object; None where there is none, or nobody knows it.
        user: `username`, `uid`, `groups`, `extra` of who sent it, as far as they are known.
        raw: the request as the API server sent it, if it did.
    """

    kind: Coordinates
    resource: Coordinates
    subresource: str = ""
    name: str = ""
    namespace: str = ""
    operation: str = "CREATE"
    object: Mapping[str, Any] | None = None
    old_object: Mapping[str, Any] | None = None
    namespace_object: Mapping[str, Any] | None = None
    namespace_labels: Mapping[str, str] | None = None
    user: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)

    def bindings(self, dialect: Dialect) -> dict[str, Any]:
        """Return the values of the variables that all policies of a dialect see.

        An object that is not there is an empty map for Kyverno, and null for Kubernetes, which knows at least
        the name of a namespace.
        """
        if dialect is Dialect.KYVERNO:
            return {
                "object": {} if self.object is None else self.object,
                "oldObject": {} if self.old_object is None else self.old_object,
                "namespaceObject": self.namespace_object,
                "request": self._kyverno,
            }
        named = {"metadata": {"name": self.namespace}} if self.namespace else None
        return {
            "object": self.object,
            "oldObject": self.old_object,
            "namespaceObject": self.namespace_object or named,
            "request": self._fields,
            **self._authorizers,
        }

    @property
    def _authorizers(self) -> dict[str, Any]:
        user, groups = str(self.user.get("username") or ""), tuple(self.user.get("groups") or ())
        question = AccessQuestion(
            user=user,
            groups=groups,
            group=self.resource.group,
            resource=self.resource.name,
            subresource=self.subresource,
            namespace=self.namespace,
            name=self.name,
        )
        return {
            "authorizer": authorizer(user, groups),
            "authorizer.requestResource": resource_check(question),
        }

    @cached_property
    def _fields(self) -> dict[str, Any]:
        """The variable `request`: what is empty is not there."""
        kind = {"group": self.kind.group, "version": self.kind.version, "kind": self.kind.name}
        resource = {
            "group": self.resource.group,
            "version": self.resource.version,
            "resource": self.resource.name,
        }
        fields = {
            "kind": kind,
            "resource": resource,
            "subResource": self.subresource,
            "requestKind": self.raw.get("requestKind") or kind,
            "requestResource": self.raw.get("requestResource") or resource,
            "requestSubResource": self.raw.get("requestSubResource") or self.subresource,
            "name": self.name,
            "namespace": self.namespace,
            "operation": self.operation,
        }
        return {
            **{key: value for key, value in fields.items() if value},
            "userInfo": {key: value for key, value in self.user.items() if value},
            "dryRun": self.dry_run,
            "options": self.raw.get("options"),
        }

    @cached_property
    def _kyverno(self) -> dict[str, Any]:
        return {
            **self._fields,
            "object": _with_integers(self.object),
            "oldObject": _with_integers(self.old_object),
        }


def _with_integers(value: Any) -> Any:
    """Return JSON data as it is read back from a text: whole doubles are integers."""
    match value:
        case dict() | MappingProxyType():
            return {key: _with_integers(item) for key, item in value.items()}
        case list():
            return [_with_integers(item) for item in value]
        case float() if value.is_integer() and abs(value) < 2**63:
            return int(value)
        case _:
            return value
