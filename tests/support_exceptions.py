"""Policy exceptions from short data, for tests."""

from __future__ import annotations

import json
from typing import Any

from pratique.compiler import ir
from pratique.compiler.lower import lower_exceptions
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source

PODS: dict[str, Any] = {"any": [{"resources": {"kinds": ["Pod"]}}]}


def exception(policy: str = "p", rules: tuple[str, ...] = ("*",), **more: Any) -> str:
    """Return the JSON of an exception; `more` are fields of its spec, and `namespace`."""
    namespace = more.pop("namespace", "ops")
    spec = {"exceptions": [{"policyName": policy, "ruleNames": list(rules)}], "match": PODS, **more}
    return json.dumps(
        {
            "apiVersion": "kyverno.io/v2",
            "kind": "PolicyException",
            "metadata": {"name": "let", "namespace": namespace},
            "spec": spec,
        }
    )


def exemptions(*texts: str) -> tuple[ir.Exemption, ...]:
    """Return what the documents mean; they must be acceptable."""
    found = read_policies(Source("exceptions.yaml", "\n---\n".join(texts)))
    assert not found.errors, [str(e) for e in found.errors]
    lowered, errors = lower_exceptions(found.exceptions)
    assert not errors, [str(e) for e in errors]
    return lowered
