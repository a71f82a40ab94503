"""Kubernetes' own policies in CEL, and their bindings.

Versions v1, v1beta1 and v1alpha1 have the same fields.

References: Kubernetes 1.36 `api/admissionregistration`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.cel_policies import FailurePolicy, ValidationAction
from pratique.grammar.documents.match_constraints import (
    CelAuditAnnotation,
    CelMutation,
    CelValidation,
    MatchConstraints,
    NamedCelExpression,
)
from pratique.grammar.documents.metadata import ObjectMeta
from pratique.grammar.documents.selection import LabelSelector

ApiVersion: TypeAlias = Literal[
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1beta1",
    "admissionregistration.k8s.io/v1alpha1",
]


class ParamKind(Model):
    """The kind of objects that expressions see as `params`."""

    api_version: str
    kind: str


class ParamRef(Model):
    """Which object of that kind; one of name and selector."""

    name: str = ""
    namespace: str = ""
    selector: LabelSelector | None = None
    parameter_not_found_action: Literal["Allow", "Deny"] | None = None


class _AdmissionSpec(Model):
    param_kind: ParamKind | None = None
    match_constraints: MatchConstraints | None = None
    match_conditions: Items[NamedCelExpression] = ()
    variables: Items[NamedCelExpression] = ()
    failure_policy: FailurePolicy | None = None


class ValidatingAdmissionSpec(_AdmissionSpec):
    """What a ValidatingAdmissionPolicy demands."""

    validations: Items[CelValidation] = ()
    audit_annotations: Items[CelAuditAnnotation] = ()


class MutatingAdmissionSpec(_AdmissionSpec):
    """What a MutatingAdmissionPolicy changes."""

    mutations: Items[CelMutation] = ()
    reinvocation_policy: Literal["Never", "IfNeeded"] | None = None


class BindingSpec(Model):
    """Where a policy counts, and with which parameters."""

    policy_name: str
    param_ref: ParamRef | None = None
    match_resources: MatchConstraints | None = None
    validation_actions: Items[ValidationAction] = ()


class _AdmissionObject(Model):
    api_version: ApiVersion
    metadata: ObjectMeta
    status: Any = None


class ValidatingAdmissionPolicy(_AdmissionObject):
    """A demand on resources that counts where it is bound."""

    kind: Literal["ValidatingAdmissionPolicy"]
    spec: ValidatingAdmissionSpec


class MutatingAdmissionPolicy(_AdmissionObject):
    """A change of resources that counts where it is bound."""

    kind: Literal["MutatingAdmissionPolicy"]
    spec: MutatingAdmissionSpec


class AdmissionBinding(_AdmissionObject):
    """A binding of a policy of either kind."""

    kind: Literal["ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicyBinding"]
    spec: BindingSpec


AdmissionPolicyModel: TypeAlias = ValidatingAdmissionPolicy | MutatingAdmissionPolicy
