"""Kyverno's `PolicyException` for policies in CEL.

References: Kyverno 1.19 `api/policies.kyverno.io/v1beta1/policy_exception.go` and its CRD.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.match_constraints import NamedCelExpression
from pratique.grammar.documents.metadata import ObjectMeta


class PolicyRef(Model):
    """A policy by kind and name."""

    name: str
    kind: str


class CelExceptionSpec(Model):
    """What is left alone: all of a policy, or some images and values that its expressions ask for.

    Attributes:
        expires_at: instant (RFC 3339) after which it does not count.
    """

    policy_refs: Items[PolicyRef]
    match_conditions: Items[NamedCelExpression] = ()
    images: Items[str] = ()
    allowed_values: Items[str] = ()
    report_result: Literal["skip", "pass"] = "skip"
    expires_at: str = ""
    evaluation_mode: str = ""
    properties: dict[str, str] = Field(default_factory=dict)


class CelPolicyException(Model):
    """An exception; where it may stand is a setting of Kyverno, not of the exception."""

    api_version: Literal[
        "policies.kyverno.io/v1", "policies.kyverno.io/v1beta1", "policies.kyverno.io/v1alpha1"
    ]
    kind: Literal["PolicyException"]
    metadata: ObjectMeta
    spec: CelExceptionSpec
    status: Any = None
