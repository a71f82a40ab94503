"""The drawing of a plan as a part of a page: boxes in columns, lines, and a list of rules to choose from.

Places are in a style sheet, not in attributes: a page that allows its own style sheet by hash, and no other
style, shows the drawing even without scripts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from typing import TYPE_CHECKING, Final

from pratique.compiler.explain.stages import Stage
from pratique.compiler.graph import Op
from pratique.runtime.outputs.pages.protection import asset
from pratique.runtime.outputs.plans import words
from pratique.runtime.outputs.plans.drawing import Box, Drawing, drawing
from pratique.runtime.outputs.plans.layout import COLUMN_GAP, Layout, Size, layout
from pratique.runtime.outputs.text import visible

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport

WIDTH: Final = 224
"""Pixels of a box."""
MAX_AT_ONCE: Final = 120
"""Questions up to which the drawing opens with all rules; above, with the first."""
MAX_LINES: Final = 5
"""Lines of text in a box; the panel below the drawing has all."""

STEP: Final = WIDTH + COLUMN_GAP

_CHARACTERS: Final = 30
_LINE: Final = 16
_PADDING: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A drawing.

    Attributes:
        title: what the plan is about, in a sentence, not escaped.
        markup: HTML for the body of a page.
        style: for its style sheet.
        data: JSON for the element `plan-data`.
        script: what lets the reader choose rules and questions; whole without it.
    """

    title: str
    markup: str
    style: str
    data: str
    script: str


def graph(report: ExplainReport) -> Graph:
    """Return the drawing of a plan."""
    drawn = drawing(report)
    columns = _columns(drawn)
    sizes = [Size(box.number, columns[box.number], _height(box)) for box in drawn.boxes]
    placed = layout(sizes, drawn.lines, WIDTH)
    firsts = {stage: min(columns[box.number] for box in drawn.at(stage)) for stage in drawn.stages}
    return Graph(
        title=drawn.title,
        markup=Template(asset(__file__, "graph.html")).substitute(
            rules="\n".join(_rules(report)),
            width=placed.width,
            height=placed.height,
            paths="".join(_path(placed.paths[line]) for line in drawn.lines),
            stages="\n".join(_stage(stage) for stage in drawn.stages),
            boxes="\n".join(map(_box, drawn.boxes)),
        ),
        style=asset(__file__, "graph.css") + "\n".join(_places(sizes, placed, firsts)) + "\n",
        data=_data(drawn, sizes, placed, list(firsts.values())),
        script=asset(__file__, "graph.js"),
    )


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


def _places(sizes: Sequence[Size], placed: Layout, firsts: dict[Stage, int]) -> Iterator[str]:
    """Yield the rules of the style sheet that say where everything is."""
    yield f".canvas{{width:{placed.width}px;height:{placed.height}px}}"
    yield f".box{{width:{WIDTH}px}}"
    for stage, column in firsts.items():
        yield f".stage-{_class(stage)}{{left:{column * STEP}px}}"
    for size in sizes:
        left, top = placed.places[size.number]
        yield f"#question-{size.number}{{left:{left}px;top:{top}px;height:{size.height}px}}"


def _stage(stage: Stage) -> str:
    """Return a heading over the first column of a stage."""
    name = _class(stage)
    return f'<div class="stage stage-{name}" aria-hidden="true" data-stage="{name}">{escape(stage)}</div>'


def _box(box: Box) -> str:
    asides = "".join(f'<span class="aside">{escape(text)}</span>' for text in box.asides)
    title = f' title="{escape(box.text)}"' if _needed(box) > MAX_LINES else ""
    return (
        f'<button type="button" class="box {_class(box.stage)}" id="question-{box.number}"'
        f' data-number="{box.number}" aria-pressed="false"{title}>'
        f'<span class="lines-{_lines_of(box)}">#{box.number} {escape(box.text)}</span>{asides}</button>'
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


def _data(drawn: Drawing, sizes: Sequence[Size], placed: Layout, columns: Sequence[int]) -> str:
    data = {
        "lines": drawn.lines,
        "boxes": [(size.number, *placed.places[size.number], size.height) for size in sizes],
        "stages": [column * STEP for column in columns],
        "size": (placed.width, placed.height),
        "width": WIDTH,
        "step": STEP,
        "first": 0 if len(drawn.boxes) <= MAX_AT_ONCE else 1,
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
