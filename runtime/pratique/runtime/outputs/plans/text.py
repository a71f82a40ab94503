"""A plan as text: the order of asking, the tree of every rule with shared questions once, and the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pratique.compiler.cost import TYPICAL, WORST
from pratique.compiler.explain.explanation import Explanation
from pratique.runtime.outputs.plans import words
from pratique.runtime.outputs.plans.trees import RuleTrees, resources
from pratique.runtime.outputs.text import Palette, visible
from pratique.runtime.outputs.tree import draw

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport


def render(report: ExplainReport, palette: Palette) -> str:
    """Return the text, which ends with a line end."""
    explanation, analysis = report.explanation, report.analysis
    parts = [
        [palette.bold(f"{words.headline(explanation)}")],
        list(_order(explanation, palette)),
        *(draw(tree) for tree in RuleTrees(explanation, analysis, palette).rules()),
        [visible(words.heaviest(explanation.heaviest))] if explanation.heaviest else [],
        *([*titles, *draw(tree)[1:]] for titles, tree in resources(report.reasons, palette)),
        [palette.bold(words.run_total(explanation, analysis))] if analysis else [],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _order(explanation: Explanation, palette: Palette) -> Iterator[str]:
    """Yield a table of the stages, in order, for one image that all rules look at."""
    rows = words.order(explanation)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].rjust(widths[0]), row[1].ljust(widths[1])]
        cells += [row[column].rjust(widths[column]) for column in (2, 3)]
        cells += [row[4].ljust(widths[4]), row[5]]
        text = "  ".join(cells).rstrip()
        yield text if row[0] else palette.faint(text)
    for assumed in (TYPICAL, WORST):
        yield palette.faint(f"{assumed.name}: {words.assumptions(assumed)}")
    if explanation.universe:
        yield palette.faint(words.universe(explanation))
