"""What an editor shows of the text under the mouse: what a pattern matches, a rule demands, a field means.

Markdown that also reads as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pratique.compiler import ir
from pratique.grammar.documents.descriptions import description
from pratique.grammar.source import Position, Span
from pratique.runtime.language_server.analysis import Analysis
from pratique.runtime.language_server.cursor import Cursor, cursor_at
from pratique.runtime.language_server.hover_demands import demand, of_rule
from pratique.runtime.language_server.hover_images import of_pattern

_PATTERNS: Final = frozenset({"imageReferences", "skipImageReferences", "image"})
_DEMANDS: Final = frozenset({"attestors", "attestations"})


@dataclass(frozen=True, slots=True)
class Hover:
    """A text about a span."""

    markdown: str
    span: Span


def hover(analysis: Analysis, place: Position) -> Hover | None:
    """Return what there is to say of a place; None where there is nothing."""
    cursor = cursor_at(analysis.document.source, place)
    if cursor is None:
        return None
    sections = list(_sections(analysis, cursor))
    return Hover("\n\n".join(sections), cursor.node.span) if sections else None


def _sections(analysis: Analysis, cursor: Cursor) -> Iterator[str]:
    rules = [rule for policy in analysis.lowered for rule in policy.rules if not rule.generated_from]
    path, span = cursor.path, cursor.value.span
    if path[:2] == ("spec", "rules") and path[3:] in (("name",), ("verifyImages",)):
        yield from of_rule(rules, span)
    elif "verifyImages" in path and cursor.field in _PATTERNS and not cursor.is_key:
        pattern = ir.ImagePattern(text=cursor.node.raw)
        yield of_pattern(pattern, cursor.field, _requirement(rules, span))
        return
    elif "verifyImages" in path and not _DEMANDS.isdisjoint(path):
        yield from demand(rules, span)
    model = cursor.model
    text = description(model, cursor.field) if model else ""
    if text:
        yield f"`{cursor.field}`: {text}"


def _requirement(rules: list[ir.Rule], span: Span) -> ir.ImageRequirement | None:
    """Return the entry that the pattern at `span` belongs to; None where its policy has mistakes."""
    for rule in rules:
        for requirement in rule.requirements:
            patterns = (*requirement.images.include, *requirement.images.skip)
            if any(each.at.location and each.at.location.span == span for each in patterns):
                return requirement
    return None
