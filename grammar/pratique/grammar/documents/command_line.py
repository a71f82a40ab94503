"""Files that tell a command line what no cluster is there to tell: values and the sender of requests.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/apis/v1alpha1` (Values, UserInfo), `api/kyverno/v2`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pydantic import Field

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.metadata import ObjectMeta

Dotted: TypeAlias = dict[str, Any]
"""Paths with dots, such as `request.object.metadata.name` or `entry.data.key`, and their values."""


class _File(Model):
    api_version: Literal["cli.kyverno.io/v1alpha1"]
    metadata: Any = None


class ResourceValues(Model):
    """Values for resources of one name."""

    name: str
    values: Dotted = Field(default_factory=dict)


class RuleValues(Model):
    """Values for one rule; `foreach_values` hold one for each round of its loops."""

    name: str
    values: Dotted = Field(default_factory=dict)
    foreach_values: dict[str, Items[Any]] = Field(default_factory=dict)


class PolicyValues(Model):
    """Values for one policy."""

    name: str
    resources: Items[ResourceValues] = ()
    rules: Items[RuleValues] = ()


class NamespaceLabels(Model):
    """Labels of a namespace."""

    name: str
    labels: dict[str, str] = Field(default_factory=dict)


class Namespace(Model):
    """A Namespace object, of which the labels count."""

    api_version: str = "v1"
    kind: Literal["Namespace"] = "Namespace"
    metadata: ObjectMeta
    spec: Any = None
    status: Any = None


class ApiResource(Model):
    """What the cluster says of a kind."""

    name: str = ""
    singular_name: str = ""
    namespaced: bool = False
    group: str = ""
    version: str = ""
    kind: str
    verbs: Items[str] = ()
    short_names: Items[str] = ()
    categories: Items[str] = ()
    storage_version_hash: str = ""


class SubresourceMapping(Model):
    """Objects of one kind that stand for a subresource of another: `Scale` for `deployments/scale`."""

    subresource: ApiResource
    parent_resource: ApiResource


class ValuesSpec(Model):
    """Values that no cluster is there to tell."""

    global_values: Dotted = Field(default_factory=dict)
    policies: Items[PolicyValues] = ()
    namespace_selector: Items[NamespaceLabels] = ()
    namespaces: Items[Namespace] = ()
    subresources: Items[SubresourceMapping] = ()


class Values(_File, ValuesSpec):
    """A values file."""

    kind: Literal["Values"]


class Sender(Model):
    """Who sent a request."""

    username: str = ""
    uid: str = ""
    groups: Items[str] = ()
    extra: dict[str, Items[str]] = Field(default_factory=dict)


class UserInfoFile(_File):
    """A user info file: the sender, and the roles that the cluster grants."""

    kind: Literal["UserInfo"]
    roles: Items[str] = ()
    cluster_roles: Items[str] = ()
    user_info: Sender = Field(default_factory=Sender)
