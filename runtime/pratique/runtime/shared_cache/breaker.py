"""Leaves alone for a while what keeps failing."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Opens after some failures in a row, for longer each time; one success closes it.

    Args:
        failures: after which it opens.
        first_s: seconds for which it opens at first.
        last_s: at most.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        *,
        failures: int = 3,
        first_s: float = 1.0,
        last_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = failures
        self._first_s = first_s
        self._last_s = last_s
        self._clock = clock
        self._failed = 0
        self._pause_s = first_s
        self._until = 0.0

    @property
    def is_open(self) -> bool:
        """Say whether nothing is to be tried now."""
        return self._clock() < self._until

    def succeed(self) -> None:
        """Take note of a success."""
        self._failed, self._pause_s = 0, self._first_s

    def fail(self) -> bool:
        """Take note of a failure; say whether this opens it. While it is open failures do not count."""
        if self.is_open:
            return False
        self._failed += 1
        if self._failed < self._most:
            return False
        # A single further failure opens it again: it is tried once, not several times.
        self._failed = self._most - 1
        self._until = self._clock() + self._pause_s
        self._pause_s = min(2 * self._pause_s, self._last_s)
        return True
