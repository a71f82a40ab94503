"""Reviews and verdicts for tests, over images in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.admission.groups import Selection
from pratique.runtime.admission.judging import Judge, Namespaces, Roles
from pratique.runtime.admission.review import Review, read_review
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from tests.support_engine import World, pod
from tests.support_policies import cluster_policy

APP = "ghcr.io/acme/app:v1"
DEV = {"subject": "dev@acme.example"}


def world(
    *,
    signed: bool = True,
    policy: str = "Fail",
    action: str = "Enforce",
    spec: Mapping[str, Any] | None = None,
    **rule: Any,
) -> World:
    """Return a policy that wants images of acme signed by its developer, and one image."""
    entry = {"failureAction": action, "mutateDigest": action == "Enforce"}
    found = World(cluster_policy(entry, spec={"failurePolicy": policy, **(spec or {})}, rule=rule))
    found.store.image(APP, *([DEV] if signed else []))
    return found


def review(data: Mapping[str, Any] | None = None, **changes: Any) -> Review:
    """Return the review of an object, by default the creation of a Pod."""
    return read_review(review_body(data, **changes))


def review_body(data: Mapping[str, Any] | None = None, **changes: Any) -> bytes:
    """Return the same as it comes over the wire."""
    found = data or pod(APP)
    group, _, version = found["apiVersion"].rpartition("/")
    request = {
        "uid": "u",
        "kind": {"group": group, "version": version, "kind": found["kind"]},
        "operation": "CREATE",
        "namespace": found["metadata"].get("namespace", ""),
        "object": found,
        **changes,
    }
    data = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(data).encode()


def judge(
    given: World,
    data: Mapping[str, Any] | None = None,
    *,
    mutating: bool = True,
    seconds: float = 5,
    namespaces: Namespaces | None = None,
    roles: Roles | None = None,
    among: Selection | None = None,
    **changes: Any,
) -> Verdict:
    """Return the verdict on a review."""

    async def run() -> Verdict:
        evidence = Evidence(given.store, given.verifier, lifetimes=Lifetimes())
        one = Judge(Engine(given.plan, evidence, given.source), namespaces, roles=roles)
        return await one.verdict(review(data, **changes), mutating=mutating, seconds=seconds, among=among)

    return asyncio.run(run())


def spoil(given: World, failure: Any, monkeypatch: pytest.MonkeyPatch, only: str = "") -> None:
    """Make questions for manifests fail, all or those of one repository."""
    usual = given.store.manifest

    async def manifest(repository: Any, reference: str) -> Any:
        if only in str(repository):
            return await failure()
        return await usual(repository, reference)

    monkeypatch.setattr(given.store, "manifest", manifest)


async def outage() -> Any:
    """Fail as an unreachable registry does."""
    raise TransportError("registry-unreachable", "ghcr.io: down")
