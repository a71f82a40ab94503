"""The environments of policy kinds: which libraries, variables and types their expressions have.

References: Kubernetes 1.36 `apiserver/pkg/cel/environment/base.go` (at compatibility version 1.35),
`apiserver/pkg/admission/plugin/cel/compile.go`; Kyverno 1.19 `pkg/cel/compiler/env.go`,
`pkg/cel/policies/*/compiler`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pratique.compiler.cel.declarations import Fields
from pratique.compiler.cel.environment import Environment
from pratique.compiler.cel.libraries import (
    comprehensions,
    encoders,
    lists,
    mathematics,
    optionals,
    regex,
    sets,
    standard,
    strings,
)
from pratique.compiler.cel.libraries.kubernetes import (
    addresses,
    authorizer,
    formats,
    json_patch,
    quantities,
    urls,
    versions,
)
from pratique.compiler.cel.types import (
    BOOL,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    struct,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pratique.compiler.ir import RegistryCredentials

_TEXTS: Final = list_of(STRING)
_REQUEST: Final = struct("kubernetes.AdmissionRequest")
_NAMESPACE: Final = struct("kubernetes.Namespace")
_GVK: Final = struct("kubernetes.GroupVersionKind")
_GVR: Final = struct("kubernetes.GroupVersionResource")

REQUEST_FIELDS: Final[dict[str, Fields]] = {
    "kubernetes.GroupVersionKind": {"group": STRING, "version": STRING, "kind": STRING},
    "kubernetes.GroupVersionResource": {"group": STRING, "version": STRING, "resource": STRING},
    "kubernetes.UserInfo": {
        "username": STRING,
        "uid": STRING,
        "groups": _TEXTS,
        "extra": map_of(STRING, _TEXTS),
    },
    "kubernetes.AdmissionRequest": {
        "kind": _GVK,
        "resource": _GVR,
        "subResource": STRING,
        "requestKind": _GVK,
        "requestResource": _GVR,
        "requestSubResource": STRING,
        "name": STRING,
        "namespace": STRING,
        "operation": STRING,
        "userInfo": struct("kubernetes.UserInfo"),
        "dryRun": BOOL,
        "options": DYN,
    },
}
"""The variable `request`."""

NAMESPACE_FIELDS: Final[dict[str, Fields]] = {
    "kubernetes.NamespaceSpec": {"finalizers": _TEXTS},
    "kubernetes.NamespaceCondition": {
        "status": STRING,
        "type": STRING,
        "lastTransitionTime": TIMESTAMP,
        "message": STRING,
        "reason": STRING,
    },
    "kubernetes.NamespaceStatus": {
        "conditions": list_of(struct("kubernetes.NamespaceCondition")),
        "phase": STRING,
    },
    "kubernetes.NamespaceMetadata": {
        "name": STRING,
        "generateName": STRING,
        "namespace": STRING,
        "labels": map_of(STRING, STRING),
        "annotations": map_of(STRING, STRING),
        "UID": STRING,
        "creationTimestamp": TIMESTAMP,
        "deletionGracePeriodSeconds": INT,
        "deletionTimestamp": TIMESTAMP,
        "generation": INT,
        "resourceVersion": STRING,
        "finalizers": _TEXTS,
    },
    "kubernetes.Namespace": {
        "metadata": struct("kubernetes.NamespaceMetadata"),
        "spec": struct("kubernetes.NamespaceSpec"),
        "status": struct("kubernetes.NamespaceStatus"),
    },
}
"""The variable `namespaceObject`."""

VARIABLES_TYPE: Final = "kyverno.variables"
"""Type of the variable `variables`; its fields are what a policy declares."""

_JSON_PATCH: Final[dict[str, Fields]] = {
    "JSONPatch": {"op": STRING, "path": STRING, "from": STRING, "value": DYN}
}


@lru_cache(maxsize=1)
def kubernetes_base() -> Environment:
    """Return the libraries of Kubernetes' admission policies."""
    return Environment().with_libraries(
        (
            standard.LIBRARY,
            optionals.LIBRARY,
            strings.LIBRARY,
            lists.LIBRARY,
            sets.LIBRARY,
            regex.KUBERNETES,
            comprehensions.TWO_VARIABLES,
            urls.LIBRARY,
            quantities.LIBRARY,
            addresses.LIBRARY,
            formats.LIBRARY,
            versions.LIBRARY,
            authorizer.LIBRARY,
        )
    )


@lru_cache(maxsize=8)
def admission_environment(
    *, has_params: bool, has_authorizer: bool = True, has_patches: bool = False
) -> Environment:
    """Return the environment of admission policies and of `validate.cel`, without the policy's variables.

    Args:
        has_params: there is a variable `params`.
        has_authorizer: there is a variable `authorizer`.
        has_patches: objects of patches can be constructed (`Object{}`, `JSONPatch{}`).
    """
    variables: dict[str, Type] = {
        "object": DYN,
        "oldObject": DYN,
        "request": _REQUEST,
        "namespaceObject": _NAMESPACE,
    }
    if has_params:
        variables["params"] = DYN
    if has_authorizer:
        variables["authorizer"] = authorizer.authorizer_type()
        variables["authorizer.requestResource"] = authorizer.resource_check_type()
    environment = kubernetes_base().with_variables(variables, {**REQUEST_FIELDS, **NAMESPACE_FIELDS})
    return with_patches(environment) if has_patches else environment


