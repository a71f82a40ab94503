"""Which requests policies in CEL are about: rules over API resources, selectors, named expressions.

References: Kubernetes 1.36 `api/admissionregistration/v1` (MatchResources, NamedRuleWithOperations), which
Kyverno 1.19 uses for its own kinds, too.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.selection import LabelSelector

Operation: TypeAlias = Literal["CREATE", "UPDATE", "DELETE", "CONNECT", "*"]
Scope: TypeAlias = Literal["*", "Cluster", "Namespaced"]


class ResourceRule(Model):
    """API resources and operations; `*` stands for all, `pods/*` for all subresources."""

    api_groups: Items[str] = ()
    api_versions: Items[str] = ()
    operations: Items[Operation] = ()
    resources: Items[str] = ()
    resource_names: Items[str] = ()
    scope: Scope = "*"


class MatchConstraints(Model):
    """Requests that some rule names and none of the excluding ones, in selected namespaces."""

    resource_rules: Items[ResourceRule] = ()
    exclude_resource_rules: Items[ResourceRule] = ()
    namespace_selector: LabelSelector | None = None
    object_selector: LabelSelector | None = None
    match_policy: Literal["Exact", "Equivalent"] | None = None


class TargetMatchConstraints(MatchConstraints):
    """Existing objects that are changed: those that match, or those that an expression returns."""

    expression: str = ""


class NamedCelExpression(Model):
    """An expression with a name."""

    name: str
    expression: str


class CelValidation(Model):
    """An expression that must be true, and what is said where it is false."""

    expression: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""


class CelAuditAnnotation(Model):
    """A text for reports and the audit log, under a key."""

    key: str
    value_expression: str


class ApplyConfiguration(Model):
    """An expression whose object is merged into the resource."""

    expression: str = ""


class JsonPatchExpression(Model):
    """An expression whose operations (RFC 6902) are applied to the resource."""

    expression: str = ""


class CelMutation(Model):
    """A change of the resource, in one of two ways."""

    patch_type: Literal["ApplyConfiguration", "JSONPatch"]
    apply_configuration: ApplyConfiguration | None = None
    json_patch: JsonPatchExpression | None = None
