"""Sets of policies in a few words, for tests of lint rules about several rules at once."""

from __future__ import annotations

import json
from typing import Any

from tests.support_attestors import signer

DEV, OPS = "dev@acme.example", "ops@acme.example"


def pods(**described: Any) -> list[dict[str, Any]]:
    """Return filters that select Pods so described."""
    return [{"resources": {"kinds": ["Pod"], **described}}]


def entry(
    *images: str, by: str | list[dict[str, Any]] = DEV, skip: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """Return an entry of `verifyImages` that enforces; `by` a subject, or the sets of attestors."""
    attestors = [{"entries": [signer(by)]}] if isinstance(by, str) else by
    made: dict[str, Any] = {
        "imageReferences": list(images),
        "failureAction": "Enforce",
        "attestors": attestors,
    }
    if skip:
        made["skipImageReferences"] = list(skip)
    return {**made, "mutateDigest": False, "verifyDigest": False, "required": False, **more}


def rule(name: str, *entries: dict[str, Any], match: Any = None, **more: Any) -> dict[str, Any]:
    """Return a rule about Pods, or about what `match` selects."""
    return {"name": name, "match": {"any": match or pods()}, "verifyImages": list(entries), **more}


def policy(
    name: str, *rules: dict[str, Any], kind: str = "ClusterPolicy", metadata: Any = None, **spec: Any
) -> dict[str, Any]:
    """Return a policy of these rules."""
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": kind,
        "metadata": {"name": name, **(metadata or {})},
        "spec": {**spec, "rules": list(rules)},
    }


def together(*policies: dict[str, Any]) -> str:
    """Return the text of all policies."""
    return "\n---\n".join(json.dumps(each, indent=1) for each in policies)
