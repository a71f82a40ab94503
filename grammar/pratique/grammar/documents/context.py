"""Entries of `context`: named values that a rule reads, and where they come from. Expressions stay texts.

References: Kyverno 1.19 `api/kyverno/v1` (ContextEntry and below) and its CRD.
"""

from __future__ import annotations

from typing import Any, Literal

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.credentials import ImageRegistryCredentials


class Variable(Model):
    """A value written in the policy, or taken from values that are there; `default` where there is none."""

    value: Any = None
    jmes_path: str = ""
    default: Any = None


class ConfigMapReference(Model):
    """A ConfigMap of the cluster."""

    name: str
    namespace: str = ""


class RequestData(Model):
    """One member of the JSON object that a POST sends."""

    key: str
    value: Any


class HttpHeader(Model):
    """A header of a service call."""

    key: str
    value: str


class ServiceCall(Model):
    """A JSON web service."""

    url: str
    headers: Items[HttpHeader] = ()
    ca_bundle: str = ""


class ApiCall(Model):
    """A call of the Kubernetes API (`url_path`) or of another service."""

    url_path: str = ""
    method: Literal["GET", "POST"] = "GET"
    data: Items[RequestData] = ()
    service: ServiceCall | None = None
    default: Any = None
    jmes_path: str = ""


class GlobalReference(Model):
    """A GlobalContextEntry: `entry`, or `entry.projection`."""

    name: str
    jmes_path: str = ""


class ImageRegistry(Model):
    """What a registry knows of an image."""

    reference: str
    jmes_path: str = ""
    image_registry_credentials: ImageRegistryCredentials | None = None


class ContextEntry(Model):
    """One named value; exactly one source is meant to be given (the compiler checks it)."""

    name: str
    variable: Variable | None = None
    config_map: ConfigMapReference | None = None
    api_call: ApiCall | None = None
    global_reference: GlobalReference | None = None
    image_registry: ImageRegistry | None = None
