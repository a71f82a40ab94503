"""Kyverno's `CleanupPolicy` and `ClusterCleanupPolicy`: objects that are deleted on a schedule.

References: Kyverno 1.19 `api/kyverno/v2` (CleanupPolicySpec) and its CRD; v2beta1, which is deprecated,
has the same fields.
"""

from __future__ import annotations

from typing import Any, Literal

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.exceptions import ExceptionConditions, ExceptionMatch
from pratique.grammar.documents.metadata import ObjectMeta


class CleanupSpec(Model):
    """Which objects are deleted, and when.

    Attributes:
        schedule: five fields of cron, or a word such as `@daily`.
    """

    schedule: str
    match: ExceptionMatch
    exclude: ExceptionMatch | None = None
    conditions: ExceptionConditions | None = None
    context: Items[ContextEntry] = ()
    deletion_propagation_policy: Literal["Foreground", "Background", "Orphan"] | None = None


class _CleanupBase(Model):
    api_version: Literal["kyverno.io/v2", "kyverno.io/v2beta1"]
    metadata: ObjectMeta
    spec: CleanupSpec
    status: Any = None


class ClusterCleanupPolicy(_CleanupBase):
    """A policy about objects of the whole cluster."""

    kind: Literal["ClusterCleanupPolicy"]


class CleanupPolicy(_CleanupBase):
    """A policy about the objects of the namespace it is in."""

    kind: Literal["CleanupPolicy"]


CleanupModel = CleanupPolicy | ClusterCleanupPolicy
