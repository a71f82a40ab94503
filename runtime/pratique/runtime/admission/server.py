"""The handlers of the webhooks, and of those who ask how the server does.

Answers of `/validate` and `/mutate` are decisions; everything that is no review gets a status that is no
answer, so that the API server goes by the failure policy (G1, W2-W8).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Middleware

from pratique.grammar.errors import PratiqueError
from pratique.runtime.admission.groups import Selection
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.measures import Measures
from pratique.runtime.admission.review import Review, ReviewError, read_review, write_answer
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.metrics import CONTENT_TYPE, Metrics
from pratique.runtime.phases import CURRENT, Traces
from pratique.runtime.phases import Review as Observed

MAX_BODY: Final = 8 << 20
BODY_SECONDS: Final = 10.0
MAX_WAITING: Final = 500
"""Requests judged at a time; more are turned away at once (W21)."""
PATIENCE: Final = 10.0
"""Seconds that the API server waits where it does not say how long."""
MARGIN: Final = 1.0
"""Seconds before the end of its patience at which it is answered."""

Handler = Callable[[web.Request], Awaitable[web.Response]]
Told = Callable[[Review, Verdict], None]

_LOG: Final = logging.getLogger(__name__)


class Webhook:
    """The handlers, and what they count.

    Attributes:
        faults: why the server should not be asked, by a word for what; empty while all is well.
        told: called with each verdict, for events.
        traces: draws reviews; None for nobody.
        known_clients: reviews are only answered to clients that show a certificate (W22).
    """

    def __init__(
        self,
        judge: Judge,
        metrics: Metrics | None = None,
        told: Told | None = None,
        *,
        known_clients: bool = False,
    ) -> None:
        self.judge = judge
        self.faults: dict[str, str] = {}
        self.told = told
        self.traces: Traces | None = None
        self.known_clients = known_clients
        self.waiting = 0
        self.metrics = metrics or Metrics()
        self._handlers: dict[str, Handler] = {}
        self.measures = Measures(self.metrics, lambda: judge.engine.plan)
        self.metrics.gauge("pratique_admission_reviews_in_flight", "Reviews under way.", lambda: self.waiting)
        self.metrics.gauge(
            "pratique_faults",
            "Reasons not to be asked.",
            lambda: {(name,): 1 for name in self.faults},
            ("fault",),
        )

    def application(self, *, reviews: bool = True, middlewares: Sequence[Middleware] = ()) -> web.Application:
        """Return the application with its routes; without `reviews` only those that tell how it goes."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=middlewares)
        app.router.add_get("/healthz", self._healthy)
        app.router.add_get("/livez", self._healthy)
        app.router.add_get("/readyz", self._readiness)
        app.router.add_get("/metrics", self._metrics)
        if not reviews:
            return app
        for webhook, mutating in (("validate", False), ("mutate", True)):
            handler = self._route(webhook, mutating=mutating)
            app.router.add_post(f"/{webhook}", handler)
            app.router.add_post(f"/{webhook}/{{selection:.+}}", handler)
        for path, handler in self._handlers.items():
            app.router.add_post(path, handler)
        return app

    def review_at(self, path: str, judge: Callable[[Review, float], Awaitable[Verdict]]) -> None:
        """Let `judge` answer the reviews that come to `path`; to be called before `application`.

        Args:
            path: begins with a slash.
            judge: returns a verdict within the seconds that it is given.
        """

        async def verdict(review: Review, request: web.Request, seconds: float) -> Verdict:
            return await judge(review, seconds)

        self._handlers[path] = self._reviewed(path.strip("/"), verdict)

    def drain(self) -> None:
        """Say that no more requests are wanted; what comes is answered, and its connection closed."""
        self.faults["draining"] = "the server is about to end"

    async def idle(self, seconds: float) -> None:
        """Wait until no request is in flight, for `seconds` at most."""
        end = time.monotonic() + seconds
        while self.waiting and time.monotonic() < end:
            await asyncio.sleep(0.01)

    def _route(self, webhook: str, *, mutating: bool) -> Handler:
        async def verdict(review: Review, request: web.Request, seconds: float) -> Verdict:
            path = request.match_info.get("selection", "")
            among = Selection.of(path) if path else None
            found = await self.judge.verdict(review, mutating=mutating, seconds=seconds, among=among)
            self.measures.judged(review, found)
            if self.told:
                self.told(review, found)
            return found

        return self._reviewed(webhook, verdict)

    def _reviewed(
        self, webhook: str, judge: Callable[[Review, web.Request, float], Awaitable[Verdict]]
    ) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            start = time.monotonic()
            if self.known_clients and not _certificate(request):
                self.measures.turned_away(webhook, "stranger")
                return web.Response(status=401, text="a client certificate is wanted")
            if self.waiting >= MAX_WAITING:
                self.measures.turned_away(webhook, "busy")
                return web.Response(status=503, text="too many requests are waiting")
            self.waiting += 1
            outcome, dry_run = "refused", ""
            observed = Observed(self.traces.review(webhook, request.headers) if self.traces else None)
            token = CURRENT.set(observed)
            try:
                if request.content_type != "application/json" or request.headers.get("Content-Encoding"):
                    return web.Response(status=415, text="application/json is wanted, as it is")
                review = read_review(await _body(request))
                observed.dequeue(review.uid)
                dry_run = "true" if review.dry_run else "false"
                left = _patience(request.rel_url.raw_query_string) - (time.monotonic() - start)
                verdict = await judge(review, request, max(left - MARGIN, left / 2))
                outcome = "allowed" if verdict.allowed else "denied"
                response = _answer(review, verdict, webhook)
                if "draining" in self.faults:
                    response.force_close()
                return response
            except ReviewError as error:
                return web.Response(status=400, text=str(error))
            except web.HTTPRequestEntityTooLarge:
                return web.Response(status=413, text=f"more than {MAX_BODY} bytes")
            except TimeoutError:
                return web.Response(status=408, text="the body takes too long")
            except PratiqueError as error:
                outcome = "error"
                _LOG.warning("a review cannot be judged: %s", error)
                return web.Response(status=500, text="the request cannot be judged")
            finally:
                self.waiting -= 1
                self.measures.answered(webhook, outcome, dry_run, observed)
                CURRENT.reset(token)

        return handle

    async def _healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readiness(self, _: web.Request) -> web.Response:
        if not self.faults:
            return web.Response(text="ok\n")
        lines = [f"{name}: {why}\n" for name, why in sorted(self.faults.items())]
        return web.Response(status=503, text="".join(lines))

    async def _metrics(self, _: web.Request) -> web.Response:
        self.measures.prune()
        headers = {"Content-Type": CONTENT_TYPE, "X-Content-Type-Options": "nosniff"}
        return web.Response(body=self.metrics.text().encode(), headers=headers)


