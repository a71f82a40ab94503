"""Runs the server until it is told to end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.admission.debugging import debugging
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.listening import listening
from pratique.runtime.admission.server import Webhook
from pratique.runtime.metrics import Metrics
from pratique.runtime.secrets import read_secrets
from pratique.runtime.serving.background import beside
from pratique.runtime.serving.engines import engines
from pratique.runtime.serving.installation import Installation
from pratique.runtime.serving.measures import measure_certificate, measure_process, watch_loop
from pratique.runtime.serving.options import ServeOptions
from pratique.runtime.serving.tls import CertificateFiles, ServerCertificate
from pratique.runtime.serving.tracing import Tracing
from pratique.runtime.serving.unserved import unserved
from pratique.runtime.session import load_policies
from pratique.runtime.showing.latest import LatestVerdicts
from pratique.runtime.showing.live_page import LivePage
from pratique.runtime.showing.server import showing

_LOG: Final = logging.getLogger(__name__)


def serve(options: ServeOptions, started: Callable[[int], None]) -> None:
    """Serve until SIGTERM or SIGINT; `started` is called with the port.

    Raises:
        PolicyErrors: policies cannot be used.
        UsageError: an option cannot be used.
        TransportError: the store or the cluster cannot be asked at all.
    """
    asyncio.run(_serve(options, started))


def clean_up(options: ServeOptions) -> None:
    """Remove from the cluster what serving put there.

    Raises:
        UsageError: no cluster is named.
        TransportError: it could not be asked, or refused.
    """

    async def run() -> None:
        if options.cluster is None:
            raise UsageError("there is no cluster to clean up: give --cluster or --kubeconfig FILE")
        async with Installation.of(options.cluster) as installation:
            await installation.remove()

    asyncio.run(run())


async def _serve(options: ServeOptions, started: Callable[[int], None]) -> None:
    live = not options.policies
    if live and options.cluster is None:
        raise UsageError("there are no policies: name files, or give --cluster to read those of the cluster")
    given_policies = ir.PolicySet(policies=()) if live else load_policies(options.policies).policies
    if errors := [error for policy in given_policies.policies for error in unserved(policy)]:
        raise PolicyErrors(errors)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(beside(watch_loop(measure_process(metrics))))
        installation = (
            await stack.enter_async_context(Installation.of(options.cluster, live=live))
            if options.cluster
            else None
        )
        given = read_secrets(options.secrets)
        latest = LatestVerdicts() if options.page else None
        made = await stack.enter_async_context(
            engines(
                options,
                metrics,
                installation.context if installation else None,
                installation.secrets(given) if installation else given,
                installation.own_namespace if installation else "",
                latest,
            )
        )
        first = made.admission(Plan(given_policies))
        judge = installation.judge(first) if installation else Judge(first)
        webhook = Webhook(judge, metrics, known_clients=options.clients is not None)
        if installation:
            installation.prepare(webhook)
        if options.traces:
            tracing = Tracing.to(options.traces)
            stack.push_async_callback(tracing.aclose)
            webhook.traces = tracing
        shown = ServerCertificate(webhook.faults, options.clients)
        has_certificate = await _certify(options, installation, shown, metrics, stack)
        if options.debug_port is not None:
            await stack.enter_async_context(debugging(webhook, options.debug_port))
        port = await stack.enter_async_context(
            listening(
                webhook,
                options.host,
                options.port,
                shown.context if has_certificate else None,
                grace=options.grace,
                linger=options.linger,
            )
        )
        if options.page and latest is not None:
            page = LivePage(latest, lambda: judge.engine.plan)
            page_port = await stack.enter_async_context(showing(page, options.page.host, options.page.port))
            _LOG.info("the page of verdicts is at http://%s:%d/", options.page.host, page_port)
        if installation:
            await stack.enter_async_context(beside(installation.run(webhook, made, shown, metrics)))
        end = _told_to_end()
        # What was made until now lives as long as the process: no search for cycles needs to look at it,
        # which with ten thousand policies takes a second, in which nobody is answered.
        gc.freeze()
        started(port)
        await end.wait()


async def _certify(
    options: ServeOptions,
    installation: Installation | None,
    shown: ServerCertificate,
    metrics: Metrics,
    stack: AsyncExitStack,
) -> bool:
    """Have a certificate shown and looked after; say whether there is one.

    Without one nobody can be answered, and the server only scans.

    Raises:
        UsageError: the certificate cannot be used, or there is none and nothing to scan.
        TransportError: the cluster could not be asked.
    """
    if given := options.certificate:
        files = CertificateFiles(shown, given.certificate, given.key, given.authorities)
        await stack.enter_async_context(beside(files.run(installation.changed if installation else None)))
    elif installation and options.cluster and options.cluster.endpoint:
        secret = installation.certificates(shown)
        await secret.begin()
        await stack.enter_async_context(beside(secret.run(installation.changed)))
    elif options.cluster and options.cluster.scan:
        return False
    else:
        raise UsageError(
            "there is no certificate: give --tls-certificate and --tls-key, or --cluster and --service"
            " NAMESPACE/NAME or --url URL, for a certificate of the server's own"
        )
    measure_certificate(metrics, shown)
    return True


def _told_to_end() -> asyncio.Event:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    return end
