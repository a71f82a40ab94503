"""Kyverno's policies in CEL with every field of their schema, cluster-wide and in namespaces.

Versions v1, v1beta1 and v1alpha1 have the same fields.

References: Kyverno 1.19 `api/policies.kyverno.io` and its CRDs (`config/crds/policies.kyverno.io`).
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.credentials import ImageRegistryCredentials
from pratique.grammar.documents.image_validation import (
    ImageAttestation,
    ImageAttestor,
    ImageReferencePattern,
    ValidationConfigurations,
)
from pratique.grammar.documents.match_constraints import (
    CelAuditAnnotation,
    CelMutation,
    CelValidation,
    MatchConstraints,
    NamedCelExpression,
    TargetMatchConstraints,
)
from pratique.grammar.documents.metadata import ObjectMeta

FailurePolicy: TypeAlias = Literal["Ignore", "Fail"]
ValidationAction: TypeAlias = Literal["Deny", "Audit", "Warn"]


# --- parts that several kinds share --------------------------------------------------------------------


class Enabled(Model):
    """Something that is on by default."""

    enabled: bool = True


class Disabled(Model):
    """Something that is off by default."""

    enabled: bool = False


class PodControllers(Model):
    """Controllers of Pods that a policy is extended to; absent for all of them."""

    controllers: Items[str] | None = None


class CelWebhookConfiguration(Model):
    """How the admission webhook of a policy is set up."""

    timeout_seconds: int | None = None


class _CelSpec(Model):
    match_constraints: MatchConstraints | None = None
    match_conditions: Items[NamedCelExpression] = ()
    variables: Items[NamedCelExpression] = ()
    audit_annotations: Items[CelAuditAnnotation] = ()
    webhook_configuration: CelWebhookConfiguration | None = None


# --- validating ----------------------------------------------------------------------------------------


class Evaluation(Model):
    """When a policy is evaluated, and over what: requests, or any JSON."""

    mode: Literal["Kubernetes", "JSON", "HTTP", "Envoy"] | None = None
    admission: Enabled | None = None
    background: Enabled | None = None


class ValidatingAutogen(Model):
    """Forms of a policy that are made from it."""

    pod_controllers: PodControllers | None = None
    validating_admission_policy: Disabled | None = None


class ValidatingSpec(_CelSpec):
    """What a ValidatingPolicy demands."""

    validations: Items[CelValidation] = ()
    validation_actions: Items[ValidationAction] = ()
    failure_policy: FailurePolicy | None = None
    evaluation: Evaluation | None = None
    autogen: ValidatingAutogen | None = None


# --- validating images ---------------------------------------------------------------------------------


class ImageAutogen(Model):
    """Forms of a policy that are made from it."""

    pod_controllers: PodControllers | None = None


class ImageValidatingSpec(_CelSpec):
    """What an ImageValidatingPolicy demands."""

    match_image_references: Items[ImageReferencePattern] = ()
    images: Items[NamedCelExpression] = ()
    attestors: Items[ImageAttestor]
    attestations: Items[ImageAttestation] = ()
    validations: Items[CelValidation]
    validation_actions: Items[ValidationAction] = ()
    validation_configurations: ValidationConfigurations = ValidationConfigurations()
    credentials: ImageRegistryCredentials | None = None
    failure_policy: FailurePolicy | None = None
    evaluation: Evaluation | None = None
    autogen: ImageAutogen | None = None


# --- mutating ------------------------------------------------------------------------------------------


class MutatingEvaluation(Evaluation):
    """When a policy is evaluated, and whether it changes objects that exist."""

    mode: Literal["Kubernetes", "JSON"] | None = None
    mutate_existing: Disabled | None = None
    skip_background_requests: bool = True
    use_server_side_apply: bool = False


class MutatingAutogen(Model):
    """Forms of a policy that are made from it."""

    pod_controllers: PodControllers | None = None
    mutating_admission_policy: Disabled | None = None


class MutatingSpec(_CelSpec):
    """What a MutatingPolicy changes."""

    mutations: Items[CelMutation] = ()
    target_match_constraints: TargetMatchConstraints | None = None
    target_match_conditions: Items[NamedCelExpression] = ()
    reinvocation_policy: Literal["Never", "IfNeeded"] | None = None
    failure_policy: FailurePolicy | None = None
    evaluation: MutatingEvaluation | None = None
    autogen: MutatingAutogen | None = None


# --- generating ----------------------------------------------------------------------------------------


class GeneratingEvaluation(Model):
    """When a policy is evaluated, and what becomes of the objects that it made."""

    admission: Enabled | None = None
    generate_existing: Disabled | None = None
    synchronize: Disabled | None = None
    orphan_downstream_on_policy_delete: Disabled | None = None
    skip_background_requests: bool = True


class GenerationTemplate(Model):
    """Objects as YAML text, with expressions in `((…))` where `interpolate` is `cel`."""

    value: str = Field(min_length=1)
    interpolate: Literal["none", "cel"] = "none"


class CelGeneration(Model):
    """What is made: an expression that generates, or a template; exactly one of them."""

    expression: str = ""
    template: GenerationTemplate | None = None


class GeneratingSpec(_CelSpec):
    """What a GeneratingPolicy makes."""

    generate: Items[CelGeneration] = Field(min_length=1)
    evaluation: GeneratingEvaluation | None = None
    use_server_side_apply: bool = False


# --- deleting ------------------------------------------------------------------------------------------


class DeletingSpec(Model):
    """What a DeletingPolicy deletes, and when."""

    match_constraints: MatchConstraints | None = None
    conditions: Items[NamedCelExpression] = ()
    variables: Items[NamedCelExpression] = ()
    schedule: str
    deletion_propagation_policy: Literal["Foreground", "Background", "Orphan"] | None = None


# --- kinds ---------------------------------------------------------------------------------------------


class _CelPolicy(Model):
    api_version: Literal[
        "policies.kyverno.io/v1", "policies.kyverno.io/v1beta1", "policies.kyverno.io/v1alpha1"
    ]
    metadata: ObjectMeta
    status: Any = None


class ValidatingPolicy(_CelPolicy):
    """A demand on resources."""

    kind: Literal["ValidatingPolicy", "NamespacedValidatingPolicy"]
    spec: ValidatingSpec


class ImageValidatingPolicy(_CelPolicy):
    """A demand on images."""

    kind: Literal["ImageValidatingPolicy", "NamespacedImageValidatingPolicy"]
    spec: ImageValidatingSpec


class MutatingPolicy(_CelPolicy):
    """A change of resources."""

    kind: Literal["MutatingPolicy", "NamespacedMutatingPolicy"]
    spec: MutatingSpec


class GeneratingPolicy(_CelPolicy):
    """Objects that are made when others come."""

    kind: Literal["GeneratingPolicy", "NamespacedGeneratingPolicy"]
    spec: GeneratingSpec


class DeletingPolicy(_CelPolicy):
    """Objects that are deleted from time to time."""

    kind: Literal["DeletingPolicy", "NamespacedDeletingPolicy"]
    spec: DeletingSpec


CelPolicyModel: TypeAlias = (
    ValidatingPolicy | ImageValidatingPolicy | MutatingPolicy | GeneratingPolicy | DeletingPolicy
)
