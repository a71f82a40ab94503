"""Cleanup policies in tests."""

from __future__ import annotations

import json
from typing import Any

from pratique.compiler.lower import Lowered, lower
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source

PODS: dict[str, Any] = {"any": [{"resources": {"kinds": ["Pod"]}}]}


def cleanup(*, kind: str = "ClusterCleanupPolicy", api: str = "kyverno.io/v2", **spec: Any) -> str:
    """Return the JSON of a cleanup policy about Pods."""
    metadata = {"name": "clean", **({"namespace": "shop"} if kind == "CleanupPolicy" else {})}
    whole = {"schedule": "*/5 * * * *", "match": PODS, **spec}
    document = {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": whole}
    return json.dumps(document, indent=1)


def condition(key: str, value: Any, operator: str = "Equals") -> dict[str, Any]:
    """Return conditions with one comparison."""
    return {"all": [{"key": key, "operator": operator, "value": value}]}


def lowered(text: str) -> Lowered:
    """Return what a text lowers to; its documents must be well-formed."""
    file = read_policies(Source("clean.yaml", text))
    assert not file.errors, [str(error) for error in file.errors]
    return lower(file.policies, file.cel_policies, file.bindings, cleanups=file.cleanups)
