"""Objects that came out beside those that were expected.

Empty maps, lists and nulls count as absent; labels that Kyverno writes on what it generates do not count.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/resource` (`Compare`, `Tidy`, `FixupGenerateLabels`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pratique.compiler.json_patch import same

_GENERATED: Final = "generate.kyverno.io/"
_MANAGED: Final = "app.kubernetes.io/managed-by"


def differences(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Return a unified diff from what was expected to what came out; empty where they are the same."""
    one, other = _comparable(expected), _comparable(actual)
    if same(one, other):
        return ""
    import yaml

    before, after = (yaml.safe_dump(_plain(each)).splitlines() for each in (one, other))
    return "\n".join(difflib.unified_diff(before, after, "expected", "actual", lineterm=""))


def _comparable(data: Mapping[str, Any]) -> Any:
    metadata = data.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    labels = named.get("labels")
    kept = {
        key: value
        for key, value in (labels if isinstance(labels, dict) else {}).items()
        if not key.startswith(_GENERATED)
    }
    labelled = {**named, "labels": {_MANAGED: "kyverno", **kept}}
    return tidied({**data, "metadata": labelled})


def tidied(value: Any) -> Any:
    """Return JSON data without empty maps, empty lists and nulls; None where nothing is left."""
    match value:
        case dict():
            found = {key: kept for key, item in value.items() if (kept := tidied(item)) is not None}
            return found or None
        case list():
            items = [kept for item in value if (kept := tidied(item)) is not None]
            return items or None
        case _:
            return value


def _plain(value: Any) -> Any:
    """Return data whose whole numbers print as such."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def find(objects: Iterator[Mapping[str, Any]], like: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the object with the same version, kind, namespace and name; None where there is none."""
    from pratique.runtime.testing.model import ResourceKey

    wanted = ResourceKey.of(like)
    return next((each for each in objects if ResourceKey.of(each) == wanted), None)
