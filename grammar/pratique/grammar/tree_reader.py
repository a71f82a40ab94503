"""What the readers of YAML and JSON share: limits, problems, places."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NoReturn

from pratique.grammar.errors import PolicyError
from pratique.grammar.limits import Limits, show_size
from pratique.grammar.nodes import ScalarNode
from pratique.grammar.source import Location, Source, Span


class StopReading(Exception):
    """The rest of a document is not read: it goes beyond a limit. The error is recorded already."""


def too_deep(limits: Limits) -> str:
    """Return what is said of a document that is nested too deep."""
    return f"lists and mappings are nested deeper than {limits.max_depth}"


class TreeReader:
    """Base of the readers of one document; `place` is whatever a reader knows places by.

    Problems go to `errors`; after those that do not endanger the limits reading goes on, to find more.
    """

    def __init__(self, source: Source, limits: Limits, errors: list[PolicyError]) -> None:
        self._source = source
        self._limits = limits
        self._errors = errors
        self._nodes = 0

    @abstractmethod
    def _span(self, place: Any) -> Span:
        """Return the span of a place."""

    # --- limits ------------------------------------------------------------------------------------

    def _check_depth(self, depth: int, place: Any) -> None:
        if depth > self._limits.max_depth:
            self._stop("too-deep", too_deep(self._limits), place)

    def _count(self, size: int, place: Any) -> None:
        """Count a node that ends `size` code points behind the start of the document."""
        self._nodes += 1
        if self._nodes > self._limits.max_nodes:
            self._stop("too-large", f"the document has more than {self._limits.max_nodes} parts", place)
        if size > self._limits.max_document_bytes:
            self._stop_too_large(place)

    def _check_bytes(self, text: str, place: Any) -> None:
        """Check the size of a document's text, which `_count` knows in code points only."""
        if len(text) * 4 > self._limits.max_document_bytes < len(text.encode(errors="replace")):
            self._stop_too_large(place)

    def _stop_too_large(self, place: Any) -> NoReturn:
        limit = show_size(self._limits.max_document_bytes)
        self._stop("too-large", f"the document is larger than {limit}", place)

    def _check_text(self, text: str, place: Any) -> None:
        limit = self._limits.max_scalar_bytes
        if len(text) * 4 > limit and len(text.encode(errors="replace")) > limit:
            self._stop("too-large", f"a text is longer than {show_size(limit)}", place)

    # --- problems ----------------------------------------------------------------------------------

    def _add(self, code: str, message: str, place: Any) -> None:
        self._record(PolicyError(code, message, self._location(self._span(place))))

    def _add_duplicate(self, key: ScalarNode, first: ScalarNode) -> None:
        self._record(
            PolicyError(
                "duplicate-key",
                f"the key `{key.raw[:80]}` is written twice in one mapping",
                self._location(key.span),
                help="keep one of them: which one holds depends on the reader",
                related=[("first written here", self._location(first.span))],
            )
        )

    def _record(self, error: PolicyError) -> None:
        self._errors.append(error)
        if len(self._errors) >= self._limits.max_errors:
            raise StopReading

    def _stop(self, code: str, message: str, place: Any) -> NoReturn:
        self._add(code, message, place)
        raise StopReading

    def _location(self, span: Span) -> Location:
        return Location(self._source, span)
