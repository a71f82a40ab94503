"""On what terms evidence is asked for, and for how long it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a store is asked; answers are shared only among those who ask on equal terms.

    Attributes:
        access: names the credentials it is asked with; empty for those of the process.
        use_cache: answers of earlier evaluations may do (`useCache` of an entry).
    """

    access: str = ""
    use_cache: bool = True


USUAL: Final = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """For how many seconds an answer is good beyond the evaluation that asked for it; 0 for not at all.

    The defaults are those of a server, which never believes a tag or an error twice (K3, rule R6).

    Attributes:
        tag: which digest a tag means.
        listing: which signatures a digest has.
        absent: that there is no such image, or no signature.
        verified: what a signature proves; bounds how long one that expires is believed.
        fault: that a store or trust root could not be asked.
        uncached: all of it, for entries with `useCache: false`.
    """

    tag: float = 0.0
    listing: float = 300.0
    absent: float = 15.0
    verified: float = 3600.0
    fault: float = 0.0
    uncached: float = 0.0


ONE_RUN: Final = Lifetimes(tag=inf, listing=inf, absent=inf, verified=inf, fault=inf, uncached=inf)
"""A run from files to a report is one evaluation: everything in it is asked once, outages included."""
