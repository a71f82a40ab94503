"""Kyverno's `PolicyException`: resources that some rules of some policies leave alone.

References: Kyverno 1.19 `api/kyverno/v2` and its CRD (`config/crds/kyverno`); v2beta1, which is deprecated,
has the same fields.
"""

from __future__ import annotations

from typing import Any, Literal

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.metadata import ObjectMeta
from pratique.grammar.documents.selection import ResourceFilter
from pratique.grammar.documents.validation import PodSecurityStandard


class ExceptionMatch(Model):
    """The resources: filters under `any` or `all`; there is no `exclude`."""

    any: Items[ResourceFilter] = ()
    all: Items[ResourceFilter] = ()


class ExceptionCondition(Model):
    """One comparison; `key` and `value` are any JSON, mostly texts with `{{ expressions }}`."""

    key: Any = None
    operator: (
        Literal[
            "Equals",
            "NotEquals",
            "AnyIn",
            "AllIn",
            "AnyNotIn",
            "AllNotIn",
            "GreaterThanOrEquals",
            "GreaterThan",
            "LessThanOrEquals",
            "LessThan",
            "DurationGreaterThanOrEquals",
            "DurationGreaterThan",
            "DurationLessThanOrEquals",
            "DurationLessThan",
        ]
        | None
    ) = None
    value: Any = None
    message: str = ""


class ExceptionConditions(Model):
    """Holds if some of `any` holds (or there is none) and all of `all` hold."""

    any: Items[ExceptionCondition] = ()
    all: Items[ExceptionCondition] = ()


class ExceptedRules(Model):
    """Rules of one policy.

    Attributes:
        policy_name: the very name, `namespace/name` for a `Policy`.
        rule_names: wildcards; generated rules count under their own names, such as `autogen-verify`.
    """

    policy_name: str
    rule_names: Items[str]


class ExceptionSpec(Model):
    """Which resources which rules leave alone."""

    background: bool = True
    match: ExceptionMatch
    conditions: ExceptionConditions | None = None
    exceptions: Items[ExceptedRules]
    pod_security: Items[PodSecurityStandard] = ()


class PolicyException(Model):
    """An exception; where it may stand is a setting of Kyverno, not of the exception."""

    api_version: Literal["kyverno.io/v2", "kyverno.io/v2beta1"]
    kind: Literal["PolicyException"]
    metadata: ObjectMeta
    spec: ExceptionSpec
