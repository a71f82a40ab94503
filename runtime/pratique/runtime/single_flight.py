"""Equal work that is asked for at the same time is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pratique.grammar.errors import PratiqueError

T = TypeVar("T")


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[Any]
    waiters: int = 0


class SingleFlight(Generic[T]):
    """Joins callers that ask for the same key while the work is under way; keeps no results.

    A caller that is cancelled leaves the others alone; when the last one leaves, the work is cancelled too.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight] = {}

    async def run(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of `work`, or of the equal work that is under way; exceptions likewise."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(_light(work())))
        flight.waiters += 1
        try:
            result: T = await asyncio.shield(flight.task)
            return result
        finally:
            flight.waiters -= 1
            if flight.task.done() or not flight.waiters:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                if not flight.task.done():
                    flight.task.cancel()


async def _light(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`; its errors come without their causes and frames.

    Those hold what was read, megabytes of a hostile registry; and whoever waits has the error in a frame that
    the error has, too: a cycle, which stays until somebody looks for cycles (F30).
    """
    try:
        return await work
    except PratiqueError as error:
        error.__cause__ = error.__context__ = None
        raise error.with_traceback(None)  # noqa: B904 (causes are what is left behind)
