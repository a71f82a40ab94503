"""Measures a run: how often each question was asked and answered, and what the answers cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from pratique.compiler import ir
from pratique.compiler.graph import Verification
from pratique.runtime.decision import Requests
from pratique.runtime.watching import Spent, Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What became of one question in a run.

    Attributes:
        asked: by a rule for an image, whether or not the answer was known.
        answered: worked out, since it was not known; each time for another image.
        requests: to registries, on the way there; retries and fallbacks included.
        bytes: that registries sent.
        signatures: whose cryptography was checked.
        seconds: of waiting and computing.
    """

    asked: int = 0
    answered: int = 0
    requests: int = 0
    bytes: int = 0
    signatures: int = 0
    seconds: float = 0.0

    def __add__(self, other: Measured) -> Measured:
        """Return both together."""
        return Measured(
            asked=self.asked + other.asked,
            answered=self.answered + other.answered,
            requests=self.requests + other.requests,
            bytes=self.bytes + other.bytes,
            signatures=self.signatures + other.signatures,
            seconds=self.seconds + other.seconds,
        )

    @property
    def remembered(self) -> int:
        """Return how often the answer was known already."""
        return max(0, self.asked - self.answered)


class Meter:
    """A `Watch` over a run that does one thing after the other.

    What a question needs of another one counts for that other one.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._spent: Callable[[], Spent] = lambda: Spent(Requests(), 0)
        self._found: dict[Watched, Measured] = {}
        self._references: dict[ir.KeySigner, ir.KeySigner] = {}
        self._open: list[Measured] = []
        """What the questions within each question under way have cost."""

    @property
    def measured(self) -> Mapping[Watched, Measured]:
        """Return the figures of all questions so far; keys by reference stand for the keys themselves."""
        return self._found

    def counts(self, spent: Callable[[], Spent]) -> None:
        """See `Watch.counts`."""
        self._spent = spent

    def asked(self, question: Watched) -> None:
        """See `Watch.asked`."""
        self._add(question, Measured(asked=1))

    @contextmanager
    def answering(self, question: Watched) -> Iterator[None]:
        """See `Watch.answering`."""
        start, before = self._clock(), self._spent()
        self._open.append(Measured())
        try:
            yield
        finally:
            within, after = self._open.pop(), self._spent()
            whole = Measured(
                requests=after.requests.total - before.requests.total,
                bytes=after.requests.bytes - before.requests.bytes,
                signatures=after.signatures - before.signatures,
                seconds=self._clock() - start,
            )
            self._add(
                question,
                Measured(
                    answered=1,
                    requests=whole.requests - within.requests,
                    bytes=whole.bytes - within.bytes,
                    signatures=whole.signatures - within.signatures,
                    seconds=whole.seconds - within.seconds,
                ),
            )
            if self._open:
                self._open[-1] += whole

    def resolved(self, reference: ir.KeySigner, key: ir.KeySigner) -> None:
        """See `Watch.resolved`."""
        self._references[key] = reference

    def _add(self, question: Watched, figures: Measured) -> None:
        question = self._by_reference(question)
        self._found[question] = self._found.get(question, Measured()) + figures

    def _by_reference(self, question: Watched) -> Watched:
        match question.payload:
            case ir.Attestor(signer=ir.KeySigner() as key) as attestor if key in self._references:
                return replace(question, payload=replace(attestor, signer=self._references[key]))
            case Verification(method=ir.KeySigner() as key) as verification if key in self._references:
                return replace(question, payload=replace(verification, method=self._references[key]))
            case _:
                return question
