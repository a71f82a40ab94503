"""Globs as automata: a set of positions is one integer, and a step is a few operations on it.

State `i` means that the first `i` items of the glob are consumed; a set of states has bit `i` for it. A `*`
before item `i` is a loop on state `i`. The outcome is settled once no state is left (`FAILED`) or a final
state loops on every character (`MATCHED`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias, assert_never

from pratique.compiler.ir import GlobDialect, ImagePattern
from pratique.compiler.languages.expressions import ALL_CHARACTERS, characters, members
from pratique.grammar import wildcard

FAILED: Final = 0
"""State from which no text matches."""

MATCHED: Final = -1
"""State from which every text matches."""


@dataclass(frozen=True, slots=True)
class One:
    """Consumes one character out of a set; the set is empty for a literal outside ASCII."""

    mask: int


@dataclass(frozen=True, slots=True)
class Run:
    """Consumes any run, also the empty one, of characters out of a set."""

    mask: int = ALL_CHARACTERS


Part: TypeAlias = One | Run

ANY_RUN = Run()
ANY_ONE = One(ALL_CHARACTERS)

_MEANINGS: Final[dict[str, Part]] = {"*": ANY_RUN, "?": ANY_ONE}


def parts(text: str, dialect: GlobDialect = GlobDialect.KYVERNO) -> tuple[Part, ...]:
    """Return what the characters of a pattern mean in its dialect."""
    match dialect:
        case GlobDialect.KYVERNO:
            return tuple(map(_part, text))
        case _:
            assert_never(dialect)


@lru_cache(maxsize=1024)
def _part(character: str) -> Part:
    """Return what a character of Kyverno's dialect means."""
    return _MEANINGS.get(character) or One(characters(character))


