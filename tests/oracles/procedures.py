"""What a comparison with an oracle is made of."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pratique.compiler.languages.search import Answer, Proof, Unknown, Witness


class Disagreement(AssertionError):
    """The procedure and the oracle differ."""


@dataclass(frozen=True)
class Procedure:
    """A decision procedure beside its oracle.

    Attributes:
        oracle: what decides independently.
        compare: asks both a random question, or several; returns the kind of each answer.
        needs: packages of the oracle.
        share: part of the questions of a run that it is asked; less than all where each takes long.
    """

    name: str
    oracle: str
    compare: Callable[[Random], list[str]]
    needs: tuple[str, ...] = ()
    share: float = 1.0

    @property
    def missing(self) -> list[str]:
        """Return the packages that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def agree(condition: object, *about: object) -> None:
    """Raise `Disagreement` about a question unless `condition` holds."""
    if not condition:
        raise Disagreement("; ".join(map(str, about)))


def kind(answer: object) -> str:
    """Return `witness`, `proof` or `unknown`."""
    match answer:
        case Proof():
            return "proof"
        case Unknown():
            return "unknown"
        case _:
            return "witness"


def judged(answer: Answer, against: set[str] | frozenset[str], *about: object) -> str:
    """Compare an answer with all that speaks against the claim; return its kind."""
    match answer:
        case Witness(text):
            agree(text in against, "a false witness", text, *about)
        case Proof():
            agree(not against, "a false proof", sorted(against)[:3], *about)
        case Unknown():
            pass
    return kind(answer)
