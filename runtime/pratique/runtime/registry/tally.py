"""Counts what stores are asked and what they read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pratique.runtime.decision import Requests

Kind = Literal["manifests", "blobs", "referrers"]
"""What a request to a store is about."""


class Exchanged(NamedTuple):
    """One HTTP request that was made, or could not be.

    Attributes:
        host: of the registry or mirror it was made for, also where it went to a token service or elsewhere.
        kind: what it was about; `tokens` for token services.
        code: HTTP status of the answer, or the code of the fault.
        seconds: that it took.
    """

    host: str
    kind: str
    code: str
    seconds: float


@dataclass(slots=True)
class Tally:
    """A counter of requests that a store increments where they happen; see `Requests` for the fields.

    `told`, where somebody wants to know, is called after each of them.
    """

    told: Callable[[Exchanged], None] | None = None

    manifests: int = 0
    blobs: int = 0
    referrers: int = 0
    tokens: int = 0
    bytes: int = 0

    def count(self, kind: Kind) -> None:
        """Count one request."""
        match kind:
            case "manifests":
                self.manifests += 1
            case "blobs":
                self.blobs += 1
            case "referrers":
                self.referrers += 1

    @property
    def requests(self) -> Requests:
        """Return the present figures."""
        return Requests(
            manifests=self.manifests,
            blobs=self.blobs,
            referrers=self.referrers,
            tokens=self.tokens,
            bytes=self.bytes,
        )
