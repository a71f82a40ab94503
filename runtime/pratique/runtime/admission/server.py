"""The HTTPS server of the webhooks.

Answers of `/validate` and `/mutate` are decisions; everything that is no review gets a status that is no
answer, so that the API server goes by the failure policy (G1, W2-W8).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from pratique.grammar.errors import PratiqueError
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.review import ReviewError, read_review, write_answer

MAX_BODY: Final = 8 << 20
BODY_SECONDS: Final = 10.0
MAX_WAITING: Final = 500
"""Requests judged at a time; more are turned away at once (W21)."""
PATIENCE: Final = 10.0
"""Seconds that the API server waits where it does not say how long."""
MARGIN: Final = 1.0
"""Seconds before the end of its patience at which it is answered."""

_LOG: Final = logging.getLogger("pratique.admission")


class Webhook:
    """The handlers, and what they count."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.ready = True
        self.waiting = 0
        self.counts: Counter[tuple[str, str]] = Counter()
        """Answers by path and outcome."""
        self.seconds = 0.0
        """Time spent on answers."""

    def application(self) -> web.Application:
        """Return the application with its routes."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/validate", self._route(mutating=False))
        app.router.add_post("/mutate", self._route(mutating=True))
        app.router.add_get("/healthz", self._healthy)
        app.router.add_get("/livez", self._healthy)
        app.router.add_get("/readyz", self._readiness)
        app.router.add_get("/metrics", self._metrics)
        return app

    async def drain(self, seconds: float) -> None:
        """Say that no more requests are wanted, and wait for those in flight."""
        self.ready = False
        end = time.monotonic() + seconds
        while self.waiting and time.monotonic() < end:
            await asyncio.sleep(0.01)

    def _route(self, *, mutating: bool) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            start = time.monotonic()
            if self.waiting >= MAX_WAITING:
                self.counts[request.path, "busy"] += 1
                return web.Response(status=503, text="too many requests are waiting")
            self.waiting += 1
            try:
                response, outcome = await self._answer(request, start, mutating=mutating)
            finally:
                self.waiting -= 1
                self.seconds += time.monotonic() - start
            self.counts[request.path, outcome] += 1
            return response

        return handle

    async def _answer(
        self, request: web.Request, start: float, *, mutating: bool
    ) -> tuple[web.Response, str]:
        if request.content_type != "application/json" or request.headers.get("Content-Encoding"):
            return web.Response(status=415, text="application/json is wanted, as it is"), "refused"
        try:
            async with asyncio.timeout(BODY_SECONDS):
                review = read_review(await request.read())
        except ReviewError as error:
            return web.Response(status=400, text=str(error)), "refused"
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text=f"more than {MAX_BODY} bytes"), "refused"
        except TimeoutError:
            return web.Response(status=408, text="the body takes too long"), "refused"
        left = _patience(request.query.get("timeout", "")) - (time.monotonic() - start)
        try:
            verdict = await self.judge.verdict(
                review, mutating=mutating, seconds=max(left - MARGIN, left / 2)
            )
        except PratiqueError as error:
            _LOG.warning("uid=%s cannot be judged: %s", review.uid[:64], error)
            return web.Response(status=500, text="the request cannot be judged"), "error"
        outcome = "allowed" if verdict.allowed else "denied"
        _LOG.info("uid=%s %s %s %s", review.uid[:64], request.path, review.kind.kind[:64], outcome)
        body = write_answer(
            review.uid,
            allowed=verdict.allowed,
            message=verdict.message,
            warnings=verdict.warnings,
            patch=verdict.patch,
        )
        return web.Response(body=body, content_type="application/json"), outcome

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readiness(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n") if self.ready else web.Response(status=503, text="draining\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        plan = self.judge.engine.plan
        lines = ["# TYPE pratique_admission_answers_total counter"]
        for (path, outcome), count in sorted(self.counts.items()):
            lines.append(f'pratique_admission_answers_total{{path="{path}",outcome="{outcome}"}} {count}')
        lines += [
            "# TYPE pratique_admission_seconds_total counter",
            f"pratique_admission_seconds_total {self.seconds:.6f}",
            "# TYPE pratique_admission_waiting gauge",
            f"pratique_admission_waiting {self.waiting}",
            "# TYPE pratique_policies gauge",
            f"pratique_policies {len(plan.policies.policies)}",
        ]
        return web.Response(text="\n".join(lines) + "\n")


def server_tls(certificate: str, key: str) -> ssl.SSLContext:
    """Return the context of a server: TLS 1.2 or later, with the suites that the library deems strong (K18).

    Raises:
        OSError: a file cannot be read, or the two do not fit together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _patience(text: str) -> float:
    """Return the seconds of the API server's `?timeout=10s`; at most 30, as it allows itself."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        return PATIENCE
    return seconds if 0 < seconds <= 30 else PATIENCE
