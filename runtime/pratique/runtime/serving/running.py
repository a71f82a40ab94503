"""Runs the server until it is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from pratique.compiler.plan import Plan
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.listening import listening
from pratique.runtime.admission.server import Webhook
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
from pratique.runtime.serving.tls import CertificateFiles, ServerCertificate
from pratique.runtime.session import load_policies, open_verifier

MEMORY_BYTES: Final = 128 << 20


def serve(options: ServeOptions, started: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT; `started` is called with the port.

    Raises:
        PolicyErrors: policies cannot be used.
        UsageError: an option cannot be used.
        TransportError: the store cannot be opened at all.
    """
    asyncio.run(_serve(options, started))


async def _serve(options: ServeOptions, started: Callable[[int], None]) -> None:
    policies = load_policies(options.policies)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(_engines(options, metrics))
        webhook = Webhook(Judge(engine(Plan(policies.policies))), metrics)
        shown = ServerCertificate(webhook.faults)
        metrics.gauge("pratique_certificate_end_seconds", "Unix time.", lambda: shown.ends)
        given = options.certificate
        files = CertificateFiles(shown, given.certificate, given.key, given.authorities)
        await stack.enter_async_context(_beside(files.run()))
        port = await stack.enter_async_context(
            listening(
                webhook, options.host, options.port, shown.context, grace=options.grace, linger=options.linger
            )
        )
        end = _told_to_end()
        started(port)
        await end.wait()


@asynccontextmanager
async def _engines(options: ServeOptions, metrics: Metrics) -> AsyncIterator[Callable[[Plan], Engine]]:
    """Give what makes an engine from a plan, over what this process knows of images."""
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


@asynccontextmanager
async def _beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run some work in the background as long as the context lasts; a defect of it ends the server."""
    owner = asyncio.current_task()
    defects: list[BaseException] = []

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            defects.append(error)
            if owner:
                owner.cancel()

    tasks = [asyncio.create_task(each) for each in work]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        if defects:
            raise defects[0] from None
        raise
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _told_to_end() -> asyncio.Event:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    return end
