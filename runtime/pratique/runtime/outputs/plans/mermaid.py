"""A plan as a Mermaid flowchart, which GitHub, GitLab and many editors draw inside Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pratique.compiler.graph import Op
from pratique.runtime.outputs.plans import words
from pratique.runtime.outputs.plans.drawing import MAX_LABEL, Box, drawing

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport

_SPECIAL: Final = re.compile(r"""["#&<>`;\\|{}\[\]()]""")


def render(report: ExplainReport) -> str:
    """Return the flowchart, stages from left to right.

    References: mermaid.js.org, flowcharts: quoted labels, entity codes.
    """
    drawn = drawing(report)
    lines = ["---", f"title: {_title(drawn.title)}", "---", "flowchart LR"]
    for number, stage in enumerate(drawn.stages):
        lines.append(f'  subgraph s{number}["{_escaped(stage)}"]')
        lines += [f"    {_box(box)}" for box in drawn.at(stage)]
        lines.append("  end")
    lines += [f"  q{source} --> q{user}" for source, user in drawn.lines]
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    label = "<br/>".join(
        _escaped(words.cut(text, MAX_LABEL)) for text in (f"#{box.number} {box.text}", *box.asides)
    )
    opening, closing = ("[[", "]]") if box.op is Op.RULE else ("[", "]")
    return f'q{box.number}{opening}"{label}"{closing}'


def _title(text: str) -> str:
    return text.replace(":", " -")


def _escaped(text: str) -> str:
    """Return a text with entity codes for all that means something in a label."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
