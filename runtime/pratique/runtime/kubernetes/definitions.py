"""Custom resource definitions: of policies, from the models that read them, and of reports.

Group, versions, names and fields are those of Kyverno, so that policies that exist apply as they are.

References: Kyverno 1.19 `api/kyverno/v1` (names, columns, status); `wgpolicyk8s.io/v1alpha2`;
`openreports.io/v1alpha1`.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from pratique.grammar.documents.cel_exceptions import CelPolicyException
from pratique.grammar.documents.cel_policies import ImageValidatingPolicy, MutatingPolicy, ValidatingPolicy
from pratique.grammar.documents.exceptions import PolicyException
from pratique.grammar.documents.kyverno import ClusterPolicy, Policy
from pratique.grammar.documents.openapi import ANYTHING, Schema, schema
from pratique.runtime.kubernetes.types import (
    CEL_EXCEPTIONS,
    CEL_OTHER_VERSIONS,
    CEL_POLICIES,
    CLUSTER_POLICIES,
    CLUSTER_POLICY_REPORTS,
    CLUSTER_REPORTS,
    DEFINITIONS,
    EXCEPTIONS,
    POLICIES,
    POLICY_REPORTS,
    REPORTS,
    ResourceType,
)

LABELS: Final = {"app.kubernetes.io/part-of": "pratique"}

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer"}
_RESULTS: Final = ("pass", "fail", "warn", "error", "skip")


def policy_definitions() -> list[dict[str, Any]]:
    """Return the definitions of policies and exceptions: of the classic kinds, and of those in CEL."""
    policies = [
        _definition(
            type,
            short,
            {
                "v1": (_policy(model, described=True), _POLICY_COLUMNS),
                "v2beta1": (_policy(model, described=False), _POLICY_COLUMNS),
            },
            categories=["kyverno"],
            status=True,
        )
        for type, model, short in ((POLICIES, Policy, "pol"), (CLUSTER_POLICIES, ClusterPolicy, "cpol"))
    ]
    versions = {
        name: (_written(PolicyException, described=name == EXCEPTIONS.version), _EXCEPTION_COLUMNS)
        for name in ("v2", "v2beta1")
    }
    classic = [*policies, _definition(EXCEPTIONS, "polex", versions, categories=["kyverno"])]
    return [*classic, *map(_cel_policy, CEL_POLICIES), _cel_exception()]


_CEL_VERSIONS: Final = (CEL_EXCEPTIONS.version, *CEL_OTHER_VERSIONS)
_CEL_MODELS: Final[dict[str, tuple[type[BaseModel], str]]] = {
    "ImageValidatingPolicy": (ImageValidatingPolicy, "ivpol"),
    "MutatingPolicy": (MutatingPolicy, "mpol"),
    "ValidatingPolicy": (ValidatingPolicy, "vpol"),
}


def _cel_policy(type: ResourceType) -> dict[str, Any]:
    model, short = _CEL_MODELS[type.kind.removeprefix("Namespaced")]
    versions = {}
    for name in _CEL_VERSIONS:
        found = _written(model, described=name == type.version)
        found["properties"]["status"] = _CEL_STATUS
        versions[name] = found, _CEL_COLUMNS
    return _definition(type, f"n{short}" if type.namespaced else short, versions, ["kyverno"], status=True)


def _cel_exception() -> dict[str, Any]:
    versions = {
        name: (_written(CelPolicyException, described=name == CEL_EXCEPTIONS.version), _EXCEPTION_COLUMNS)
        for name in _CEL_VERSIONS
    }
    return _definition(CEL_EXCEPTIONS, "celpolex", versions, ["kyverno"])


def report_definitions() -> list[dict[str, Any]]:
    """Return the definitions of the policy working group's reports."""
    return [
        _definition(type, short, {type.version: (_report(), _REPORT_COLUMNS)})
        for type, short in ((POLICY_REPORTS, "polr"), (CLUSTER_POLICY_REPORTS, "cpolr"))
    ]


def open_report_definitions() -> list[dict[str, Any]]:
    """Return the definitions of the reports of OpenReports."""
    return [
        _definition(type, short, {type.version: (_report(source=True), _REPORT_COLUMNS)})
        for type, short in ((REPORTS, "reps"), (CLUSTER_REPORTS, "creps"))
    ]


def _definition(
    type: ResourceType,
    short: str,
    versions: dict[str, tuple[Schema, list[dict[str, Any]]]],
    categories: list[str] | None = None,
    *,
    status: bool = False,
) -> dict[str, Any]:
    names = {
        "kind": type.kind,
        "listKind": f"{type.kind}List",
        "plural": type.plural,
        "singular": type.kind.lower(),
        "shortNames": [short],
    }
    return {
        "apiVersion": DEFINITIONS.api_version,
        "kind": DEFINITIONS.kind,
        "metadata": {"name": f"{type.plural}.{type.group}", "labels": dict(LABELS)},
        "spec": {
            "group": type.group,
            "names": names | ({"categories": categories} if categories else {}),
            "scope": "Namespaced" if type.namespaced else "Cluster",
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": name == type.version,
                    "schema": {"openAPIV3Schema": found},
                    "additionalPrinterColumns": columns,
                    **({"subresources": {"status": {}}} if status else {}),
                }
                for name, (found, columns) in versions.items()
            ],
        },
    }


# --- policies ------------------------------------------------------------------------------------------


def _column(name: str, path: str, type: str = "string", priority: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "type": type, "jsonPath": path}
    return found | ({"priority": priority} if priority else {})


