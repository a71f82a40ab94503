"""Texts of issuers and subjects as regular languages, with examples that people recognise."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, assert_never

from pratique.compiler import ir
from pratique.compiler.languages.automata import DEAD, Automaton
from pratique.compiler.languages.expressions import (
    ALL_CHARACTERS,
    EVERYTHING,
    Chars,
    Concat,
    Expression,
    both,
    chars,
    complement,
    concat,
    either,
    literal,
)
from pratique.compiler.languages.regexes import UnsupportedError, read
from pratique.compiler.languages.search import Answer, Proof, Unknown, Witness

MAX_STATES: Final = 5_000
"""States of one search."""

EXAMPLES: Final = (
    "release@acme.example",
    "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main",
    "https://github.com/attacker/attack/.github/workflows/release.yml@refs/heads/main",
    "https://token.actions.githubusercontent.com",
    "https://accounts.google.com",
    "https://gitlab.com",
    "attacker.4711@gmail.com",
)
"""Subjects and issuers that are tried first."""

_FILLINGS: Final = ("acme", "1.4.2", "main", "x", "")


@lru_cache(maxsize=4096)
def language(tests: ir.TextTests) -> Expression:
    """Return the texts that pass.

    Raises:
        UnsupportedError: a test cannot be read exactly: text outside ASCII, or syntax that `regexes` does not
            read.
    """
    parts = [_language(test) for test in tests.tests]
    if not parts:
        return EVERYTHING
    return both(*parts) if tests.every else either(*parts)


@lru_cache(maxsize=4096)
def head(tests: ir.TextTests) -> str:
    """Return a text that all texts that pass start with, as far as can be seen at once.

    Raises:
        UnsupportedError: a test cannot be read exactly.
    """
    rest, letters = language(tests), ""
    while isinstance(rest, Concat) and isinstance(rest.first, Chars) and rest.first.mask.bit_count() == 1:
        letters += chr(rest.first.mask.bit_length() - 1)
        rest = rest.rest
    return letters


def _language(test: ir.Exactly | ir.Glob | ir.Search) -> Expression:
    match test:
        case ir.Exactly(text=text):
            return _plain(text)
        case ir.Glob(text=text):
            any_one = chars(ALL_CHARACTERS)
            return concat(
                *(EVERYTHING if c == "*" else any_one if c == "?" else _plain(c) for c in text),
            )
        case ir.Search(text=text):
            return read(text).found
        case _:
            assert_never(test)


def _plain(text: str) -> Expression:
    if not text.isascii():
        raise UnsupportedError(text)
    return literal(text)


def outside(of: Expression) -> Expression:
    """Return all other texts."""
    return complement(of)


def plausible(tests: Iterable[ir.TextTests]) -> tuple[str, ...]:
    """Return texts that tests of policies suggest, for examples: they decide nothing."""
    found: dict[str, None] = {}
    for each in tests:
        for test in each.tests:
            if isinstance(test, ir.Exactly):
                found[test.text] = None
            elif isinstance(test, ir.Glob):
                found.update(
                    (test.text.replace("*", filling).replace("?", "x"), None) for filling in _FILLINGS
                )
    return (*found, *EXAMPLES)


def example(
    texts: Expression, suggestions: Iterable[str] = EXAMPLES, *, max_states: int = MAX_STATES
) -> Answer:
    """Return a text of the language: the first suggestion that belongs to it, else a shortest one.

    Linear in the states of the automaton, which are made on demand and limited to `max_states`.
    """
    automaton = Automaton(texts)
    for text in suggestions:
        if text.isascii() and automaton.contains(text):
            return Witness(text)
    came: dict[int, tuple[int, str]] = {0: (DEAD, "")}
    queue = deque([0])
    while queue:
        state = queue.popleft()
        if automaton.accepts(state):
            return Witness(_path(came, state), len(came))
        for character, target in automaton.arcs(state, 0):
            if target not in came:
                if len(came) >= max_states:
                    return Unknown(f"no answer within {max_states:,} states")
                came[target] = (state, character)
                queue.append(target)
    return Proof(len(came))


def _path(came: dict[int, tuple[int, str]], state: int) -> str:
    letters: list[str] = []
    while state != DEAD:
        state, character = came[state]
        letters.append(character)
    return "".join(reversed(letters))
