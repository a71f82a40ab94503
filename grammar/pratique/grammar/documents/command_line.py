"""Files that tell a command line what no cluster is there to tell: values and the sender of requests.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/apis/v1alpha1` (Values, UserInfo), `api/kyverno/v2`.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, TypeAlias

from pydantic import Field, model_validator

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.metadata import ObjectMeta

Dotted: TypeAlias = dict[str, Any]
"""Paths with dots, such as `request.object.metadata.name` or `entry.data.key`, and their values."""


class CommandLineModel(Model):
    """Base of the models of such files: letters in names of fields may be capital or small, as Go has it.

    What a file says of its own version and kind does not count, as long as it says something.
    """

    @model_validator(mode="before")
    @classmethod
    def _ignore_case(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        names = _names(cls)
        return {names.get(key.lower(), key) if isinstance(key, str) else key: data[key] for key in data}


@cache
def _names(model: type[Model]) -> dict[str, str]:
    aliases = [field.alias or name for name, field in model.model_fields.items()]
    return {alias.lower(): alias for alias in aliases}


Said = Annotated[str, Field(min_length=1)]
"""A text that is not empty."""


class _File(CommandLineModel):
    api_version: Said
    kind: Said
    metadata: Any = None


class ResourceValues(CommandLineModel):
    """Values for resources of one name."""

    name: str
    values: Dotted = Field(default_factory=dict)


class RuleValues(CommandLineModel):
    """Values for one rule; `foreach_values` hold one for each round of its loops."""

    name: str
    values: Dotted = Field(default_factory=dict)
    foreach_values: dict[str, Items[Any]] = Field(default_factory=dict)


class PolicyValues(CommandLineModel):
    """Values for one policy."""

    name: str
    resources: Items[ResourceValues] = ()
    rules: Items[RuleValues] = ()


class NamespaceLabels(CommandLineModel):
    """Labels of a namespace."""

    name: str
    labels: dict[str, str] = Field(default_factory=dict)


class Namespace(CommandLineModel):
    """A Namespace object, of which the labels count."""

    api_version: str = "v1"
    kind: str = "Namespace"
    metadata: ObjectMeta
    spec: Any = None
    status: Any = None


class ApiResource(CommandLineModel):
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


class SubresourceMapping(CommandLineModel):
    """Objects of one kind that stand for a subresource of another: `Scale` for `deployments/scale`."""

    subresource: ApiResource
    parent_resource: ApiResource


class ValuesSpec(CommandLineModel):
    """Values that no cluster is there to tell."""

    global_values: Dotted = Field(default_factory=dict)
    policies: Items[PolicyValues] = ()
    namespace_selector: Items[NamespaceLabels] = ()
    namespaces: Items[Namespace] = ()
    subresources: Items[SubresourceMapping] = ()


class Values(_File, ValuesSpec):
    """A values file."""


class Sender(CommandLineModel):
    """Who sent a request."""

    username: str = ""
    uid: str = ""
    groups: Items[str] = ()
    extra: dict[str, Items[str]] = Field(default_factory=dict)


class UserInfoFile(_File):
    """A user info file: the sender, and the roles that the cluster grants."""

    roles: Items[str] = ()
    cluster_roles: Items[str] = ()
    user_info: Sender = Field(default_factory=Sender)
