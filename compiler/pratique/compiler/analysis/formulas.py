"""Boolean formulas over tests on single attributes, and the search for a way to make one true.

The search is a tableau: it opens "and" at once, tries the options of "or" one by one, and drops a branch as
soon as the tests that it has gathered on one attribute cannot be met together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias, assert_never

from pratique.compiler.languages.search import Proof, Unknown

MAX_BRANCHES: Final = 2_000
"""Branches of one search."""


class Test(Hashable, Protocol):
    """A test on one attribute."""

    @property
    def attribute(self) -> str:
        """Return the name of the attribute; tests on different ones are independent."""
        ...


@dataclass(frozen=True, slots=True)
class Atom:
    """The test passes."""

    test: Test


@dataclass(frozen=True, slots=True)
class Not:
    """`of` does not hold."""

    of: Formula


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold; true where there are none."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Some part holds; false where there are none."""

    parts: tuple[Formula, ...]


Formula: TypeAlias = Atom | Not | Every | Some


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an attribute that passes the tests it was made for.

    Attributes:
        states: states that it took to find it.
    """

    value: object
    states: int = field(default=0, compare=False)


Decision: TypeAlias = Value | Proof | Unknown
Share: TypeAlias = tuple[frozenset[Test], frozenset[Test]]
"""What is demanded of one attribute: tests that pass, and tests that fail."""

Decide: TypeAlias = Callable[[str, Share], Decision]
"""Returns a value of the named attribute that meets a share, the proof that there is none, or `Unknown`."""

Assignment: TypeAlias = Mapping[str, object]


def solve(
    formula: Formula, decide: Decide, *, max_branches: int = MAX_BRANCHES
) -> Assignment | Proof | Unknown:
    """Return a value for each attribute that is tested, under which `formula` holds."""
    search = _Search(decide, max_branches)
    for assignment in search.branches([(formula, True)], {}):
        return assignment
    return search.unknown or Proof(search.branches_seen)


class _Search:
    def __init__(self, decide: Decide, max_branches: int) -> None:
        self._decide = decide
        self._max_branches = max_branches
        self._decided: dict[tuple[str, Share], Decision] = {}
        self.branches_seen = 0
        self.unknown: Unknown | None = None

    def branches(
        self, todo: Sequence[tuple[Formula, bool]], shares: Mapping[str, Share]
    ) -> Iterator[Assignment]:
        """Yield the assignments of the branches that stay open."""
        if self.branches_seen >= self._max_branches:
            self.unknown = Unknown(f"no answer within {self._max_branches:,} branches")
            return
        choices, gathered = _open(todo, shares)
        if not self._all_open(gathered, shares):
            self.branches_seen += 1
            return
        live = self._live(choices, gathered)
        if live is None:
            self.branches_seen += 1
            return
        if live:
            live.sort(key=lambda choice: len(choice[0]))
            (options, wanted), *rest = live
            later = [(Some(parts) if kind else Every(parts), kind) for parts, kind in rest]
            for option in options:
                yield from self.branches([(option, wanted), *later], gathered)
            return
        self.branches_seen += 1
        decisions = {name: self._ask(name, share) for name, share in gathered.items()}
        undecided = next((d for d in decisions.values() if isinstance(d, Unknown)), None)
        if undecided:
            self.unknown = undecided
            return
        yield {name: d.value for name, d in decisions.items() if isinstance(d, Value)}

    def _live(self, choices: Sequence[Choice], gathered: Mapping[str, Share]) -> list[Choice] | None:
        """Return what is left to choose: no options that fail at once, no choices that are made already.

        None where a choice has no option left.
        """
        found: list[Choice] = []
        for options, wanted in choices:
            left = []
            for option in options:
                further, shares = _open([(option, wanted)], gathered)
                if not further and shares == gathered:
                    break
                if self._all_open(shares, gathered):
                    left.append(option)
            else:
                if not left:
                    return None
                found.append((tuple(left), wanted))
        return found

    def _all_open(self, gathered: Mapping[str, Share], before: Mapping[str, Share]) -> bool:
        return not any(
            share != before.get(name) and isinstance(self._ask(name, share), Proof)
            for name, share in gathered.items()
        )

    def _ask(self, name: str, share: Share) -> Decision:
        if (name, share) not in self._decided:
            passing, failing = share
            self._decided[name, share] = Proof() if passing & failing else self._decide(name, share)
        return self._decided[name, share]


Choice: TypeAlias = tuple[tuple[Formula, ...], bool]
"""Options of which one at least must be true, or false."""


def _open(
    todo: Sequence[tuple[Formula, bool]], shares: Mapping[str, Share]
) -> tuple[list[Choice], dict[str, Share]]:
    """Open what leaves no choice; return the choices that are left, and the shares with what was found."""
    choices: list[Choice] = []
    stack, gathered = list(reversed(todo)), dict(shares)
    while stack:
        formula, wanted = stack.pop()
        match formula:
            case Not(of):
                stack.append((of, not wanted))
            case Every(parts) | Some(parts):
                if isinstance(formula, Every) is wanted:
                    stack += [(part, wanted) for part in reversed(parts)]
                else:
                    choices.append((parts, wanted))
            case Atom(test):
                gathered[test.attribute] = _with(gathered.get(test.attribute, _NO_TESTS), test, wanted)
            case _:
                assert_never(formula)
    return choices, gathered


_NO_TESTS: Final[Share] = (frozenset(), frozenset())


def _with(share: Share, test: Test, wanted: bool) -> Share:
    passing, failing = share
    return (passing | {test}, failing) if wanted else (passing, failing | {test})
