"""What makes an engine from a plan: everything below it is the same as long as the process lasts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from pratique.compiler.plan import Plan
from pratique.runtime.batch import open_verifier
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.keys.references import Keys
from pratique.runtime.lifetimes import Lifetimes
from pratique.runtime.memory import Memory
from pratique.runtime.metrics import Metrics
from pratique.runtime.registry.counting import CountingStore
from pratique.runtime.registry.open import cached, open_accesses, open_store
from pratique.runtime.secrets import read_secrets
from pratique.runtime.serving.options import ServeOptions

MEMORY_BYTES: Final = 128 << 20


@asynccontextmanager
async def engines(options: ServeOptions, metrics: Metrics) -> AsyncIterator[Callable[[Plan], Engine]]:
    """Give what makes an engine from a plan, over what this process knows of images.

    Raises:
        UsageError: Secrets or options cannot be used.
        TransportError: the store cannot be opened at all.
    """
    secrets = read_secrets(options.secrets)
    client = open_store(options.store)
    counting = CountingStore(client)
    store = cached(counting, options.store)
    memory = Memory(max_bytes=MEMORY_BYTES)
    try:
        evidence = Evidence(
            store,
            open_verifier(options.trust),
            Keys(secrets, os.environ, offline=options.store.offline),
            lifetimes=Lifetimes(),
            memory=memory,
        )
        accesses = open_accesses(options.store, client, store, secrets)
        _count(metrics, counting, evidence, memory)
        yield lambda plan: Engine(plan, evidence, None, accesses)
    finally:
        await store.aclose()


def _count(metrics: Metrics, store: CountingStore, evidence: Evidence, memory: Memory) -> None:
    def requests() -> dict[tuple[str, ...], float]:
        found = store.requests
        return {(name,): getattr(found, name) for name in ("manifests", "blobs", "referrers", "tokens")}

    metrics.total(
        "pratique_registry_requests_total", "Questions to registries and token services.", requests, ("kind",)
    )
    metrics.total(
        "pratique_verifications_total",
        "Signatures whose cryptography was checked.",
        lambda: evidence.verifications,
    )
    metrics.gauge("pratique_memory_bytes", "What is remembered of images.", lambda: memory.bytes)
    metrics.gauge("pratique_memory_entries", "Answers that are remembered.", lambda: len(memory))
