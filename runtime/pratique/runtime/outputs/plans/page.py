"""A plan as a page that stands by itself: the graph drawn, lists that say the same, nothing from elsewhere.

Texts of policies are strangers' texts: all are escaped, and the page's own policy (CSP) allows no script but
the one that it comes with, known by its hash, and no connection at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from pratique.compiler.cost import TYPICAL, WORST
from pratique.compiler.explain.stages import Stage
from pratique.compiler.graph import Op
from pratique.runtime.outputs.plans import words
from pratique.runtime.outputs.plans.drawing import Box, Drawing, drawing
from pratique.runtime.outputs.plans.layout import COLUMN_GAP, Layout, Size, layout
from pratique.runtime.outputs.plans.trees import RuleTrees, resources
from pratique.runtime.outputs.text import Palette, visible
from pratique.runtime.outputs.tree import Branch

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport

WIDTH: Final = 224
"""Pixels of a box."""
MAX_AT_ONCE: Final = 120
"""Questions up to which the page opens with all rules; above, with the first."""
MAX_LINES: Final = 5
"""Lines of text in a box; the panel below the drawing has all."""

STEP: Final = WIDTH + COLUMN_GAP

_CHARACTERS: Final = 30
_LINE: Final = 16
_PADDING: Final = 16
_PLAIN: Final = Palette()


def render(report: ExplainReport) -> str:
    """Return the page.

    References: HTML Living Standard; Content Security Policy Level 3 (hashes of scripts).
    """
    drawn = drawing(report)
    columns = _columns(drawn)
    sizes = [Size(box.number, columns[box.number], _height(box)) for box in drawn.boxes]
    placed = layout(sizes, drawn.lines, WIDTH)
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return Template(_asset("page.html")).substitute(
        hash=f"sha256-{digest}",
        title=escape(drawn.title),
        style=_asset("page.css"),
        script=script,
        lead=_paragraphs(_lead(report)),
        rules="\n".join(_rules(report)),
        width=placed.width,
        height=placed.height,
        paths="".join(_path(placed.paths[line]) for line in drawn.lines),
        stages="\n".join(_stages(drawn, columns)),
        boxes="\n".join(_box(box, size, placed) for box, size in zip(drawn.boxes, sizes, strict=True)),
        order=_table(words.order(report.explanation)),
        assumed=_paragraphs(_assumed(report)),
        sections="\n".join(_sections(report)),
        data=_data(report, drawn),
    )


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _lead(report: ExplainReport) -> Iterator[str]:
    if report.analysis:
        yield words.run_total(report.explanation, report.analysis)
    if report.explanation.heaviest:
        yield words.heaviest(report.explanation.heaviest)


def _assumed(report: ExplainReport) -> Iterator[str]:
    for assumed in (TYPICAL, WORST):
        yield f"{assumed.name}: {words.assumptions(assumed)}"
    if report.explanation.universe:
        yield words.universe(report.explanation)
    yield f"digest of the policies: {report.digest}"


# --- the drawing ---------------------------------------------------------------------------------------


def _columns(drawn: Drawing) -> dict[int, int]:
    """Return the column of every box: kinds of questions in their order, nested ones behind each other."""
    found: dict[int, int] = {}
    next_column = 0
    for op in Op:
        start = next_column
        for box in drawn.boxes:
            if box.op is op:
                found[box.number] = max([start, *(found[number] + 1 for number in box.inputs)])
                next_column = max(next_column, found[box.number] + 1)
    return found


def _needed(box: Box) -> int:
    """Estimate the lines that the text of a box would take."""
    return max(1, math.ceil(len(f"#{box.number} {box.text}") / _CHARACTERS))


def _lines_of(box: Box) -> int:
    return min(MAX_LINES, _needed(box))


def _height(box: Box) -> int:
    return _PADDING + _LINE * (_lines_of(box) + len(box.asides))


def _stages(drawn: Drawing, columns: dict[int, int]) -> Iterator[str]:
    """Yield a heading over the first column of each stage."""
    for stage in drawn.stages:
        first = min(columns[box.number] for box in drawn.at(stage))
        yield (
            f'<div class="stage" aria-hidden="true" data-stage="{_class(stage)}"'
            f' style="left:{first * STEP}px">{escape(stage)}</div>'
        )


def _box(box: Box, size: Size, placed: Layout) -> str:
    left, top = placed.places[box.number]
    style = f"left:{left}px;top:{top}px;width:{WIDTH}px;height:{size.height}px"
    lines = f"-webkit-line-clamp:{_lines_of(box)}"
    asides = "".join(f'<span class="aside">{escape(text)}</span>' for text in box.asides)
    title = f' title="{escape(box.text)}"' if _needed(box) > MAX_LINES else ""
    return (
        f'<button type="button" class="box {_class(box.stage)}" data-number="{box.number}"'
        f' aria-pressed="false" style="{style}"{title}>'
        f'<span style="{lines}">#{box.number} {escape(box.text)}</span>{asides}</button>'
    )


def _class(stage: Stage) -> str:
    return stage.replace(" ", "-")


def _path(points: Sequence[tuple[int, int]]) -> str:
    """Return a line that is straight in the lanes and bends between the columns."""
    (x, y), *rest = points
    parts = [f"M{x},{y}"]
    for number, (right, below) in enumerate(rest):
        if number % 2:
            parts.append(f"L{right},{below}")
        else:
            bend = (right - x) // 2
            parts.append(f"C{x + bend},{y} {right - bend},{below} {right},{below}")
        x, y = right, below
    return f'<path d="{" ".join(parts)}"/>'


def _data(report: ExplainReport, drawn: Drawing) -> str:
    first = 0 if len(drawn.boxes) <= MAX_AT_ONCE else 1
    text = json.dumps(
        {"lines": drawn.lines, "width": WIDTH, "step": STEP, "first": first}, separators=(",", ":")
    )
    return text.replace("<", "\\u003c")


# --- lists ---------------------------------------------------------------------------------------------


def _rules(report: ExplainReport) -> Iterator[str]:
    count = len(report.explanation.rules)
    yield f'<li><button type="button" aria-pressed="true">All rules<small>{count}</small></button></li>'
    for rule in report.explanation.rules:
        planned = rule.planned
        told = [planned.policy.key, planned.rule.action, words.cost(rule.estimate.typical)]
        called = planned.rule.name or planned.policy.key
        name, aside = (escape(visible(text)) for text in (called, ", ".join(told)))
        yield (
            f'<li><button type="button" aria-pressed="false" data-root="{rule.root}">{name}'
            f"<small>{aside}</small></button></li>"
        )


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    cells = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = [f"<tr>{cells}</tr>"]
    for row in body:
        inner = "".join(
            f'<td class="number">{escape(cell)}</td>' if number in (0, 2, 3) else f"<td>{escape(cell)}</td>"
            for number, cell in enumerate(row)
        )
        lines.append(f"<tr>{inner}</tr>")
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _sections(report: ExplainReport) -> Iterator[str]:
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


def _paragraphs(texts: Iterable[str]) -> str:
    return "\n".join(f"<p>{escape(visible(text))}</p>" for text in texts)
