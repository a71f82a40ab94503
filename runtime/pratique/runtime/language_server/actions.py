"""What an editor offers to do about findings: their fixes, one by one or all at once.

A fix is offered only if the text that it makes can still be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pratique.compiler.lint.base import Edit, Finding
from pratique.compiler.lint.fixes import applied, compatible, edits_in_order
from pratique.grammar.source import Position, Source
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
            title = f"{_title(finding)} ({finding.code}{'' if fix.safe else ', may admit more'})"
            found.append(Action(title=title, edits=fix.edits, finding=finding))
    return found


def fix_all(analysis: Analysis) -> Action | None:
    """Return the safe fixes of all findings; None where there are none. Of two that meet, the first."""
    fixes = [finding.problem.fix for finding in _mendable(analysis) if finding.problem.fix]
    chosen = compatible(fix for fix in fixes if fix.safe)
    edits = edits_in_order(edit for fix in chosen for edit in fix.edits)
    if not edits or not _is_readable(analysis, edits):
        return None
    return Action(title="Fix all findings of pratique that can be fixed safely", edits=edits)


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
