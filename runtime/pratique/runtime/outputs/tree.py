"""The reason tree of a row, drawn: what was looked at, what was found, what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pratique.runtime.decision import Reason
from pratique.runtime.outputs.text import MARKS, Palette, visible, visible_lines
from pratique.runtime.outputs.view import CheckRow, Row


@dataclass(frozen=True, slots=True)
class Branch:
    """A node to draw: its line, lines that belong to it, and what is under it."""

    line: str
    notes: tuple[str, ...] = ()
    children: tuple[Branch, ...] = ()


def draw(branch: Branch) -> list[str]:
    """Return the lines of a tree, the root without a guide."""
    return [branch.line, *_under(branch)]


def row_tree(row: Row, palette: Palette) -> Branch:
    """Return the tree of one policy, rule and resource: its checks with their reasons."""
    result = row.result
    mark = palette.status(row.status, MARKS[row.status])
    line = (
        f"{mark} {palette.bold(visible(str(result.resource)))}: {palette.status(row.status)}"
        f"  {visible(result.policy)} {visible(result.rule)}"
    )
    places = [f"rule at {result.location}"] if result.location else []
    places += [f"resource at {result.resource.location}"] if result.resource.location else []
    return Branch(
        line=line,
        notes=tuple(palette.faint(visible(place)) for place in places),
        children=tuple(_check_tree(shown, palette) for shown in row.checks),
    )


def reason_tree(reason: Reason, palette: Palette) -> Branch:
    """Return the tree of a reason."""
    first, *rest = visible_lines(reason.text) or [""]
    details = [f"{visible(name)}: {visible(value)}" for name, value in reason.details]
    place = [palette.faint(f"demanded at {visible(str(reason.location))}")] if reason.location else []
    return Branch(
        line=f"{palette.met(reason.met)} {first} {palette.faint(f'[{visible(reason.code)}]')}",
        notes=(*rest, *details, *place),
        children=tuple(reason_tree(child, palette) for child in reason.children),
    )


def _check_tree(shown: CheckRow, palette: Palette) -> Branch:
    check = shown.check
    what = visible(check.image) or "the whole rule"
    container = f" (container {visible(check.container)})" if check.container else ""
    mark = palette.status(shown.status, MARKS[shown.status])
    notes = visible_lines(check.message)
    if check.digest and check.digest not in check.image:
        notes.append(f"digest: {visible(check.digest)}")
    return Branch(
        line=f"{mark} {check.stage} {what}{container}: {palette.status(shown.status)}",
        notes=tuple(notes),
        children=(reason_tree(check.reason, palette),) if check.reason else (),
    )


def _under(branch: Branch, guide: str = "") -> Iterator[str]:
    """Yield the lines below a branch's own; `guide` continues the lines of its ancestors."""
    stem = "│ " if branch.children else "  "
    for note in branch.notes:
        yield f"{guide}{stem}{note}".rstrip()
    last = len(branch.children) - 1
    for number, child in enumerate(branch.children):
        corner, below = ("└─", "   ") if number == last else ("├─", "│  ")
        yield f"{guide}{corner} {child.line}"
        yield from _under(child, guide + below)
