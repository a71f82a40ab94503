"""Kubernetes object metadata, as far as policies are concerned.

References: Kubernetes API conventions; RFC 1123 as apimachinery's `validation` package reads it.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from pratique.grammar.documents.base import Model

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NAMESPACE = re.compile(_LABEL)


def _object_name(name: str) -> str:
    if len(name) > 253 or not _SUBDOMAIN.fullmatch(name):
        raise ValueError(
            "must be a Kubernetes name: lower-case letters, digits, `-` and `.`, at most 253 characters,"
            " beginning and ending with a letter or digit"
        )
    return name


def _namespace(name: str) -> str:
    if len(name) > 63 or not _NAMESPACE.fullmatch(name):
        raise ValueError(
            "must be a namespace: lower-case letters, digits and `-`, at most 63 characters, beginning and"
            " ending with a letter or digit"
        )
    return name


ObjectName = Annotated[str, AfterValidator(_object_name)]
NamespaceName = Annotated[str, AfterValidator(_namespace)]


class ObjectMeta(Model):
    """Metadata of a policy; fields that only the API server uses are kept as they are."""

    model_config = ConfigDict(extra="allow")

    name: ObjectName
    namespace: NamespaceName | None = None
    annotations: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
