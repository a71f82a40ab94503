"""Context entries in the IR: named values of a rule, and where each comes from.

Texts may hold variables; they are rendered in the order of the entries, when an expression first mentions the
name. Part of the IR (see `ir.Rule.context`), kept apart because rules of every kind share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pratique.compiler.ir import NOWHERE, At, RegistryCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableSource:
    """A value of the policy itself.

    Attributes:
        value: JSON data; None for none.
        path: JMESPath over `value`, or over the whole context where there is none; empty for none.
        default: JSON data that stands in where the path leads nowhere; None for none.
    """

    value: Any = field(default=None, hash=False)
    path: str = ""
    default: Any = field(default=None, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapSource:
    """A ConfigMap; an empty namespace is the policy's own, or `default`."""

    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSource:
    """An answer of the Kubernetes API (`url_path`) or of a web service (`service_url`).

    Attributes:
        data: members of the JSON object that a POST sends, each as `{"key": ..., "value": ...}`.
        headers: of the service, in the same form.
        authorities: PEM of the authorities of the service's certificate; empty for the usual ones.
        default: JSON data that stands in where the call fails; None for none.
        path: JMESPath over the answer; empty for none.
    """

    url_path: str = ""
    service_url: str = ""
    method: str = "GET"
    data: tuple[Any, ...] = field(default=(), hash=False)
    headers: tuple[Any, ...] = field(default=(), hash=False)
    authorities: str = ""
    default: Any = field(default=None, hash=False)
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalSource:
    """A value that the cluster keeps for all policies: `entry` or `entry.projection`."""

    name: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSource:
    """What a registry knows of an image."""

    reference: str
    path: str = ""
    credentials: RegistryCredentials | None = None


Source: TypeAlias = VariableSource | ConfigMapSource | ApiSource | GlobalSource | ImageSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextEntry:
    """A named value of a rule."""

    name: str
    source: Source
    at: At = field(default=NOWHERE, compare=False)
