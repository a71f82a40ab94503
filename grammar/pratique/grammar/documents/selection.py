"""`match` and `exclude`: which resources and requests a rule is about.

References: Kyverno 1.19 `api/kyverno/v1` (MatchResources, ResourceDescription, UserInfo) and its CRD.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pratique.grammar.documents.base import Items, Model


class LabelSelectorRequirement(Model):
    """One requirement of a label selector."""

    key: str
    operator: str
    values: Items[str] = ()


class LabelSelector(Model):
    """A Kubernetes label selector; Kyverno allows wildcards in `match_labels`."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: Items[LabelSelectorRequirement] = ()


class Subject(Model):
    """Who sent a request."""

    kind: Literal["User", "Group", "ServiceAccount"]
    name: str
    namespace: str = ""
    api_group: str = ""


class UserInfo(Model):
    """Tests on the sender of a request."""

    roles: Items[str] = ()
    cluster_roles: Items[str] = ()
    subjects: Items[Subject] = ()


class ResourceDescription(Model):
    """Tests on a resource; those that are empty test nothing."""

    kinds: Items[str] = ()
    name: str = ""
    names: Items[str] = ()
    namespaces: Items[str] = ()
    annotations: dict[str, str] = Field(default_factory=dict)
    selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    operations: Items[Literal["CREATE", "CONNECT", "UPDATE", "DELETE"]] = ()


class ResourceFilter(UserInfo):
    """One filter of `any` or `all`."""

    resources: ResourceDescription | None = None


class MatchResources(ResourceFilter):
    """A `match` or `exclude` block: filters under `any` or `all`, or (deprecated) one filter directly."""

    any: Items[ResourceFilter] = ()
    all: Items[ResourceFilter] = ()
