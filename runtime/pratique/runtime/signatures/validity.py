"""Spans of time in which a key or a certificate counts, and how messages write a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

LATEST_MOMENT = 253402300799
"""9999-12-31T23:59:59Z in seconds since the epoch: the last moment that certificates can name."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, both ends included; an absent end is open."""

    start: datetime | None = None
    end: datetime | None = None

    def contains(self, moment: datetime) -> bool:
        """Say whether `moment` lies in the span."""
        return not self.is_before(moment) and not self.is_after(moment)

    def is_before(self, moment: datetime) -> bool:
        """Say whether the span ended before `moment`."""
        return self.end is not None and self.end < moment

    def is_after(self, moment: datetime) -> bool:
        """Say whether the span had not begun at `moment`."""
        return self.start is not None and moment < self.start


ALWAYS = Window()
"""For keys that a policy names: their owner answers for when they count."""


def moment(seconds: int) -> datetime:
    """Return `seconds` since the epoch in UTC.

    Raises:
        ValueError: the number lies outside what certificates can name.
    """
    if not 0 <= seconds <= LATEST_MOMENT:
        raise ValueError(f"time out of range: {seconds}")
    return datetime.fromtimestamp(seconds, UTC)


def rfc3339(when: datetime) -> str:
    """Return `when` in UTC with whole seconds, as Go's `time.RFC3339` writes it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