def _certificate(request: web.Request) -> object:
    """Return the client's certificate, which the handshake has verified; empty or None where it has none."""
    return request.transport.get_extra_info("peercert") if request.transport else None


def _answer(review: Review, verdict: Verdict, webhook: str) -> web.Response:
    level = logging.DEBUG if verdict.allowed else logging.INFO
    if _LOG.isEnabledFor(level):
        word = "allowed" if verdict.allowed else "denied"
        _LOG.log(level, word, extra={"fields": _logged(review, verdict, webhook)})
    body = write_answer(
        review.uid,
        allowed=verdict.allowed,
        message=verdict.message,
        warnings=verdict.warnings,
        patch=verdict.patch,
    )
    return web.Response(body=body, content_type="application/json")


def _logged(review: Review, verdict: Verdict, webhook: str) -> dict[str, str]:
    return {
        "webhook": webhook,
        "operation": review.operation,
        "kind": "/".join(part for part in (review.kind.kind, review.subresource) if part),
        "namespace": review.namespace,
        "name": review.name,
        "user": review.requester.username,
        "because": verdict.message,
    }


async def _body(request: web.Request) -> bytes:
    """Return the body of a request; the clock is only set where some of it is still to come.

    Raises:
        TimeoutError: it takes too long.
    """
    if request.content.is_eof():
        return await request.read()
    async with asyncio.timeout(BODY_SECONDS):
        return await request.read()


@lru_cache(maxsize=64)
def _patience(query: str) -> float:
    """Return the seconds of the API server's `timeout=10s`; at most 30, as it allows itself."""
    try:
        seconds = float(dict(parse_qsl(query)).get("timeout", "").removesuffix("s"))
    except ValueError:
        return PATIENCE
    return seconds if 0 < seconds <= 30 else PATIENCE
