"""What drawings of a plan show, whoever draws: boxes by stage, and lines from a question to its users."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pratique.compiler.explain.explanation import Question
from pratique.compiler.explain.stages import Stage
from pratique.compiler.graph import Op
from pratique.runtime.outputs.plans import words
from pratique.runtime.outputs.text import visible

if TYPE_CHECKING:
    from pratique.runtime.explaining import ExplainReport

MAX_LABEL: Final = 160
"""Characters of a box; JSON has all."""


@dataclass(frozen=True, slots=True)
class Box:
    """One question: its text, and what is said besides (cost, sharing, pruning, the run)."""

    number: int
    op: Op
    stage: Stage
    text: str
    asides: tuple[str, ...]
    inputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes in the order of asking; `stages` are those that have some, in order."""

    title: str
    boxes: tuple[Box, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Return the stages that there are, in order."""
        there = {box.stage for box in self.boxes}
        return tuple(stage for stage in Stage if stage in there)

    def at(self, stage: Stage) -> tuple[Box, ...]:
        """Return the boxes of a stage."""
        return tuple(box for box in self.boxes if box.stage is stage)

    @property
    def lines(self) -> tuple[tuple[int, int], ...]:
        """Return the pairs of a question and who needs its answer."""
        return tuple((number, box.number) for box in self.boxes for number in box.inputs)


def drawing(report: ExplainReport) -> Drawing:
    """Return what is drawn of a plan."""
    explanation = report.explanation
    titles = {rule.root: words.rule_title(rule) for rule in explanation.rules}
    boxes = (
        Box(
            number=question.number,
            op=question.op,
            stage=question.stage,
            text=visible(titles.get(question.number, question.text)),
            asides=tuple(visible(text) for text in _asides(report, question)),
            inputs=question.inputs,
        )
        for question in explanation.questions
    )
    return Drawing(visible(words.headline(explanation)), tuple(boxes))


def _asides(report: ExplainReport, question: Question) -> Iterator[str]:
    analysis = report.analysis
    if question.op is Op.RULE:
        rule = report.explanation.rules[question.rules[0]]
        yield words.rule_cost(rule)
        yield from rule.notes
        if analysis:
            yield f"ran: {words.rule_ran(analysis.rules[rule.planned.number])}"
        return
    if not question.estimate.typical.is_free:
        yield f"{words.cost(question.estimate.typical)}; at worst {words.cost(question.estimate.worst)}"
    if question.kept:
        yield words.kept(question.kept)
    if question.is_shared:
        yield words.shared(question)
    figures = analysis.questions.get(question.number) if analysis else None
    if figures:
        yield f"ran: {words.ran(question, figures)}"
