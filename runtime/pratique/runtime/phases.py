"""Where the time of one review goes, and which review a piece of work belongs to.

Work says which phase it is in (`during`); whoever judges a review looks at the sum. What nobody observes, as
in the command line, costs one look at a context variable. Tasks inherit the review they were started for;
work that several wait for belongs to whoever asked first, and each of them counts the time it waits.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from enum import IntEnum
from types import TracebackType
from typing import Final, Protocol


class Phase(IntEnum):
    """What a review spends time on; of several at once the later one counts."""

    EVALUATION = 0
    """Everything that is no other phase: matching, patterns, expressions, the verdict."""
    SIGNATURE = 1
    """Verifying signatures, or waiting for somebody who does."""
    KEYS = 2
    """Fetching keys that policies name by reference."""
    CONTEXT = 3
    """Asking the cluster or services for what policies read."""
    REGISTRY = 4
    """Asking registries, or finding out that it is known."""
    QUEUE = 5
    """From the arrival of the request until it is judged: its body comes in and is read."""

    @property
    def label(self) -> str:
        """Return the name of the phase in metrics and traces."""
        return self.name.lower()


class ReviewSpans(Protocol):
    """Draws one review as a tree; all calls but `begin` and `end` of one span may come from any task.

    Attributes:
        trace: id of the trace that the tree belongs to.
    """

    trace: str

    def begin(self, name: str, attributes: Mapping[str, str]) -> object:
        """Begin a span within what is under way in this task; return what `end` wants back."""
        ...

    def end(self, begun: object, error: BaseException | None) -> None:
        """End a span, which failed where there is an error."""
        ...

    def record(self, name: str, attributes: Mapping[str, str | int], seconds: float) -> None:
        """Add a span that has just ended after so many seconds; `error.type` says that it failed."""
        ...

    def finish(self, attributes: Mapping[str, str], fault: str) -> None:
        """End the tree; `fault` says why the review could not be judged, empty if it could."""
        ...


class Traces(Protocol):
    """Draws reviews."""

    def review(self, webhook: str, headers: Mapping[str, str]) -> ReviewSpans | None:
        """Begin to draw a review; None where nobody wants to see it.

        Args:
            webhook: that was called.
            headers: of the request, which may say what it belongs to.
        """
        ...


class Review:
    """What is observed of one review.

    Attributes:
        uid: of the request; empty until it has been read.
        spans: draws what happens; None where nobody looks.
        seconds: spent in each phase so far, by its number. Together they are the time since the beginning.
    """

    __slots__ = ("_open", "_phase", "_queued", "_since", "seconds", "spans", "uid")

    def __init__(self, spans: ReviewSpans | None = None) -> None:
        """Begin with the queue."""
        self.uid = ""
        self.spans = spans
        self.seconds = [0.0] * len(Phase)
        self._open = [0] * len(Phase)
        self._open[Phase.QUEUE] = 1
        self._phase: int = Phase.QUEUE
        self._since = time.perf_counter()
        self._queued = spans.begin(Phase.QUEUE.label, {}) if spans else None

    def dequeue(self, uid: str) -> None:
        """Take note that the request has been read."""
        self.uid = uid
        self.leave(Phase.QUEUE)
        self._draw_queue()

    def enter(self, phase: int) -> None:
        """Count what follows for `phase`, until `leave`."""
        self._open[phase] += 1
        if phase > self._phase:
            self._turn(phase)

    def leave(self, phase: int) -> None:
        """End what `enter` began."""
        self._open[phase] -= 1
        if phase == self._phase and not self._open[phase]:
            while phase and not self._open[phase]:
                phase -= 1
            self._turn(phase)

    def finish(self, outcome: str = "", fault: str = "") -> None:
        """Count the time until now, and end the drawing.

        Args:
            outcome: what was answered.
            fault: why the review could not be judged; empty if it could.
        """
        self._turn(self._phase)
        self._draw_queue()
        if self.spans is not None:
            self.spans.finish({"pratique.uid": self.uid, "pratique.outcome": outcome}, fault)

    def _draw_queue(self) -> None:
        if self.spans is not None and self._queued is not None:
            self.spans.end(self._queued, None)
            self._queued = None

    def _turn(self, phase: int) -> None:
        now = time.perf_counter()
        self.seconds[self._phase] += now - self._since
        self._since, self._phase = now, phase


CURRENT: Final[ContextVar[Review | None]] = ContextVar("review", default=None)
"""The review that this task works for."""


class During:
    """Counts the time in its context for a phase; see `during`."""

    __slots__ = ("_about", "_begun", "_phase", "_review", "_what")

    def __init__(self, phase: Phase, what: str = "", about: str = "") -> None:
        self._review = CURRENT.get()
        self._phase = phase
        self._what = what
        self._about = about
        self._begun: object = None

    def __enter__(self) -> None:
        review = self._review
        if review is None:
            return
        review.enter(self._phase)
        if review.spans is not None:
            name = f"{self._phase.label}: {self._what}" if self._what else self._phase.label
            attributes = {"pratique.about": self._about} if self._about else {}
            self._begun = review.spans.begin(name, attributes)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        review = self._review
        if review is None:
            return
        if review.spans is not None:
            review.spans.end(self._begun, error)
        review.leave(self._phase)


def record(name: str, attributes: Mapping[str, str | int], seconds: float) -> None:
    """Draw what has just ended in the review that is under way, if somebody looks."""
    review = CURRENT.get()
    if review is not None and review.spans is not None:
        review.spans.record(name, attributes, seconds)


def during(phase: Phase, what: str = "", about: str = "") -> During:
    """Return a context whose time counts for a phase of the review that is under way, if any.

    Args:
        phase: the phase.
        what: is done in it, for traces.
        about: which image or object, for traces; no secret, and no query of a URL.
    """
    return During(phase, what, about)
