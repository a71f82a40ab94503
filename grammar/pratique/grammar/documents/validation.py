"""`validate`: what is demanded of resources. Patterns stay plain JSON, expressions stay texts.

References: Kyverno 1.19 `api/kyverno/v1` (Validation, ForEachValidation, PodSecurity, CEL, Manifests) and its
CRD.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field

from pratique.grammar.documents.attestors import AttestorSet
from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.conditions import Conditions
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.selection import LabelSelector

OldAction: TypeAlias = Literal["audit", "enforce", "Audit", "Enforce"]


class ValidationFailureActionOverride(Model):
    """Another failure action for some namespaces."""

    action: OldAction | None = None
    namespaces: Items[str] = ()
    namespace_selector: LabelSelector | None = None


class Deny(Model):
    """Conditions under which something is refused; plain JSON. Without any it always is."""

    conditions: Any = None


class ForEachValidation(Model):
    """A loop: each element of a list is demanded the same; exactly one of the last four is meant."""

    list: str = ""
    element_scope: bool | None = None
    context: Items[ContextEntry] = ()
    preconditions: Conditions | None = None
    pattern: Any = None
    any_pattern: Any = None
    deny: Deny | None = None
    foreach: Items[ForEachValidation] = ()


class PodSecurityStandard(Model):
    """A control that is not asked for, of the whole Pod or of containers by their image."""

    control_name: Literal[
        "HostProcess",
        "Host Namespaces",
        "Privileged Containers",
        "Capabilities",
        "HostPath Volumes",
        "Host Ports",
        "AppArmor",
        "SELinux",
        "/proc Mount Type",
        "Seccomp",
        "Sysctls",
        "Volume Types",
        "Privilege Escalation",
        "Running as Non-root",
        "Running as Non-root user",
    ]
    images: Items[str] = ()
    restricted_field: str = ""
    values: Items[str] = ()


class PodSecurity(Model):
    """The Pod Security Standards of Kubernetes."""

    level: Literal["privileged", "baseline", "restricted"] | None = None
    version: (
        Literal[
            "v1.19",
            "v1.20",
            "v1.21",
            "v1.22",
            "v1.23",
            "v1.24",
            "v1.25",
            "v1.26",
            "v1.27",
            "v1.28",
            "v1.29",
            "v1.30",
            "v1.31",
            "v1.32",
            "latest",
        ]
        | None
    ) = None
    exclude: Items[PodSecurityStandard] = ()


class CelExpression(Model):
    """A CEL expression that must be true."""

    expression: str
    message: str = ""
    message_expression: str = ""
    reason: str = ""


class CelVariable(Model):
    """A named CEL expression."""

    name: str
    expression: str


class CelAuditAnnotation(Model):
    """An annotation of the audit event."""

    key: str
    value_expression: str


class ParamKind(Model):
    """The kind of the parameters of a policy."""

    api_version: str = ""
    kind: str = ""


class ParamRef(Model):
    """Which objects are the parameters."""

    name: str = ""
    namespace: str = ""
    parameter_not_found_action: str | None = None
    selector: LabelSelector | None = None


class Cel(Model):
    """Expressions in CEL, as Kubernetes' ValidatingAdmissionPolicy has them."""

    generate: bool = False
    expressions: Items[CelExpression] = ()
    variables: Items[CelVariable] = ()
    param_kind: ParamKind | None = None
    param_ref: ParamRef | None = None
    audit_annotations: Items[CelAuditAnnotation] = ()


class DryRun(Model):
    """Whether the signed manifest is sent to the API server to see what it makes of it."""

    enable: bool = False
    namespace: str = ""


class ManifestObject(Model):
    """Which objects fields are ignored of; empty parts test nothing."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""


class IgnoredFields(Model):
    """Fields that may differ from the signed manifest."""

    objects: Items[ManifestObject] = ()
    fields: Items[str] = ()


class Manifests(Model):
    """A signature of the manifest that the resource was made from."""

    attestors: Items[AttestorSet] = ()
    annotation_domain: str = ""
    dry_run: DryRun | None = None
    ignore_fields: Items[IgnoredFields] = ()
    repository: str = ""


class Validation(Model):
    """What a `validate` rule demands; exactly one of the checks is meant (the compiler checks it)."""

    failure_action: Literal["Audit", "Enforce"] | None = None
    failure_action_overrides: Items[ValidationFailureActionOverride] = ()
    allow_existing_violations: bool = True
    message: str = ""
    pattern: Any = None
    any_pattern: Any = None
    deny: Deny | None = None
    foreach: Items[ForEachValidation] = ()
    pod_security: PodSecurity | None = None
    cel: Cel | None = None
    manifests: Manifests | None = None
    assertion: Any = Field(default=None, alias="assert")
