"""Single changes of an object: overlays and JSON patches whose variables have their values.

References: Kyverno 1.19 `pkg/engine/mutate` (`mutation.go`, `patch`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pratique.compiler.expressions.values.numbers import sprint
from pratique.compiler.json_patch import PatchOptions, apply_patch
from pratique.compiler.mutations.overlays import patch_for
from pratique.compiler.mutations.patch_strategies import strategy_of
from pratique.compiler.mutations.strategic_merge import merge
from pratique.grammar.errors import EvaluationError, PolicyError
from pratique.grammar.source import Source

_CLASSIC: Final = PatchOptions(missing_on_remove=True, make_parents=True, replace_missing=False)


def overlaid(resource: Mapping[str, Any], overlay: Any) -> dict[str, Any]:
    """Return a resource with an overlay merged into it.

    Raises:
        EvaluationError: `bad-patch`: the overlay does not fit the resource.
    """
    merged = merge(resource, patch_for(overlay, resource), strategy_of(resource))
    if not isinstance(merged, dict):
        raise EvaluationError("bad-patch", "nothing is left of the resource")
    return merged


def patched(resource: Mapping[str, Any], operations: Any) -> dict[str, Any]:
    """Return a resource with operations (text in YAML or JSON) applied.

    Raises:
        EvaluationError: `bad-patch`: they cannot be read or do not apply.
    """
    found = apply_patch(resource, _operations(operations), _CLASSIC)
    if not isinstance(found, dict):
        raise EvaluationError("bad-patch", "nothing is left of the resource")
    return found


def _operations(written: Any) -> list[dict[str, Any]]:
    found = _read(written) if isinstance(written, str) else written
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        told = sprint(found, 80)
        raise EvaluationError("bad-patch", f"failed to decode patches: {told} is no list of operations")
    return found


def _read(text: str) -> Any:
    from pratique.grammar.plain_documents import read_plain

    try:
        documents = read_plain(Source("patchesJson6902", text))
    except PolicyError as error:
        raise EvaluationError("bad-patch", f"failed to decode patches: {error.message}") from error
    if documents.errors:
        raise EvaluationError("bad-patch", f"failed to decode patches: {documents.errors[0].message}")
    return documents.documents[0].data if documents.documents else None
