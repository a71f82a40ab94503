"""Changes of text that remove findings, and making them.

One mechanism for all who change text: the command line, editors and the formats that carry changes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from pratique.compiler.lint.base import Edit, Fix
from pratique.grammar.source import Position, Source, Span


def fix_of(*edits: Edit | None, safe: bool) -> Fix | None:
    """Return the fix of these edits, in any order; None where one of them cannot be made."""
    known = [edit for edit in edits if edit]
    if len(known) < len(edits) or not known:
        return None
    return Fix(edits_in_order(known), safe)


def edits_in_order(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return edits in the order of their places."""
    return tuple(sorted(edits, key=lambda edit: edit.location.span))


def compatible(fixes: Iterable[Fix]) -> tuple[Fix, ...]:
    """Return the fixes that can be made together, in the order of places; of two that meet, the first."""
    kept: list[Fix] = []
    taken: list[Span] = []  # sorted, and none meets another
    for fix in sorted(fixes, key=lambda fix: [edit.location.span for edit in fix.edits]):
        spans = [edit.location.span for edit in fix.edits]
        if not any(_meets(span, taken) for span in spans):
            kept.append(fix)
            for span in spans:
                insort(taken, span)
    return tuple(kept)


def _meets(span: Span, taken: list[Span]) -> bool:
    """Say whether a span overlaps a taken one, or inserts where another does: who could order them."""
    place = bisect_left(taken, span)
    return any(
        span == other or (span.start < other.end and other.start < span.end)
        for other in taken[max(place - 1, 0) : place + 1]
    )


def applied(source: Source, edits: Sequence[Edit]) -> str:
    """Return the text of a source with edits made; they are in order and do not overlap."""
    lines = source.text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(place: Position) -> int:
        return starts[min(place.line, len(starts)) - 1] + place.column - 1

    parts, end = [], 0
    for edit in edits:
        parts += [source.text[end : offset(edit.location.span.start)], edit.text]
        end = offset(edit.location.span.end)
    return "".join([*parts, source.text[end:]])
