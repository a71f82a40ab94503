"""The context entries of a rule, compiled once, and put above the values of a context.

An entry is loaded when an expression first mentions its name (see `expressions.context`). What it needs from
outside is a `Question`, which whoever evaluates answers; nothing is asked here.

References: Kyverno 1.19 `pkg/engine/context/loaders`, `pkg/engine/apicall`, whose texts are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, TypeAlias

from pratique.compiler.context_entries import (
    ContextEntry,
    Source,
    VariableSource,
)
from pratique.compiler.context_loaders import Loader, loader_of
from pratique.compiler.context_questions import (
    Ask,
)
from pratique.compiler.expressions.context import Context, Load, Reader
from pratique.compiler.expressions.errors import ExpressionError
from pratique.grammar.errors import EvaluationError
from pratique.grammar.source import Location

Attach: TypeAlias = "Callable[[ContextEntries, Context], Context]"
"""Adds entries to a context, as `ContextEntries.attach` does where an evaluation is under way."""


class ContextEntryError(EvaluationError):
    """An entry has no value; `location` is where the entry stands."""

    def __init__(self, code: str, message: str, location: Location | None) -> None:
        super().__init__(code, message)
        self.location = location


def entry_error(error: BaseException | None) -> ContextEntryError | None:
    """Return the error of a context entry that an error comes from; None for other errors."""
    while error is not None and not isinstance(error, ContextEntryError):
        error = error.__cause__
    return error


def place_of(error: BaseException | None) -> Location | None:
    """Return where the context entry stands that an error comes from; None for other errors."""
    found = entry_error(error)
    return found.location if found else None


# --- entries -------------------------------------------------------------------------------------------


class ContextEntries:
    """The context entries of a rule, ready for many evaluations; immutable."""

    __slots__ = ("_loaders",)

    def __init__(self, loaders: Sequence[tuple[ContextEntry, Loader]]) -> None:
        """Use `ContextEntries.compile`."""
        self._loaders = tuple(loaders)

    @classmethod
    def compile(cls, entries: Sequence[ContextEntry], *, namespace: str | None) -> ContextEntries:
        """Return the compiled entries.

        Args:
            entries: in the order in which they are declared.
            namespace: that of a namespaced policy, which may ask about nothing else (R10); None for
                cluster-wide ones. Never optional, so that no loader can be made without it (K25).

        Raises:
            ExpressionError: the first mistake, with its path: number of the entry, source, field.
        """
        loaders = []
        for number, entry in enumerate(entries):
            try:
                loaders.append((entry, loader_of(entry.name, entry.source, namespace)))
            except ExpressionError as error:
                raise error.within((number,)) from None
        return cls(loaders)

    def attach(
        self,
        context: Context,
        ask: Ask,
        given: Container[str] = (),
        loads: Callable[[Source, bool], bool] = lambda _, given: not given,
    ) -> Context:
        """Return a context that has the entries; each is loaded when it is first mentioned.

        Args:
            context: the values below.
            ask: answers what entries need from outside.
            given: names that have values in `context` already.
            loads: says whether entries with such a source are loaded, see `runtime.ports.ContextSource`.
        """
        for entry, loader in self._loaders:
            source = entry.source
            if not isinstance(source, VariableSource) and not loads(source, entry.name in given):
                continue
            context = context.with_entry(entry.name, _placed(entry, loader, ask))
        return context


def _placed(entry: ContextEntry, loader: Loader, ask: Ask) -> Load:
    def load(reader: Reader) -> Any:
        try:
            return loader(reader, ask)
        except EvaluationError as error:
            raise ContextEntryError(error.code, error.message, entry.at.location) from error

    return load
