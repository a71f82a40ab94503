"""Policies from short YAML, for tests that are about what a policy means."""

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from pratique.compiler import ir
from pratique.compiler.lower import Lowered, lower
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source


def read(text: str, name: str = "policy.yaml") -> Lowered:
    """Return what the documents of `text` lower to; they must be well-formed."""
    found = read_policies(Source(name, textwrap.dedent(text)))
    assert not found.errors, [str(e) for e in found.errors]
    return lower(
        found.policies, found.cel_policies, found.bindings, found.sigstore_policies, found.trust_roots
    )


def policy(text: str) -> ir.Policy:
    """Return the one policy of `text`, which must be acceptable."""
    lowered = read(text)
    assert not lowered.errors, [str(e) for e in lowered.errors]
    (found,) = lowered.policies.policies
    return found


KEYLESS = {
    "issuer": "https://accounts.google.com",
    "subject": "dev@acme.example",
    "rekor": {"url": "https://rekor.sigstore.dev"},
}


def cluster_policy(
    entry: Mapping[str, Any] | None = None,
    *,
    spec: Mapping[str, Any] | None = None,
    rule: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    kind: str = "ClusterPolicy",
) -> str:
    """Return the JSON of a policy with one image rule; every part can be overridden."""
    image_rule = {
        "imageReferences": ["ghcr.io/acme/*"],
        "mutateDigest": False,
        "attestors": [{"entries": [{"keyless": KEYLESS}]}],
        **(entry or {}),
    }
    one = {
        "name": "verify",
        "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
        "verifyImages": [image_rule],
        **(rule or {}),
    }
    return json.dumps(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": kind,
            "metadata": {"name": "p", **(metadata or {})},
            "spec": {"rules": [one], **(spec or {})},
        },
        indent=1,
    )


def rule_policy(
    *,
    spec: Mapping[str, Any] | None = None,
    kind: str = "ClusterPolicy",
    metadata: Mapping[str, Any] | None = None,
    **rule: Any,
) -> str:
    """Return the JSON of a policy with one rule, which is about Pods and has no body but what is given."""
    one = {"name": "rule", "match": {"any": [{"resources": {"kinds": ["Pod"]}}]}, **rule}
    return json.dumps(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": kind,
            "metadata": {"name": "p", **(metadata or {})},
            "spec": {"rules": [one], **(spec or {})},
        },
        indent=1,
    )
