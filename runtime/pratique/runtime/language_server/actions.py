"""What an editor offers to do about findings: their fixes, one by one or all at once.

A fix is offered only if the text that it makes can still be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pratique.compiler.lint.base import Edit, Finding
from pratique.grammar.source import Position, Source, Span
from pratique.grammar.yaml_tree import read_documents
from pratique.runtime.language_server.analysis import Analysis


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A change of the document.

    Attributes:
        title: what the editor's menu says.
        edits: what is replaced, in the order of places; none overlaps another.
        finding: the finding that it mends; None for the fixes of all findings.
    """

    title: str
    edits: tuple[Edit, ...]
    finding: Finding | None = None


def quick_fixes(analysis: Analysis, start: Position, end: Position) -> list[Action]:
    """Return the fixes of the findings that stand between two places, or touch them."""
    found = []
    for finding in _mendable(analysis):
        span = finding.location.span if finding.location else None
        fix = finding.problem.fix
        if span is None or fix is None or span.end < start or end < span.start:
            continue
        if _is_readable(analysis, fix.edits):
            title = f"{_title(finding)} ({finding.code})"
            found.append(Action(title=title, edits=fix.edits, finding=finding))
    return found


def fix_all(analysis: Analysis) -> Action | None:
    """Return the fixes of all findings; None where there are none. Of two that overlap, the first counts."""
    edits: list[Edit] = []
    mendable = (finding.problem.fix for finding in _mendable(analysis))
    for fix in sorted((fix for fix in mendable if fix), key=lambda fix: fix.edits[0].location.span):
        if not any(_overlap(new, old) for new in fix.edits for old in edits):
            edits += fix.edits
    edits.sort(key=lambda edit: edit.location.span)
    if not edits or not _is_readable(analysis, edits):
        return None
    return Action(title="Fix all findings of pratique that can be fixed", edits=tuple(edits))


def _overlap(one: Edit, other: Edit) -> bool:
    """Say whether two edits cannot both be made; insertions at one place cannot, for want of an order."""
    a, b = one.location.span, other.location.span
    return a == b or (a.start < b.end and b.start < a.end)


def applied(source: Source, edits: Sequence[Edit]) -> str:
    """Return the text of a source with edits applied; they are in order and do not overlap."""
    lines = source.text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(place: Position) -> int:
        return starts[min(place.line, len(starts)) - 1] + place.column - 1

    parts, end = [], 0
    for edit in edits:
        span: Span = edit.location.span
        parts += [source.text[end : offset(span.start)], edit.text]
        end = offset(span.end)
    return "".join([*parts, source.text[end:]])


def _mendable(analysis: Analysis) -> list[Finding]:
    """Return the findings with a fix in this very document."""
    source = analysis.document.source
    every = (*analysis.mistakes, *analysis.findings)
    return [each for each in every if each.problem.fix and each.problem.fix.source is source]


def _is_readable(analysis: Analysis, edits: Sequence[Edit]) -> bool:
    source = analysis.document.source
    before = read_documents(source)
    after = read_documents(Source(source.name, applied(source, edits)))
    return not after.errors and len(after.documents) == len(before.documents)


def _title(finding: Finding) -> str:
    text = finding.problem.help or "fix it"
    return f"{text[0].upper()}{text[1:]}"