class Glob:
    """A glob that can be stepped through.

    Attributes:
        text: the pattern as it was written, for messages.
        parts: what it consumes, in order; runs beside each other are one.
        spelling: the same glob in Kyverno's dialect; None where that dialect has no such glob.
        prefix: text that every match starts with.
        suffix: text that every match ends with.
        start: state before the first character.

    INVARIANT: `step` drops the states below the highest one that loops on every character. Whatever matches
    from a lower state matches from there too, so the language stays the same, and a glob without `?` has at
    most one set of states for each position.
    """

    __slots__ = (
        "_any",
        "_any_loops",
        "_final",
        "_loops",
        "_matches",
        "_steps",
        "_wanted",
        "parts",
        "prefix",
        "spelling",
        "start",
        "suffix",
        "text",
    )

    def __init__(self, text: str, parts: Iterable[Part], dialect: GlobDialect | None = None) -> None:
        self.text = text
        self.parts = _merge_runs(parts)
        self.spelling = text if dialect is GlobDialect.KYVERNO else _spelling(self.parts)
        self._matches: Callable[[str], bool] | None = None
        self.prefix = _literal(self.parts)
        self.suffix = _literal(self.parts[::-1])[::-1]
        self._compile()
        self.start = self._settle(1)

    @classmethod
    def of(cls, pattern: ImagePattern) -> Glob:
        """Return the glob of a policy's pattern."""
        return cls.parse(pattern.text, pattern.dialect)

    @staticmethod
    @lru_cache(maxsize=2_048)
    def parse(text: str, dialect: GlobDialect = GlobDialect.KYVERNO) -> Glob:
        """Return the glob that `text` means in `dialect`; globs do not change, so that they can be shared."""
        return Glob(text, parts(text, dialect), dialect=dialect)

    def quotient(self, tail: str) -> tuple[Glob, ...]:
        """Return globs that together match the texts that match once `tail` is put behind them.

        Each way in which items of the glob can span `tail` leaves the items before it.
        """
        states = self._final
        for character in reversed(tail):
            advanced = states >> 1 & self._steps.get(character, self._any)
            states = advanced | states & (self._any_loops | self._loops.get(character, 0))
        if loops := states & self._any_loops:
            states &= ((loops & -loops) << 1) - 1  # what ends in any run holds whatever goes on from there
        found, state = [], 1
        for place, part in enumerate((*self.parts, None)):
            if isinstance(part, Run):
                continue
            if states & state:
                found.append(Glob(self.text, self.parts[:place]))
            state <<= 1
        return tuple(found)

    def __repr__(self) -> str:
        return f"Glob({self.text!r})"

    @property
    def is_literal(self) -> bool:
        """Say whether the glob matches one text at most."""
        return len(self.prefix) == len(self.parts)

    @property
    def shortest(self) -> int:
        """Return the least length of a match."""
        return sum(isinstance(part, One) for part in self.parts)

    def _compile(self) -> None:
        self._any = 0  # states that consume every character
        self._any_loops = 0  # states that loop on every character
        consumes: dict[str, int] = {}
        loops: dict[str, int] = {}
        self._wanted: list[int] = []  # by state: the characters that it tells apart
        wanted = 0
        bit = 1
        for part in self.parts:
            if isinstance(part, One) and part.mask.bit_count() == 1:
                character = chr(part.mask.bit_length() - 1)
                consumes[character] = consumes.get(character, 0) | bit
                self._wanted.append(wanted | part.mask)
                wanted = 0
                bit <<= 1
                continue
            table = consumes if isinstance(part, One) else loops
            if part.mask != ALL_CHARACTERS:
                for character in members(part.mask):
                    table[character] = table.get(character, 0) | bit
                wanted |= min(part.mask, ALL_CHARACTERS & ~part.mask, key=int.bit_count)
            elif isinstance(part, One):
                self._any |= bit
            else:
                self._any_loops |= bit
            if isinstance(part, One):
                self._wanted.append(wanted)
                wanted = 0
                bit <<= 1
        self._wanted.append(wanted)
        self._loops = loops
        self._steps = {c: states | self._any for c, states in consumes.items()}
        self._final = bit

    def step(self, state: int, character: str) -> int:
        """Return the state after `character`; `MATCHED` and `FAILED` stay what they are."""
        if state <= 0:
            return state
        loops = self._any_loops
        if self._loops:
            loops |= self._loops.get(character, 0)
        return self._settle((state & self._steps.get(character, self._any)) << 1 | state & loops)

    def _settle(self, state: int) -> int:
        kept = state & self._any_loops
        if not kept:
            return state
        if kept & self._final:
            return MATCHED
        return state >> (low := kept.bit_length() - 1) << low

    def run(self, text: str, state: int | None = None) -> int:
        """Return the state after `text`, from the start or from `state`."""
        state = self.start if state is None else state
        if self._loops:
            for character in text:
                state = self.step(state, character)
            return state
        steps, any_one, any_loops = self._steps, self._any, self._any_loops
        for character in text:  # as `step` and `_settle` do
            if state <= 0:
                break
            state = (state & steps.get(character, any_one)) << 1 | state & any_loops
            if kept := state & any_loops:
                if kept & self._final:
                    return MATCHED
                state = state >> (low := kept.bit_length() - 1) << low
        return state

    def accepts(self, state: int) -> bool:
        """Say whether a match may end in `state`."""
        return state & self._final != 0

    def wanted(self, state: int) -> int:
        """Return the set of characters that the states of `state` tell apart from all others."""
        if state <= 0:
            return 0
        mask = 0
        while state:
            low = state & -state
            mask |= self._wanted[low.bit_length() - 1]
            state ^= low
        return mask

    def plainly_includes(self, inner: Glob) -> bool:
        """Say whether every text of `inner` matches, by a test that is quick and never wrongly says yes.

        A run of `inner` is taken for a character that only loops consume. Without `?` in this glob the
        answer "no" is right too, where all texts are allowed.
        """
        state = self.start
        for part in inner.parts:
            if state <= 0:
                break
            if isinstance(part, One) and part.mask.bit_count() == 1:
                state = self.step(state, chr(part.mask.bit_length() - 1))
            else:
                consumed = state & self._any if isinstance(part, One) else 0
                state = self._settle(consumed << 1 | state & self._any_loops)
        return self.accepts(state)

    def plainly_disjoint(self, other: Glob) -> bool:
        """Say whether no text at all matches both; linear in the items of this glob.

        Exact where all runs are runs of any characters; "no" may be wrong elsewhere, "yes" never is. Runs of
        some characters are taken more exactly in `other` than in this glob.
        """
        if not (self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)):
            return True
        if not (self.suffix.endswith(other.suffix) or other.suffix.endswith(self.suffix)):
            return True
        if self._any_loops and other._any_loops and not self._any | other._any:
            return False  # the longer ends, and between them all that either asks for, one after the other
        row, items = 1, other._final - 1  # states of `other`; those of its states that have an item behind
        all_loops = other._any_loops
        for states in other._loops.values():
            all_loops |= states
        for part in self.parts:
            if isinstance(part, Run):
                row = -(row & -row) & (items << 1 | 1)  # while this glob loops, the other one may go on
                continue
            if part.mask.bit_count() == 1:
                character = chr(part.mask.bit_length() - 1)
                consumed = other._steps.get(character, other._any)
                loops = other._any_loops | other._loops.get(character, 0)
            else:
                consumed, loops = (items, all_loops) if part.mask else (0, 0)
            row = (row & consumed) << 1 | row & loops
            if not row:
                return True
        return not row & other._final

    def matches(self, text: str) -> bool:
        """Say whether the glob matches the whole of `text`."""
        if self._matches is None:
            # The matcher that decides at run time: fast, and independent of the automaton, so that a witness
            # is never the automaton's word alone.
            spelling = self.spelling
            self._matches = self._runs if spelling is None else wildcard.Wildcard(spelling).matches
        return self._matches(text)

    def _runs(self, text: str) -> bool:
        return text.startswith(self.prefix) and self.accepts(self.run(text))


def _merge_runs(items: Iterable[Part]) -> tuple[Part, ...]:
    merged: list[Part] = []
    for item in items:
        last = merged[-1] if merged else None
        if isinstance(item, Run) and isinstance(last, Run):
            # A run of A beside a run of B, one within the other, is a run of the larger.
            if item.mask | last.mask not in (item.mask, last.mask):
                message = "runs beside each other must be nested"
                raise ValueError(message)
            merged[-1] = Run(item.mask | last.mask)
        else:
            merged.append(item)
    return tuple(merged)


def _spelling(items: tuple[Part, ...]) -> str | None:
    """Return the glob in Kyverno's dialect, or None where that dialect has no such glob."""
    letters: list[str] = []
    for item in items:
        if item.mask == ALL_CHARACTERS:
            letters.append("*" if isinstance(item, Run) else "?")
        elif isinstance(item, One) and item.mask.bit_count() == 1:
            letters.append(chr(item.mask.bit_length() - 1))
            if letters[-1] in "*?":
                return None
        else:
            return None
    return "".join(letters)


def _literal(items: tuple[Part, ...]) -> str:
    letters: list[str] = []
    for item in items:
        if isinstance(item, Run) or item.mask.bit_count() != 1:
            break
        letters.append(chr(item.mask.bit_length() - 1))
    return "".join(letters)
