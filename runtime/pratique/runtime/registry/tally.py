"""Counts what stores are asked and what they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pratique.runtime.decision import Requests

Kind = Literal["manifests", "blobs", "referrers"]
"""What a request to a store is about."""


@dataclass(slots=True)
class Tally:
    """A counter of requests that a store increments where they happen; see `Requests` for the fields."""

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
