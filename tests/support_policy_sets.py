"""Random sets of policies with the mistakes that people make, for tests of what lint says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.support_attestors import OTHER_PEM, PEM

PATTERNS = (
    "*",
    "ghcr.io/*",
    "ghcr.io/acme/*",
    "ghcr.io/acme*",
    "ghcr.io/acme/app*",
    "ghcr.io/acme/app:*",
    "ghcr.io/acme/app:v1*",
    "ghcr.io/acme/app@*",
    "ghcr.io/*/app*",
    "*/acme/app*",
    "ghcr.io/acme/",
    "registry.k8s.io/*",
    "registry.k8s.io/",
    "registry.k8s.io/etcd*",
    "registry.k8s.io/etcd:3.?.*",
    "*.example.com/*",
    "nginx*",
    "nginx:1.*",
    "acme/app:*",
    "ghcr.io/**",
)
SUBJECTS = (
    "dev@acme.example",
    "ops@acme.example",
    "*@acme.example",
    "*",
    "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*",
    "https://github.com/acme/*",
)
EXPRESSIONS = (
    "^https://github\\.com/acme/.+@refs/tags/v[0-9.]+$",
    "https://github.com/acme/.*",
    "^.+@acme\\.example$",
    "^dev@acme.example",
    ".*@acme.example",
)
ISSUERS = (
    "https://accounts.google.com",
    "https://token.actions.githubusercontent.com",
    "*",
    "",
)
REGIONS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"namespaces": ["prod"]},
    {"namespaces": ["prod", "test"]},
    {"namespaces": ["p*"]},
    {"namespaces": ["kube-system"]},
    {"selector": {"matchLabels": {"team": "a"}}},
    {"names": ["web-*"]},
    {"operations": ["CREATE"]},
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "prod"}}},
)
OVERRIDES: tuple[dict[str, Any], ...] = (
    {"action": "Audit", "namespaces": ["p*"]},
    {"action": "Audit", "namespaces": ["*"]},
    {"action": "Audit", "namespaces": ["stage"]},
    {"action": "Enforce", "namespaces": ["prod"]},
)
STATEMENT = "https://acme.example/report/v1"


def policy_sets(seed: int, count: int) -> Iterator[str]:
    """Yield texts of policies, one document or several each; not all of them can be accepted."""
    random = Random(seed)
    for _ in range(count):
        names = iter("pqrs")
        yield "\n---\n".join(
            json.dumps(_policy(random, next(names))) for _ in range(random.choice((1, 1, 2, 3)))
        )


def _policy(random: Random, name: str) -> dict[str, Any]:
    namespace = {"namespace": random.choice(("prod", "kube-system"))} if random.random() < 0.15 else {}
    enforces = random.random() < 0.7
    spec: dict[str, Any] = {"validationFailureAction": "Enforce" if enforces else "Audit"}
    if random.random() < 0.25 and not namespace:
        spec["validationFailureActionOverrides"] = random.sample(OVERRIDES, random.choice((1, 2)))
    if random.random() < 0.15:
        spec["applyRules"] = "One"
    if random.random() < 0.15:
        spec["failurePolicy"] = "Ignore"
    spec["rules"] = [
        _rule(random, f"r{number}", enforces=enforces) for number in range(random.choice((1, 1, 2, 3)))
    ]
    annotations = {}
    if random.random() < 0.15:
        annotations["pod-policies.kyverno.io/autogen-controllers"] = random.choice(
            ("none", "Deployment", "Deployments")
        )
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "Policy" if namespace else "ClusterPolicy",
        "metadata": {"name": name, **namespace, "annotations": annotations},
        "spec": spec,
    }


def _rule(random: Random, name: str, *, enforces: bool) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": name, "match": {"any": _filters(random)}}
    if random.random() < 0.2:
        rule["exclude"] = {"any": _filters(random, without=random.random() < 0.5)}
    rule["verifyImages"] = [_entry(random, enforces=enforces) for _ in range(random.choice((1, 1, 1, 2)))]
    return rule


def _filters(random: Random, *, without: bool = False) -> list[dict[str, Any]]:
    found = []
    for _ in range(random.choice((1, 1, 1, 2))):
        described: dict[str, Any] = dict(random.choice(REGIONS))
        if not without:
            described["kinds"] = [random.choice(("Pod", "Pod", "Pod", "Pod", "Deployment"))]
        found.append({"resources": described or {"namespaces": ["*"]}})
    return found


def _entry(random: Random, *, enforces: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"imageReferences": random.sample(PATTERNS, random.choice((1, 1, 2)))}
    if random.random() < 0.25:
        entry["skipImageReferences"] = random.sample(PATTERNS, random.choice((1, 2)))
    entry["mutateDigest"] = enforces and random.random() < 0.5
    for setting in ("verifyDigest", "required"):
        if random.random() < 0.4:
            entry[setting] = random.random() < 0.5
    if random.random() < 0.9:
        entry["attestors"] = [_set(random) for _ in range(random.choice((1, 1, 1, 2)))]
    elif random.random() < 0.7:
        stated: dict[str, Any] = {"type": STATEMENT}
        entry["attestations"] = [stated | ({"attestors": [_set(random)]} if random.random() < 0.6 else {})]
    if random.random() < 0.1:
        entry["repository"] = "registry.example/signatures"
    return entry


def _set(random: Random) -> dict[str, Any]:
    entries = [_attestor(random) for _ in range(random.choice((1, 1, 2, 2, 3)))]
    count = random.choice((None, 1, min(2, len(entries))))
    return {"entries": entries, **({"count": count} if count else {})}


def _attestor(random: Random) -> dict[str, Any]:
    rekor = {"url": "https://rekor.sigstore.dev"}
    if random.random() < 0.25:
        pems = random.sample((PEM, OTHER_PEM), random.choice((1, 1, 2)))
        return {"keys": {"publicKeys": "".join(pems), "rekor": rekor}}
    tests: dict[str, Any] = {"rekor": rekor}
    if random.random() < 0.3:
        tests["subjectRegExp"] = random.choice(EXPRESSIONS)
    else:
        tests["subject"] = random.choice(SUBJECTS)
    return {"keyless": {**tests, "issuer": random.choice(ISSUERS)}}
