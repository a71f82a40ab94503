"""How rows are gathered into Kubernetes report objects, and how one result of them reads.

References: image-verification reference 8.1-8.3; Kyverno 1.10 (one report per policy and namespace), 1.11 on
(one per resource).
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pratique.runtime.decision import ResourceId, Status
from pratique.runtime.outputs.formats import Grouping, RenderOptions
from pratique.runtime.outputs.json_text import json_text, yaml_text
from pratique.runtime.outputs.view import SOURCE, Row, View, resource_reference

MAX_RESULTS: Final = 1000
"""Results in one object; further ones go to objects named `...-1`, `...-2`, so that each fits into etcd."""

SEVERITIES: Final = frozenset({"critical", "high", "medium", "low", "info"})
"""What the custom resource definitions allow; any other severity is left out."""

MANAGED_BY: Final = {"app.kubernetes.io/managed-by": SOURCE}

_UNNAMED: Final = uuid.UUID("6d1f5b0e-7a2c-5c0f-9b8e-3f0f6a1d2c44")
"""Name space for the reports of resources that have no uid, because they come from files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rows of one report object.

    Attributes:
        namespace: where the object lives; empty for a cluster-wide one.
        scope: the one resource that all rows are about; None for the report of a policy.
    """

    name: str
    namespace: str
    rows: tuple[Row, ...]
    scope: ResourceId | None = None


def groups(view: View, grouping: Grouping) -> Iterator[Group]:
    """Yield the groups in the order of their first rows; at most `MAX_RESULTS` rows in each."""
    gathered: dict[tuple[str, str], list[Row]] = {}
    for row in view.rows:
        gathered.setdefault((name_of(row, grouping), row.result.resource.namespace), []).append(row)
    for (name, namespace), rows in gathered.items():
        for start in range(0, len(rows), MAX_RESULTS):
            yield Group(
                name=f"{name}-{start // MAX_RESULTS}" if start else name,
                namespace=namespace,
                rows=tuple(rows[start : start + MAX_RESULTS]),
                scope=rows[0].result.resource if grouping is Grouping.RESOURCE else None,
            )


def report(group: Group, *, api_version: str, kind: str, now: int | None, **extra: str) -> dict[str, Any]:
    """Return a report object as plain data, `extra` top-level fields included."""
    entries = [entry(row, scoped=group.scope is not None, now=now) for row in group.rows]
    return assembled(
        group.name, group.namespace, entries, group.scope, api_version=api_version, kind=kind, **extra
    )


def assembled(
    name: str,
    namespace: str,
    entries: Sequence[dict[str, Any]],
    scope: ResourceId | None,
    *,
    api_version: str,
    kind: str,
    **extra: str,
) -> dict[str, Any]:
    """Return a report object from its results.

    Args:
        name: of the object.
        namespace: empty for a cluster-wide one.
        entries: see `entry`.
        scope: the one resource that they are about; None for several.
        api_version: of the report.
        kind: of the report.
        extra: further fields at the top level.
    """
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = dict(MANAGED_BY)
    data: dict[str, Any] = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **extra}
    if scope:
        reference = data["scope"] = resource_reference(scope)
        if scope.uid:
            metadata["ownerReferences"] = [{k: v for k, v in reference.items() if k != "namespace"}]
    counts = Counter(each["result"] for each in entries)
    data["results"] = list(entries)
    data["summary"] = {str(status): counts[str(status)] for status in Status}
    return data


def written(documents: list[dict[str, Any]], options: RenderOptions) -> str:
    """Return Kubernetes objects as YAML documents, or as a `List` in JSON."""
    if options.as_json:
        return json_text({"apiVersion": "v1", "kind": "List", "items": documents})
    return yaml_text(documents)


def name_of(row: Row, grouping: Grouping) -> str:
    """Return the name of the report object that a row belongs to."""
    match grouping:
        case Grouping.POLICY:
            namespace, _, name = row.result.policy.rpartition("/")
            return f"pol-{name}" if namespace else f"cpol-{name}"
        case Grouping.RESOURCE:
            return row.result.resource.uid or _made_up_uid(row.result.resource)


def _made_up_uid(resource: ResourceId) -> str:
    """Return a name like a uid, the same in every run, for a resource that no cluster has named."""
    parts = (resource.api_version, resource.kind, resource.namespace, resource.name)
    # uuid5 wants text that UTF-8 can hold: names are checked elsewhere, this keeps the function total.
    text = "/".join(parts).encode("utf-8", "replace").decode()
    return str(uuid.uuid5(_UNNAMED, text))


def entry(row: Row, *, scoped: bool, now: int | None) -> dict[str, Any]:
    """Return one result as reports hold it; without the resource where the whole report is about it."""
    result = row.result
    found: dict[str, Any] = {"source": SOURCE, "policy": result.policy, "rule": result.rule}
    if not scoped:
        found["resources"] = [resource_reference(result.resource)]
    found |= {"result": str(row.status), "message": row.message, "scored": result.scored}
    if now is not None:
        found["timestamp"] = {"seconds": now, "nanos": 0}
    if result.category:
        found["category"] = result.category
    if result.severity in SEVERITIES:
        found["severity"] = result.severity
    if result.properties:
        found["properties"] = row.properties
    return found
