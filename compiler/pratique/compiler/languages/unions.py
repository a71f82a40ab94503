"""Unions of many sets, made to be asked which of them hold a text."""

from __future__ import annotations

from collections.abc import Iterable

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.sets import AnyOf, TextSet, contains
from pratique.compiler.pattern_index import PatternIndex


class Union:
    """The texts of any option. Unions within unions are one.

    Attributes:
        options: the sets, without unions.
    """

    __slots__ = ("_index", "_others", "options")

    def __init__(self, options: Iterable[TextSet]) -> None:
        self.options = tuple(dict.fromkeys(_flat(options)))
        spelled = [(option.spelling, n) for n, option in enumerate(self.options) if isinstance(option, Glob)]
        self._index = PatternIndex((spelling, number) for spelling, number in spelled if spelling is not None)
        indexed = {number for spelling, number in spelled if spelling is not None}
        self._others = [number for number in range(len(self.options)) if number not in indexed]

    def widest_holding(self, text: str) -> TextSet | None:
        """Return an option that holds `text`, the shortest glob if globs do; None where none does."""
        found = self._index.lookup(text)
        if found:
            return min((self.options[number] for number in sorted(found)), key=_length)
        held = (self.options[number] for number in self._others)
        return next((option for option in held if contains(option, text)), None)


def _length(option: TextSet) -> int:
    return option.shortest if isinstance(option, Glob) else 0


def _flat(options: Iterable[TextSet]) -> Iterable[TextSet]:
    for option in options:
        if isinstance(option, AnyOf):
            yield from _flat(option.options)
        else:
            yield option
