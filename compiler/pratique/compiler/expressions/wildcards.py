"""Wildcards over texts and patterns that may both come from data: bounded work, no data kept in caches."""

from __future__ import annotations

from typing import Final

from pratique.compiler.expressions.jmespath.run import ITEM, Run
from pratique.grammar import wildcard

_LONGEST_KEPT: Final = 256
"""Code points. Longer patterns come from data rather than from policies, and are not kept compiled."""


def matches_wildcard(pattern: str, text: str, run: Run) -> bool:
    """Say whether the whole text matches a pattern with `*` and `?`.

    Raises:
        EvaluationError: `context-too-large` when the budget of the run is spent.
    """
    if pattern == text:
        return True
    if not wildcard.contains_wildcard(pattern):
        return False
    run.charge(ITEM + ((len(pattern) + len(text)) >> 2))
    if "?" in pattern:
        run.charge((len(pattern) * len(text)) >> 6)
    if len(pattern) > _LONGEST_KEPT:
        return wildcard.Wildcard(pattern).matches(text)
    return wildcard.matches(pattern, text)
