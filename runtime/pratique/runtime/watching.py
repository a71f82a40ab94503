"""Watching evidence being gathered: which questions are asked, which of them cost anything, and how much."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from pratique.compiler.graph import Listing, Op
from pratique.runtime.decision import Requests

if TYPE_CHECKING:
    from pratique.compiler.ir import KeySigner


@dataclass(frozen=True, slots=True)
class Watched:
    """A question of the decision graph, as its nodes have it.

    `listing` tells apart what is asked of signatures and of attestations; None before anything is listed.
    """

    op: Op
    payload: Hashable
    listing: Listing | None = None


class Spent(NamedTuple):
    """What a run has cost so far: requests, and signatures whose cryptography was checked."""

    requests: Requests
    signatures: int


class Watch(Protocol):
    """Is told what an `Evidence` does. Must not fail, and takes no part in it."""

    def counts(self, spent: Callable[[], Spent]) -> None:
        """Take what tells how much the run has cost so far."""
        ...

    def asked(self, question: Watched) -> None:
        """A verdict needs an answer, known or not."""
        ...

    def answering(self, question: Watched) -> AbstractContextManager[None]:
        """Return a context in which the answer is worked out, since nobody knows it."""
        ...

    def resolved(self, reference: KeySigner, key: KeySigner) -> None:
        """A key by reference was found: answers about the key are about the reference."""
        ...


class Unwatched:
    """Nobody watches."""

    _NOTHING: Final = nullcontext()

    def counts(self, spent: Callable[[], Spent]) -> None:
        """See `Watch.counts`."""

    def asked(self, question: Watched) -> None:
        """See `Watch.asked`."""

    def answering(self, question: Watched) -> AbstractContextManager[None]:
        """See `Watch.answering`."""
        return self._NOTHING

    def resolved(self, reference: KeySigner, key: KeySigner) -> None:
        """See `Watch.resolved`."""


UNWATCHED: Final = Unwatched()
