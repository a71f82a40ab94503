"""What a plan says in tables and lists, as parts of a page; all texts are escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from pratique.compiler.cost import TYPICAL, WORST
from pratique.runtime.outputs.plans import words
from pratique.runtime.outputs.plans.trees import RuleTrees, resources
from pratique.runtime.outputs.text import Palette, visible
from pratique.runtime.outputs.tree import Branch

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport

_PLAIN: Final = Palette()
_NUMBERS: Final = (0, 2, 3)
"""Columns of the table of stages that hold numbers."""


def lead(report: ExplainReport) -> str:
    """Return what the run came to and which image costs the most, where that is known."""
    told = []
    if report.analysis:
        told.append(words.run_total(report.explanation, report.analysis))
    if report.explanation.heaviest:
        told.append(words.heaviest(report.explanation.heaviest))
    return paragraphs(told)


def order(report: ExplainReport) -> str:
    """Return the table of stages, in the order of asking."""
    head, *body = words.order(report.explanation)
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [f"<tr>{cells}</tr>"]
    for row in body:
        inner = "".join(
            f'<td class="number">{escape(cell)}</td>' if number in _NUMBERS else f"<td>{escape(cell)}</td>"
            for number, cell in enumerate(row)
        )
        lines.append(f"<tr>{inner}</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def assumed(report: ExplainReport) -> str:
    """Return what estimates take for granted, and the digest of the policies."""
    told = [f"{each.name}: {words.assumptions(each)}" for each in (TYPICAL, WORST)]
    if report.explanation.universe:
        told.append(words.universe(report.explanation))
    return paragraphs([*told, f"digest of the policies: {report.digest}"])


def lists(report: ExplainReport) -> str:
    """Return the rules as lists, which say what the drawing shows, and what applies to resources, and why."""
    return "\n".join(_lists(report))


def _lists(report: ExplainReport) -> Iterator[str]:
    yield '<h2 id="lists" tabindex="-1">Rules as lists</h2>'
    for tree in RuleTrees(report.explanation, report.analysis, _PLAIN).rules():
        yield _details(escape(tree.line), tree)
    if report.reasons:
        yield "<h2>What applies, and why</h2>"
    for titles, tree in resources(report.reasons, _PLAIN):
        yield _details("<br>".join(map(escape, titles)), tree)


def _details(summary: str, tree: Branch) -> str:
    notes = "".join(f"<small>{escape(note)}</small>" for note in tree.notes)
    body = f"{notes}{_list(tree.children)}"
    return f'<details><summary>{summary}</summary><div class="tree">{body}</div></details>'


def _list(branches: Sequence[Branch]) -> str:
    if not branches:
        return ""
    items = (
        f"<li>{escape(branch.line)}{''.join(f'<small>{escape(note)}</small>' for note in branch.notes)}"
        f"{_list(branch.children)}</li>"
        for branch in branches
    )
    return f"<ul>{''.join(items)}</ul>"


def paragraphs(texts: Iterable[str]) -> str:
    """Return a paragraph for each text."""
    return "\n".join(f"<p>{escape(visible(text))}</p>" for text in texts)
