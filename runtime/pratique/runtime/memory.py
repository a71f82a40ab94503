"""A bounded memory of answers, shared by all who ask: each question is under way at most once.

What is kept is bounded in bytes and entries, the least recently used goes first, and nothing outlives its
time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from pratique.grammar.errors import NotFoundError, PratiqueError, TransportError, VerificationError
from pratique.runtime.single_flight import SingleFlight

T = TypeVar("T")

MAX_BYTES: Final = 64 << 20
"""Default bound on what is kept: a quarter of what a small controller may use."""
MAX_ENTRIES: Final = 1 << 16

_OVERHEAD: Final = 512
"""Bytes that every entry counts for besides its own: key, links, table."""


class Worth(NamedTuple):
    """How long an answer may be kept (seconds; zero for not at all), and an estimate of its bytes."""

    seconds: float
    weight: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    answer: Any
    expires: float
    weight: int


@dataclass(frozen=True, slots=True)
class _Failure:
    """An error without its traceback and causes, which would keep whole call stacks alive."""

    kind: type[NotFoundError | TransportError | VerificationError]
    code: str
    message: str
    detail: str = ""

    @classmethod
    def of(cls, error: TransportError | VerificationError) -> _Failure:
        if isinstance(error, VerificationError):
            return cls(VerificationError, error.code, error.message)
        kind = NotFoundError if isinstance(error, NotFoundError) else TransportError
        return cls(kind, error.code, error.message, error.detail)

    def again(self) -> PratiqueError:
        if issubclass(self.kind, VerificationError):
            return self.kind(self.code, self.message)
        return self.kind(self.code, self.message, detail=self.detail)


class Memory:
    """Answers by key, for one event loop.

    An answer that is larger than the whole memory is shared by those who wait for it and not kept.

    Args:
        max_bytes: bound on the sum of the weights that `ask` is told.
        max_entries: bound on their number.
        clock: seconds that never go back (F22: the wall clock may).
    """

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        max_entries: int = MAX_ENTRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._flights = SingleFlight[Any]()
        self.bytes = 0
        """Estimated bytes of all that is kept now."""
        self.hits = 0
        """Questions whose answer was kept."""
        self.misses = 0
        """Questions whose answer was not, also where somebody else was finding it out already."""
        self.worked = 0
        """Answers that were found out."""
        self.evictions = 0
        """Answers that made room for others."""

    def __len__(self) -> int:
        """Return the number of answers that are kept, expired ones that nobody asked for since included."""
        return len(self._entries)

    async def ask(
        self,
        key: Hashable,
        work: Callable[[], Coroutine[Any, Any, T]],
        worth: Callable[[T | TransportError | VerificationError], Worth],
    ) -> T:
        """Return the answer that is kept under `key`, else that of `work`, or of the equal work under way.

        A caller that is cancelled leaves the others alone. An error reaches all who wait for it, and is kept
        only if `worth` says so.

        Args:
            key: everything that the answer depends on.
            work: finds the answer.
            worth: how long it is good for; asked once, with the answer or the error.
        """
        entry = self._find(key)
        if entry is None:
            self.misses += 1
            answer: T = await self._flights.run(key, lambda: self._work(key, work, worth))
            return answer
        self.hits += 1
        if isinstance(entry.answer, _Failure):
            raise entry.answer.again()
        kept: T = entry.answer
        return kept

    def kept(self, key: Hashable) -> Any:
        """Return the answer under `key`; None where none is kept, which counts as no question."""
        entry = self._find(key)
        if entry is None:
            return None
        self.hits += 1
        return entry.answer

    def remaining(self, key: Hashable) -> float:
        """Return for how many seconds the answer under `key` will be kept at most; 0 if it is not."""
        entry = self._entries.get(key)
        return max(0.0, entry.expires - self._clock()) if entry else 0.0

    def clear(self) -> None:
        """Forget everything; what is under way goes on."""
        self._entries.clear()
        self.bytes = 0

    def _find(self, key: Hashable) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    async def _work(
        self,
        key: Hashable,
        work: Callable[[], Coroutine[Any, Any, T]],
        worth: Callable[[T | TransportError | VerificationError], Worth],
    ) -> T:
        self.worked += 1
        try:
            answer = await work()
        except (TransportError, VerificationError) as error:
            self.keep(key, _Failure.of(error), worth(error))
            raise
        self.keep(key, answer, worth(answer))
        return answer

    def keep(self, key: Hashable, answer: object, worth: Worth) -> None:
        """Keep an answer, unless it is worth nothing or too large."""
        self._drop(key)
        weight = worth.weight + _OVERHEAD
        if worth.seconds <= 0 or weight > self._max_bytes:
            return
        self._entries[key] = _Entry(answer, self._clock() + worth.seconds, weight)
        self.bytes += weight
        while self.bytes > self._max_bytes or len(self._entries) > self._max_entries:
            self._drop(next(iter(self._entries)))
            self.evictions += 1

    def _drop(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.bytes -= entry.weight
