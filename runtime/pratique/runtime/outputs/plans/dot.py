"""A plan in the DOT language of Graphviz: `pratique explain ... -o dot | dot -Tsvg`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pratique.compiler.graph import Op
from pratique.runtime.outputs.plans import words
from pratique.runtime.outputs.plans.drawing import MAX_LABEL, Box, drawing

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport

WRAP = 48
"""Characters of a line in a box."""


def render(report: ExplainReport) -> str:
    r"""Return the graph, one rank for each stage.

    References: graphviz.org, the DOT language: quoted strings, `\l` ends a line and sets it flush left.
    """
    drawn = drawing(report)
    lines = [
        "digraph plan {",
        "  rankdir=LR;",
        f"  label={_quoted(drawn.title)};",
        '  node [shape=box, style=rounded, fontname="sans-serif", fontsize=10];',
        '  edge [color="#888888"];',
    ]
    for number, stage in enumerate(drawn.stages):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(stage)};"]
        lines += [f"    {_box(box)}" for box in drawn.at(stage)]
        lines.append("  }")
    lines += [f"  q{source} -> q{user};" for source, user in drawn.lines]
    return "\n".join([*lines, "}"]) + "\n"


def _box(box: Box) -> str:
    texts = [f"#{box.number} {box.text}", *box.asides]
    wrapped = (line for text in texts for line in _wrapped(words.cut(text, MAX_LABEL)))
    label = "".join(f"{_escaped(line)}\\l" for line in wrapped)
    shape = ", shape=ellipse" if box.op is Op.RULE else ""
    return f'q{box.number} [label="{label}"{shape}];'


def _wrapped(text: str) -> list[str]:
    """Return the lines of a text, broken at blanks where it has some."""
    import textwrap

    return textwrap.wrap(text, WRAP, break_on_hyphens=False) or [""]


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