_READY: Final = '.status.conditions[?(@.type == "Ready")]'
_POLICY_COLUMNS: Final = [
    _column("ADMISSION", ".spec.admission", "boolean"),
    _column("BACKGROUND", ".spec.background", "boolean"),
    _column("READY", f"{_READY}.status"),
    _column("AGE", ".metadata.creationTimestamp", "date"),
    _column("FAILURE POLICY", ".spec.failurePolicy", priority=1),
    *(
        _column(name, f".status.rulecount.{name.replace(' ', '').lower()}", "integer", 1)
        for name in ("VALIDATE", "MUTATE", "GENERATE", "VERIFY IMAGES")
    ),
    _column("MESSAGE", f"{_READY}.message"),
]


_CEL_COLUMNS: Final = [
    _column("AGE", ".metadata.creationTimestamp", "date"),
    _column("READY", ".status.conditionStatus.ready", "boolean"),
    _column("MESSAGE", f".status.conditionStatus{_READY.removeprefix('.status')}.message"),
]
_EXCEPTION_COLUMNS: Final = [_column("AGE", ".metadata.creationTimestamp", "date")]


def _policy(model: type[Policy] | type[ClusterPolicy], *, described: bool) -> Schema:
    found = _written(model, described=described)
    spec = found["properties"]["spec"]["properties"]
    for name in ("admission", "background"):
        spec[name] = {**spec[name], "default": True}  # shown in the columns
    found["properties"]["status"] = _STATUS
    return found


def _written(model: type[BaseModel], *, described: bool) -> Schema:
    """Return the schema of what people write."""
    found = schema(model, described=described)
    properties = found["properties"]
    # The API server knows the rest by itself, and allows nothing to be said of it.
    properties["apiVersion"] = properties["kind"] = dict(_TEXT)
    properties["metadata"] = {"type": "object"}
    return {**found, "required": ["spec"], "description": model.__doc__ or ""}


_CONDITION: Final[Schema] = {
    "type": "object",
    "required": ["type", "status"],
    "properties": {
        "type": _TEXT,
        "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
        "reason": _TEXT,
        "message": _TEXT,
        "observedGeneration": {"type": "integer", "format": "int64"},
        "lastTransitionTime": {"type": "string", "format": "date-time"},
    },
}
_STATUS: Final[Schema] = {
    "type": "object",
    "description": "What became of the policy in this cluster.",
    **ANYTHING,
    "properties": {
        "ready": {"type": "boolean"},
        "conditions": {"type": "array", "items": _CONDITION},
        "autogen": {"type": "object", **ANYTHING},
        "rulecount": {
            "type": "object",
            "properties": dict.fromkeys(("validate", "mutate", "generate", "verifyimages"), _COUNT),
        },
    },
}
_CEL_STATUS: Final[Schema] = {
    "type": "object",
    "description": "What became of the policy in this cluster.",
    **ANYTHING,
    "properties": {
        "conditionStatus": {
            "type": "object",
            **ANYTHING,
            "properties": {
                "ready": {"type": "boolean"},
                "message": _TEXT,
                "conditions": {"type": "array", "items": _CONDITION},
            },
        },
    },
}


# --- reports -------------------------------------------------------------------------------------------

_REPORT_COLUMNS: Final = [
    _column("KIND", ".scope.kind", priority=1),
    _column("NAME", ".scope.name", priority=1),
    *(_column(name.upper(), f".summary.{name}", "integer") for name in _RESULTS),
    _column("AGE", ".metadata.creationTimestamp", "date"),
]
_SELECTOR: Final[Schema] = {
    "type": "object",
    "properties": {
        "matchLabels": {"type": "object", "additionalProperties": _TEXT},
        "matchExpressions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "operator"],
                "properties": {"key": _TEXT, "operator": _TEXT, "values": {"type": "array", "items": _TEXT}},
            },
        },
    },
}
_REFERENCE: Final[Schema] = {
    "type": "object",
    "properties": dict.fromkeys(
        ("apiVersion", "kind", "namespace", "name", "uid", "fieldPath", "resourceVersion"), _TEXT
    ),
}
_RESULT: Final[Schema] = {
    "type": "object",
    "required": ["policy"],
    "properties": {
        "source": _TEXT,
        "policy": _TEXT,
        "rule": _TEXT,
        "category": _TEXT,
        "severity": {"type": "string", "enum": ["critical", "high", "low", "medium", "info"]},
        "timestamp": {
            "type": "object",
            "required": ["nanos", "seconds"],
            "properties": {
                "seconds": {"type": "integer", "format": "int64"},
                "nanos": {"type": "integer", "format": "int32"},
            },
        },
        "result": {"type": "string", "enum": list(_RESULTS)},
        "scored": {"type": "boolean"},
        "resources": {"type": "array", "items": _REFERENCE},
        "resourceSelector": _SELECTOR,
        "message": _TEXT,
        "properties": {"type": "object", "additionalProperties": _TEXT},
    },
}


def _report(*, source: bool = False) -> Schema:
    return {
        "type": "object",
        "description": "What policies say of resources.",
        "properties": {
            "apiVersion": _TEXT,
            "kind": _TEXT,
            "metadata": {"type": "object"},
            **({"source": _TEXT} if source else {}),
            "scope": _REFERENCE,
            "scopeSelector": _SELECTOR,
            "summary": {"type": "object", "properties": dict.fromkeys(_RESULTS, _COUNT)},
            "results": {"type": "array", "items": _RESULT},
            "configuration": {
                "type": "object",
                "properties": {
                    "limits": {
                        "type": "object",
                        "properties": {
                            "maxResults": {"type": "integer"},
                            "statusFilter": {"type": "array", "items": _TEXT},
                        },
                    }
                },
            },
        },
    }
