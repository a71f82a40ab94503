"""Traces of reviews with OpenTelemetry (extra `otel`): the only importer of its SDK.

A review is a span, with its phases and the requests to registries below it. Whoever calls the webhook may
name the span that this one belongs to (W3C `traceparent`); nothing is told to registries. Spans hold no
names of users or objects, no messages, no URL and no secret.

What is sent where (`OTEL_EXPORTER_OTLP_HEADERS` ...), how much of it (`OTEL_TRACES_SAMPLER`) and under which
name (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`) is read from the environment, as the SDK has it.

References: W3C Trace Context; OpenTelemetry 1.x, semantic conventions of HTTP.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from pratique.grammar import __version__
from pratique.grammar.errors import UsageError
from pratique.runtime.phases import ReviewSpans

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

FLUSH_S: Final = 2.0
"""For which the last spans are waited for at the end."""

Begun: TypeAlias = "tuple[Span, Token[Context]]"


class Tracing:
    """Makes spans of reviews; implements `phases.Traces`."""

    def __init__(self, processor: SpanProcessor) -> None:
        """Take what becomes of spans that have ended."""
        from opentelemetry import context, trace
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({SERVICE_NAME: os.environ.get("OTEL_SERVICE_NAME") or "pratique"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("pratique", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._context = context
        self._trace = trace

    @classmethod
    def to(cls, url: str) -> Tracing:
        """Return what sends spans to a collector over HTTP (OTLP), in the background and in batches.

        Raises:
            UsageError: the extra is not installed, or `url` is none.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"--traces: {url!r} is not http://HOST:PORT or https://HOST:PORT")
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise UsageError("--traces needs more to be installed: pip install 'pratique[otel]'") from error
        path = parts.path if parts.path.strip("/") else "/v1/traces"
        exporter = OTLPSpanExporter(endpoint=f"{parts.scheme}://{parts.netloc}{path}")
        return cls(BatchSpanProcessor(exporter))

    def review(self, webhook: str, headers: Mapping[str, str]) -> Spans | None:
        """Begin the span of a review; None where nobody wants it."""
        parent = self._propagator.extract(headers, context=self._context.Context())
        span = self._tracer.start_span(f"review {webhook}", context=parent, kind=self._trace.SpanKind.SERVER)
        if not span.is_recording():
            return None
        span.set_attribute("pratique.webhook", webhook)
        return Spans(self, span)

    def begin(self, name: str, attributes: Mapping[str, str]) -> Begun:
        """Begin a span within that of this task."""
        return self.enter(self._tracer.start_span(name, attributes=dict(attributes)))

    def enter(self, span: Span) -> Begun:
        """Let what follows in this task belong to `span`."""
        return span, self._context.attach(self._trace.set_span_in_context(span))

    def leave(self, begun: Begun, error: BaseException | None) -> None:
        """End a span and what `enter` began."""
        span, token = begun
        self._context.detach(token)
        if error is not None:
            self.fail(span, str(getattr(error, "code", "") or type(error).__name__))
        span.end()

    def fail(self, span: Span, code: str) -> None:
        """Say that what a span is about has failed."""
        span.set_attribute("error.type", code)
        span.set_status(self._trace.StatusCode.ERROR)

    def record(self, name: str, attributes: Mapping[str, str | int], seconds: float) -> None:
        """Add a span that has just ended."""
        end = time.time_ns()
        span = self._tracer.start_span(
            name,
            kind=self._trace.SpanKind.CLIENT,
            attributes=dict(attributes),
            start_time=end - int(seconds * 1e9),
        )
        if "error.type" in attributes:
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(end)

    async def aclose(self) -> None:
        """Send what is left, for some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await asyncio.to_thread(self._provider.force_flush, int(FLUSH_S * 1000))
        await asyncio.to_thread(self._provider.shutdown)


class Spans(ReviewSpans):
    """The spans of one review; implements `phases.ReviewSpans`."""

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self.trace = f"{span.get_span_context().trace_id:032x}"
        self._tracing = tracing
        self._root = tracing.enter(span)

    def begin(self, name: str, attributes: Mapping[str, str]) -> Begun:
        """See `phases.ReviewSpans.begin`."""
        return self._tracing.begin(name, attributes)

    def end(self, begun: object, error: BaseException | None) -> None:
        """See `phases.ReviewSpans.end`."""
        assert isinstance(begun, tuple)  # noqa: S101 (result of `begin`)
        self._tracing.leave(begun, error)

    def record(self, name: str, attributes: Mapping[str, str | int], seconds: float) -> None:
        """See `phases.ReviewSpans.record`."""
        self._tracing.record(name, attributes, seconds)

    def finish(self, attributes: Mapping[str, str], fault: str) -> None:
        """See `phases.ReviewSpans.finish`."""
        span = self._root[0]
        span.set_attributes(dict(attributes))
        if fault:
            self._tracing.fail(span, fault)
        self._tracing.leave(self._root, None)
