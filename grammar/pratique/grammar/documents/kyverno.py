"""Kyverno's `Policy` and `ClusterPolicy` with every field of their schema.

References: Kyverno 1.19 `api/kyverno/v1` and its CRD (`config/crds/kyverno`); v2beta1 is a subset, see
`v2beta1.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from pratique.grammar.documents.attestors import Attestation, AttestorSet
from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.credentials import ImageRegistryCredentials
from pratique.grammar.documents.generation import Generation
from pratique.grammar.documents.metadata import ObjectMeta
from pratique.grammar.documents.mutation import Mutation
from pratique.grammar.documents.selection import (
    LabelSelector,
    LabelSelectorRequirement,
    MatchResources,
    ResourceDescription,
    ResourceFilter,
    Subject,
    UserInfo,
)
from pratique.grammar.documents.validation import (
    Deny,
    OldAction,
    Validation,
    ValidationFailureActionOverride,
)

__all__ = [
    "ClusterPolicy",
    "Deny",
    "Generation",
    "ImageExtractor",
    "ImageRegistryCredentials",
    "ImageVerification",
    "LabelSelector",
    "LabelSelectorRequirement",
    "MatchCondition",
    "MatchResources",
    "Mutation",
    "Policy",
    "PolicyModel",
    "ResourceDescription",
    "ResourceFilter",
    "Rule",
    "Spec",
    "Subject",
    "UserInfo",
    "ValidateImageVerification",
    "Validation",
    "ValidationFailureActionOverride",
    "WebhookConfiguration",
]

FailurePolicy: TypeAlias = Literal["Ignore", "Fail"]


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError(
            "must not hold control characters, line ends or marks that change the writing direction"
        )
    return name


RuleName = Annotated[str, Field(min_length=1, max_length=63), AfterValidator(_printable)]


class ValidateImageVerification(Model):
    """Conditions over all attestations of an entry."""

    message: str = ""
    deny: Deny | None = None


class ImageVerification(Model):
    """One entry of `verifyImages`."""

    failure_action: Literal["Audit", "Enforce"] | None = None
    type: Literal["Cosign", "SigstoreBundle", "Notary"] | None = None
    image_references: Items[str] = ()
    skip_image_references: Items[str] = ()
    attestors: Items[AttestorSet] = ()
    attestations: Items[Attestation] = ()
    repository: str = ""
    mutate_digest: bool = True
    verify_digest: bool = True
    required: bool = True
    use_cache: bool = True
    image_registry_credentials: ImageRegistryCredentials | None = None
    validation: ValidateImageVerification | None = Field(default=None, alias="validate")
    cosign_oci11: bool = Field(default=False, alias="cosignOCI11")

    # Deprecated: one attestor written directly.
    image: str = ""
    key: str = ""
    roots: str = ""
    subject: str = ""
    issuer: str = ""
    additional_extensions: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class ImageExtractor(Model):
    """Where a kind of resource holds images: a path with slashes, `*` for each element."""

    path: str
    value: str = ""
    name: str = ""
    key: str = ""
    jmes_path: str = ""


class MatchCondition(Model):
    """A CEL condition with a name."""

    name: str
    expression: str


class Rule(Model):
    """One rule; exactly one of its four bodies is meant to be given (the compiler checks it)."""

    name: RuleName
    match: MatchResources
    exclude: MatchResources | None = None
    context: Items[ContextEntry] = ()
    preconditions: Any = None
    cel_preconditions: Items[MatchCondition] = ()
    image_extractors: dict[str, Items[ImageExtractor]] = Field(default_factory=dict)
    verify_images: Items[ImageVerification] = ()
    validation: Validation | None = Field(default=None, alias="validate")
    mutate: Mutation | None = None
    generate: Generation | None = None
    report_properties: dict[str, str] = Field(default_factory=dict)
    skip_background_requests: bool = True


class WebhookConfiguration(Model):
    """How the admission webhook of a policy is set up."""

    failure_policy: FailurePolicy | None = None
    timeout_seconds: int | None = None
    match_conditions: Items[MatchCondition] = ()


class Spec(Model):
    """What a policy demands: its rules in order, and how they are applied."""

    rules: Items[Rule] = ()
    apply_rules: Literal["All", "One"] | None = None
    failure_policy: FailurePolicy | None = None
    validation_failure_action: OldAction = "Audit"
    validation_failure_action_overrides: Items[ValidationFailureActionOverride] = ()
    emit_warning: bool = False
    admission: bool = True
    background: bool = True
    schema_validation: bool | None = None
    webhook_timeout_seconds: int | None = None
    webhook_configuration: WebhookConfiguration | None = None
    mutate_existing_on_policy_update: bool = False
    generate_existing_on_policy_update: bool | None = None
    generate_existing: bool = False
    use_server_side_apply: bool = False


class _PolicyBase(Model):
    api_version: Literal["kyverno.io/v1", "kyverno.io/v2beta1"]
    metadata: ObjectMeta
    spec: Spec
    status: Any = None


class ClusterPolicy(_PolicyBase):
    """A policy for the whole cluster."""

    kind: Literal["ClusterPolicy"]


class Policy(_PolicyBase):
    """A policy for the namespace it is in."""

    kind: Literal["Policy"]


PolicyModel: TypeAlias = ClusterPolicy | Policy
