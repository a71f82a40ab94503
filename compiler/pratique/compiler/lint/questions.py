"""Questions to the decision procedures, within an allowance that all questions of a run share.

A run over hostile policies ends in seconds: once the allowance is spent, only easy questions are answered,
and rules stay silent about the others. What is asked again costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.analysis import attributes, obligations, points, signers
from pratique.compiler.analysis.formulas import Decision, Share
from pratique.compiler.analysis.points import PointAnswer, Zone
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.search import MAX_STATES, Answer, Unknown
from pratique.compiler.languages.sets import TextSet
from pratique.compiler.languages.unions import Union

ALLOWANCE: Final = 100_000
"""States that all questions of a run may take together before they are cut short."""

MIN_STATES: Final = 250
"""States of a question that has been cut short."""

BRANCH_STATES: Final = 20
"""States that a branch of a question about resources counts for; it takes as long as they do."""

IDENTITY_STATES: Final = 5
"""States that a state of a question about identities counts for."""

FIND_STATES: Final = 40
"""States that any question about resources counts for."""

SIGNER_STATES: Final = 10
"""States that any question about signers counts for."""

MAX_SETS: Final = 64
"""Ways to meet demands, or to leave them unmet, that one question looks at."""

SPENT: Final = Unknown("the allowance of the run is spent")

_Sides: TypeAlias = tuple[tuple[ir.Attestor, ...], tuple[ir.Attestor, ...]]


class Questions:
    """The decision procedures, as rules may ask them."""

    def __init__(self) -> None:
        self._allowance = ALLOWANCE
        self._decisions: dict[tuple[str, Share], Decision] = {}
        self._found: dict[tuple[tuple[Zone, ...], tuple[Zone, ...]], PointAnswer] = {}
        self._signers: dict[_Sides, signers.SignerAnswer] = {}

    @property
    def max_states(self) -> int:
        """Return how many states the next question may take."""
        return MIN_STATES if self.is_spent else MAX_STATES

    @property
    def is_spent(self) -> bool:
        """Say whether the allowance is used up."""
        return self._allowance <= 0

    def ask(
        self, question: Callable[..., Answer], *sets: TextSet | tuple[TextSet, ...] | Union | Universe
    ) -> Answer:
        """Return the answer to a question of `languages.relations`, within what is left of the allowance."""
        limit = self.max_states
        answer = question(*sets, max_states=limit)
        # A witness is mostly found without a search, and those that were not are few.
        self._spend(limit if isinstance(answer, Unknown) else answer.states)
        return answer

    def find(self, inside: Sequence[Zone], outside: Sequence[Zone] = ()) -> PointAnswer:
        """Return a point inside all of `inside` and outside all of `outside`; see `points.find`."""
        key = tuple(inside), tuple(outside)
        if key not in self._found:
            if self.is_spent:
                return SPENT
            self._spend(FIND_STATES)
            branches = max(1, self.max_states // BRANCH_STATES)
            answer = points.find(*key, decide=self._decide, max_branches=branches)
            if isinstance(answer, Unknown):
                self._spend(branches * BRANCH_STATES)
            self._found[key] = answer
        return self._found[key]

    def _decide(self, attribute: str, share: Share) -> Decision:
        key = attribute, share
        if key not in self._decisions:
            # Without a third argument the answer is shared with `analysis.differences`.
            limit = () if self.max_states == MAX_STATES else (self.max_states,)
            decision = self._decisions[key] = attributes.decide(attribute, share, *limit)
            self._spend(self.max_states if isinstance(decision, Unknown) else decision.states)
        return self._decisions[key]

    def signer(
        self, inside: Sequence[ir.Attestor], outside: Sequence[ir.Attestor] = ()
    ) -> signers.SignerAnswer:
        """Return one signer whom all of `inside` accept and none of `outside`; see `signers.find`."""
        key = tuple(inside), tuple(outside)
        self._spend(1)
        if key not in self._signers:
            if self.is_spent:
                return SPENT
            self._spend(SIGNER_STATES)
            limit = max(1, self.max_states // IDENTITY_STATES)
            answer = self._signers[key] = signers.find(*key, max_states=limit)
            states = limit if isinstance(answer, Unknown) else getattr(answer, "states", 1)
            self._spend(states * IDENTITY_STATES)
        return self._signers[key]

    def one_signer(self, requirements: Sequence[ir.ImageRequirement]) -> signers.SignerAnswer:
        """Return one signer whose single signature meets all `requirements`; see `obligations`."""
        if self.is_spent:
            return SPENT
        self._spend(SIGNER_STATES)
        return obligations.one_signer(requirements, find=self.signer, max_sets=MAX_SETS)

    def implies(
        self, premise: Sequence[ir.ImageRequirement], conclusion: Sequence[ir.ImageRequirement]
    ) -> obligations.Implication:
        """Return whether whoever meets `premise` meets `conclusion`; see `obligations`."""
        if self.is_spent:
            return SPENT
        self._spend(SIGNER_STATES)
        return obligations.implies(premise, conclusion, find=self.signer, max_sets=MAX_SETS)

    def _spend(self, states: int) -> None:
        self._allowance -= max(1, states)