def with_patches(environment: Environment) -> Environment:
    """Return an environment in which patches of objects can be constructed."""
    from dataclasses import replace

    patched = environment.with_libraries((json_patch.LIBRARY,)).with_variables({}, _JSON_PATCH)
    return replace(patched, open_structs=_is_part_of_object)


def _is_part_of_object(name: str) -> bool:
    return name == "Object" or name.startswith("Object.")


_GENERAL: Final = (
    standard.LIBRARY,
    optionals.LIBRARY,
    comprehensions.BINDINGS,
    encoders.LIBRARY,
    lists.LIBRARY,
    mathematics.LIBRARY,
    sets.LIBRARY,
    strings.LIBRARY,
    regex.KUBERNETES,
    addresses.LIBRARY,
    formats.LIBRARY,
    urls.LIBRARY,
    quantities.LIBRARY,
    versions.LIBRARY,
)
"""The libraries of all dialects of Kyverno: those of cel-go, and of Kubernetes those that ask nobody."""


@lru_cache(maxsize=1)
def kyverno_base() -> Environment:
    """Return the libraries that all of Kyverno's CEL policies have, without those that ask the world."""
    from pratique.compiler.cel.libraries.kyverno import helpers, images

    return Environment().with_libraries(
        (
            *_GENERAL,
            regex.LIBRARY,
            optionals.LENIENT_OR_VALUE,
            images.LIBRARY,
            helpers.LIBRARY,
        )
    )


@lru_cache(maxsize=64)
def kyverno_environment(
    namespace: str, *, is_generating: bool = False, credentials: RegistryCredentials | None = None
) -> Environment:
    """Return the environment of Kyverno's CEL policies, without the policy's variables.

    Args:
        namespace: that of a namespaced policy, which may ask about nothing else; empty for cluster-wide ones.
        is_generating: it may ask for objects, whose lists and maps hold values of any types.
        credentials: those that registries are asked with.
    """
    from dataclasses import replace

    from pratique.compiler.cel.libraries.kyverno import generator, resources, services

    libraries = [resources.library(namespace), services.library(namespace, credentials)]
    if is_generating:
        libraries.append(generator.library(namespace))
    environment = kyverno_base().with_libraries(libraries)
    request = {**REQUEST_FIELDS["kubernetes.AdmissionRequest"], "object": DYN, "oldObject": DYN}
    environment = environment.with_variables(
        {
            "object": DYN,
            "oldObject": DYN,
            "request": _REQUEST,
            "namespaceObject": _NAMESPACE,
            "exceptions": struct("libs.Exception"),
        },
        {
            **REQUEST_FIELDS,
            **NAMESPACE_FIELDS,
            "kubernetes.AdmissionRequest": request,
            "libs.Exception": {"allowedImages": _TEXTS, "allowedValues": _TEXTS},
        },
    )
    return replace(environment, is_homogeneous=not is_generating)


@lru_cache(maxsize=64)
def image_environment(namespace: str, credentials: RegistryCredentials | None = None) -> Environment:
    """Return the environment of policies about images, without the policy's variables."""
    from pratique.compiler.cel.libraries.kyverno import signatures

    environment = kyverno_environment(namespace, credentials=credentials)
    return environment.with_libraries((signatures.LIBRARY,)).with_variables(
        {
            "images": map_of(STRING, _TEXTS),
            "attestors": map_of(STRING, DYN),
            "attestations": map_of(STRING, STRING),
        },
        {},
    )


@lru_cache(maxsize=1)
def reference_environment() -> Environment:
    """Return the environment of expressions that choose images by the name they are written with, `ref`."""
    return kyverno_base().with_variables({"ref": STRING}, {})


@lru_cache(maxsize=2)
def authorizing_environment(*, is_envoy: bool) -> Environment:
    """Return the environment of policies over requests of HTTP or Envoy, without the policy's variables.

    It has nothing that asks the world, no clock and no random numbers.

    References: github.com/kyverno/kyverno-authz `pkg/cel/env.go`, `pkg/engine/compiler/compiler.go`.
    """
    from pratique.compiler.cel.libraries.kyverno import (
        envoy_authorization,
        envoy_messages,
        http_authorization,
        images,
    )

    libraries = (
        *_GENERAL,
        images.LIBRARY,
        http_authorization.JSON,
        envoy_authorization.LIBRARY if is_envoy else http_authorization.LIBRARY,
    )
    environment = Environment().with_libraries(libraries)
    request = envoy_messages.REQUEST if is_envoy else http_authorization.REQUEST
    return environment.with_variables({"object": request})


def with_policy_variables(environment: Environment, types: Mapping[str, Type]) -> Environment:
    """Return an environment in which `variables.NAME` are known; variables see those before them."""
    return environment.with_variables({"variables": struct(VARIABLES_TYPE)}, {VARIABLES_TYPE: dict(types)})
