"""Deterministic automata that come into being state by state, as questions reach them."""

from __future__ import annotations

from collections import deque

from pratique.compiler.languages.expressions import (
    NOTHING,
    Expression,
    classes,
    derivative,
    members,
    nullable,
)

DEAD = -1
"""The state from which no text is accepted; it has no row in any table."""

PLAUSIBLE = "a1bcdefghijklmnopqrstuvwxyz023456789-./:@_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The order in which members of a class stand in for it: the earlier, the better a witness reads."""


class Automaton:
    """The automaton of an expression: states are numbers, 0 is the start, `DEAD` accepts nothing.

    INVARIANT: states are only ever added and rows never change, so results do not depend on what was asked
    before.
    """

    def __init__(self, expression: Expression, plausible: str = PLAUSIBLE) -> None:
        """Start with the state of `expression`; earlier characters of `plausible` are preferred in texts."""
        self._ranks = {character: rank for rank, character in enumerate(plausible)}
        self._expressions = [expression]
        self._numbers = {expression: 0}
        self._rows: list[dict[str, int] | None] = [None]
        self._groups: list[tuple[tuple[int, int], ...]] = [()]
        self._completions: dict[int, str | None] = {}
        self._leaps: dict[tuple[int, str], int] = {}
        self._representatives: dict[tuple[int, int], tuple[tuple[str, int], ...]] = {}

    def expression(self, state: int) -> Expression:
        """Return the language of what may follow in `state`."""
        return NOTHING if state == DEAD else self._expressions[state]

    def accepts(self, state: int) -> bool:
        """Say whether a text may end in `state`."""
        return state != DEAD and nullable(self._expressions[state])

    def step(self, state: int, character: str) -> int:
        """Return the state after `character`."""
        if state == DEAD:
            return DEAD
        row = self._rows[state] or self._expand(state)
        return row.get(character, DEAD)

    def run(self, text: str, state: int = 0) -> int:
        """Return the state after `text`."""
        for character in text:
            if state == DEAD:
                return DEAD
            state = (self._rows[state] or self._expand(state)).get(character, DEAD)
        return state

    def leap(self, text: str, state: int) -> int:
        """Return what `run` returns, and remember it: for the few texts that come again and again."""
        key = (state, text)
        target = self._leaps.get(key)
        if target is None:
            target = self._leaps[key] = self.run(text, state)
        return target

    def contains(self, text: str) -> bool:
        """Say whether `text` belongs to the language."""
        return self.accepts(self.run(text))

    def arcs(self, state: int, apart: int) -> tuple[tuple[str, int], ...]:
        """Return (character, next state) for one member of each class of characters that matters.

        Args:
            state: where the arcs leave; not `DEAD`.
            apart: characters that somebody else tells apart; each stands for itself.
        """
        key = (state, apart)
        known = self._representatives.get(key)
        if known is None:
            if self._rows[state] is None:
                self._expand(state)
            found: list[tuple[str, int]] = []
            for mask, target in self._groups[state]:
                found += [(character, target) for character in members(mask & apart)]
                if others := mask & ~apart:
                    found.append((min(members(others), key=self._plausibility), target))
            found.sort(key=lambda arc: self._plausibility(arc[0]))
            known = self._representatives[key] = tuple(found)
        return known

    def completion(self, state: int) -> str | None:
        """Return a shortest text that leads from `state` to acceptance; None where there is none."""
        if state == DEAD:
            return None
        if state not in self._completions:
            self._completions[state] = self._complete(state)
        return self._completions[state]

    def _complete(self, state: int) -> str | None:
        came: dict[int, tuple[int, str]] = {state: (DEAD, "")}
        queue = deque([state])
        while queue:
            here = queue.popleft()
            if self.accepts(here):
                letters: list[str] = []
                while here != DEAD:
                    here, character = came[here]
                    letters.append(character)
                return "".join(reversed(letters))
            for character, target in self.arcs(here, 0):
                if target not in came:
                    came[target] = (here, character)
                    queue.append(target)
        return None

    def _expand(self, state: int) -> dict[str, int]:
        expression = self._expressions[state]
        groups: dict[int, int] = {}
        for mask in classes(expression):
            target = derivative(expression, mask.bit_length() - 1)
            if target is not NOTHING:
                number = self._number(target)
                groups[number] = groups.get(number, 0) | mask
        self._groups[state] = tuple((mask, number) for number, mask in groups.items())
        row = {character: number for number, mask in groups.items() for character in members(mask)}
        self._rows[state] = row
        return row

    def _number(self, expression: Expression) -> int:
        number = self._numbers.get(expression)
        if number is None:
            number = self._numbers[expression] = len(self._expressions)
            self._expressions.append(expression)
            self._rows.append(None)
            self._groups.append(())
        return number

    def _plausibility(self, character: str) -> tuple[int, str]:
        return self._ranks.get(character, len(self._ranks)), character
