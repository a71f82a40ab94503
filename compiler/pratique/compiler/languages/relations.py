"""Claims about sets of texts. Each answer is a proof of the claim, a witness against it, or `Unknown`."""

from __future__ import annotations

from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.search import MAX_STATES, Answer, Witness
from pratique.compiler.languages.sets import AllOf, TextSet, difference, symmetric_difference
from pratique.compiler.languages.unions import Union
from pratique.compiler.languages.wording import example

MAX_REMOVED = 32
"""Options of a cover that are looked at one by one, before all are at once."""


def is_empty(texts: TextSet, universe: Universe, *, max_states: int = MAX_STATES) -> Answer:
    """Answer whether `texts` is empty; a witness is a text of it."""
    return example(texts, universe, max_states=max_states)


def are_disjoint(
    first: TextSet, second: TextSet, universe: Universe, *, max_states: int = MAX_STATES
) -> Answer:
    """Answer whether no text belongs to both; a witness is a text that does: the overlap."""
    return example(AllOf((first, second)), universe, max_states=max_states)


def includes(outer: TextSet, inner: TextSet, universe: Universe, *, max_states: int = MAX_STATES) -> Answer:
    """Answer whether `inner` lies within `outer`; a witness is a text of `inner` outside `outer`."""
    return example(difference(inner, outer), universe, max_states=max_states)


def covers(
    options: tuple[TextSet, ...] | Union, whole: TextSet, universe: Universe, *, max_states: int = MAX_STATES
) -> Answer:
    """Answer whether `options` together cover `whole`; a witness is a text of `whole` that none has.

    Options are looked at only once they hold a text that was thought a witness: of a thousand, few do.

    References: Clarke et al., "Counterexample-guided abstraction refinement", CAV 2000.
    """
    union = options if isinstance(options, Union) else Union(options)
    removed: list[TextSet] = []
    while len(removed) < MAX_REMOVED:
        answer = example(difference(whole, *removed), universe, max_states=max_states)
        if not isinstance(answer, Witness):
            return answer
        holder = union.widest_holding(answer.text)
        if holder is None:
            return answer
        removed.append(holder)
        max_states = max(max_states - answer.states, 1)
    return example(difference(whole, *union.options), universe, max_states=max_states)


def are_equivalent(
    first: TextSet, second: TextSet, universe: Universe, *, max_states: int = MAX_STATES
) -> Answer:
    """Answer whether both hold the same texts; a witness is a text that belongs to one of them alone."""
    return example(symmetric_difference(first, second), universe, max_states=max_states)
