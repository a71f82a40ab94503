"""What makes an engine from a plan: everything below it is the same as long as the process lasts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.plan import Plan
from pratique.runtime.applicable import Applicable
from pratique.runtime.batch import open_verifier
from pratique.runtime.decision import RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.keys.references import Keys
from pratique.runtime.lifetimes import Lifetimes
from pratique.runtime.memory import Memory
from pratique.runtime.metrics import Metrics
from pratique.runtime.ports import ContextSource
from pratique.runtime.registry.caching import CachingStore
from pratique.runtime.registry.counting import CountingStore
from pratique.runtime.registry.open import cached, open_accesses, open_store, shared
from pratique.runtime.scanning.background import reported
from pratique.runtime.secrets import SecretSource, read_secrets
from pratique.runtime.serving.measures import (
    measure_evidence,
    measure_registries,
    measure_shared_cache,
)
from pratique.runtime.serving.options import ServeOptions
from pratique.runtime.serving.remembered_context import RememberedContext
from pratique.runtime.shared_cache.opening import open_shared_cache
from pratique.runtime.showing.latest import LatestVerdicts
from pratique.runtime.showing.watched_engine import Seen, WatchedEngine

MEMORY_BYTES: Final = 128 << 20
TAG_SECONDS: Final = 300.0
"""For which the scan believes what a tag means."""
TAG_BYTES: Final = 16 << 20


class MakeEngine(Protocol):
    """Makes an engine."""

    def __call__(self, plan: Plan, exemptions: Sequence[ir.Exemption | CelExemption] = ()) -> Engine:
        """Return the engine of a plan, with what is exempted from it."""
        ...


@dataclass(frozen=True, slots=True)
class Engines:
    """Makes engines from plans.

    Attributes:
        admission: for requests: it believes no tag twice.
        scan: for the background, which shares what is known of digests, and believes tags for a while: its
            cost grows with the images of a cluster, not with its Pods.
    """

    admission: MakeEngine
    scan: MakeEngine


@asynccontextmanager
async def engines(
    options: ServeOptions,
    metrics: Metrics,
    context: ContextSource | None = None,
    secrets: SecretSource | None = None,
    own_namespace: str = "",
    latest: LatestVerdicts | None = None,
) -> AsyncIterator[Engines]:
    """Give what makes engines, over what this process knows of images.

    Args:
        options: where images are.
        metrics: is told what is asked.
        context: the cluster; None where none is asked.
        secrets: where Secrets are; None for those of the options.
        own_namespace: see `open_accesses`.
        latest: is told of all verdicts; None for nobody.

    Raises:
        UsageError: Secrets or options cannot be used.
        TransportError: the store cannot be opened at all.
    """
    secrets = secrets or read_secrets(options.secrets)
    remembered = RememberedContext(context) if context else None
    cache = open_shared_cache(options.shared_cache) if options.shared_cache else None
    client = open_store(options.store)
    counting = CountingStore(client)
    reached = shared(counting, options.store, cache)
    # K3: a tag that was moved must be noticed by the very next request.
    store = cached(reached, options.store, believes_tags=False)
    memory, tags = Memory(max_bytes=MEMORY_BYTES), Memory(max_bytes=TAG_BYTES)
    try:
        verifier = open_verifier(options.trust)
        keys = Keys(secrets, os.environ, offline=options.store.offline)
        evidence = Evidence(store, verifier, keys, lifetimes=Lifetimes(), memory=memory)
        scanned = Evidence(
            store,
            verifier,
            keys,
            lifetimes=Lifetimes(tag=TAG_SECONDS),
            memory=memory,
            tags=tags,
        )
        accesses = open_accesses(
            options.store, client, store, secrets, own_namespace=own_namespace, cache=cache
        )
        if cache is not None:
            await cache.ready()
            measure_shared_cache(metrics, cache)
        measure_registries(metrics, counting, client)
        memories = {"evidence": memory, "tags": tags}
        disk = store.disk if isinstance(store, CachingStore) else None
        measure_evidence(metrics, (evidence, scanned), verifier, memories, disk)

        def maker(evidence: Evidence, source: ContextSource | None, seen: Seen) -> MakeEngine:
            make = partial(WatchedEngine, seen) if latest is not None else Engine
            return lambda plan, exemptions=(): make(plan, evidence, source, accesses, exemptions)

        def admission(_: Sequence[Applicable], results: Sequence[RuleResult]) -> None:
            if latest is not None:
                latest.take("admission", results)

        def scan(rules: Sequence[Applicable], results: Sequence[RuleResult]) -> None:
            if latest is not None:
                latest.take("background scan", reported(rules, results))

        yield Engines(admission=maker(evidence, context, admission), scan=maker(scanned, remembered, scan))
    finally:
        await store.aclose()
        if cache is not None:
            await cache.aclose()
