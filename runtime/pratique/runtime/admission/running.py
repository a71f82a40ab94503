"""Runs the webhook server until it is told to end: files -> plan -> engine -> HTTPS."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from pratique.compiler.plan import Plan
from pratique.grammar.errors import UsageError
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.server import Webhook, server_tls
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.keys.references import Keys
from pratique.runtime.lifetimes import Lifetimes
from pratique.runtime.memory import Memory
from pratique.runtime.registry.open import StoreOptions, cached, open_accesses, open_store
from pratique.runtime.secrets import read_secrets
from pratique.runtime.session import load_policies, open_verifier
from pratique.runtime.trust_options import TrustOptions

MEMORY_BYTES = 128 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """What `pratique serve` was asked to do.

    Attributes:
        grace: seconds that requests in flight are given after SIGTERM.
    """

    policies: tuple[str, ...]
    certificate: str
    key: str
    store: StoreOptions
    trust: TrustOptions
    secrets: tuple[str, ...] = ()
    host: str = "0.0.0.0"  # noqa: S104 (a Pod is reached by its own address)
    port: int = 8443
    grace: float = 25.0


def serve(options: ServeOptions, started: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT; `started` is called with the port.

    Raises:
        PolicyErrors: policies cannot be used.
        UsageError: an option cannot be used.
        TransportError: the store cannot be opened at all.
    """
    policies = load_policies(options.policies)
    secrets = read_secrets(options.secrets)
    tls = _tls(options)

    async def run() -> None:
        client = open_store(options.store)
        store = cached(client, options.store)
        try:
            keys = Keys(secrets, os.environ, offline=options.store.offline)
            evidence = Evidence(
                store,
                open_verifier(options.trust),
                keys,
                lifetimes=Lifetimes(),
                memory=Memory(max_bytes=MEMORY_BYTES),
            )
            accesses = open_accesses(options.store, client, store, secrets)
            webhook = Webhook(Judge(Engine(Plan(policies.policies), evidence, None, accesses)))
            await _until_told(webhook, options, tls, started)
        finally:
            await store.aclose()

    asyncio.run(run())


async def _until_told(
    webhook: Webhook, options: ServeOptions, tls: ssl.SSLContext, started: Callable[[int], None]
) -> None:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    runner = web.AppRunner(webhook.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, options.host, options.port, ssl_context=tls).start()
        except OSError as error:
            raise UsageError(f"cannot listen on {options.host}:{options.port}: {error.strerror}") from error
        started(runner.addresses[0][1])
        await end.wait()
        await webhook.drain(options.grace)
    finally:
        await runner.cleanup()


def _tls(options: ServeOptions) -> ssl.SSLContext:
    try:
        return server_tls(options.certificate, options.key)
    except OSError as error:
        raise UsageError(f"the certificate {options.certificate} and its key cannot be used") from error
