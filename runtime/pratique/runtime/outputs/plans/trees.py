"""Plans and reasons as trees: what text draws with lines and pages as lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pratique.compiler import phrases
from pratique.compiler.explain.explanation import Explanation, Question, RulePlan
from pratique.compiler.explain.reasons import Answer
from pratique.compiler.explain.stages import Stage
from pratique.runtime.outputs.plans import words
from pratique.runtime.outputs.text import Palette, visible
from pratique.runtime.outputs.tree import Branch
from pratique.runtime.rule_reasons import ImageReason, ResourceReasons, RuleReason, demands

if TYPE_CHECKING:
    from pratique.runtime.analysis import Analysis

STAGE_COLORS: Final = {
    Stage.RESOLVE: "34",
    Stage.LIST: "34",
    Stage.VERIFY: "35",
    Stage.IDENTITY: "32",
    Stage.THRESHOLDS: "32",
    Stage.CONDITIONS: "33",
    Stage.PRECONDITIONS: "33",
}
"""Colours of the stages that cost something or decide."""

MAX_REPEATED: Final = 60
"""Characters of a question's text that are repeated where it stands above."""

_MARKS: Final = {Answer.YES: ("32", "✓"), Answer.NO: ("2", "-"), Answer.UNKNOWN: ("1;35", "?")}


class RuleTrees:
    """The trees of the rules of a plan, every question at its first place."""

    def __init__(self, explanation: Explanation, analysis: Analysis | None, palette: Palette) -> None:
        self._explanation = explanation
        self._analysis = analysis
        self._palette = palette
        self._shown: set[int] = set()

    def rules(self) -> Iterator[Branch]:
        """Yield the tree of each rule."""
        return map(self._rule, self._explanation.rules)

    def _rule(self, rule: RulePlan) -> Branch:
        place = f"  {self._palette.faint(visible(str(rule.location)))}" if rule.location else ""
        notes = [words.rule_cost(rule)] if not rule.planned.rule.generated_from else []
        notes += rule.notes
        if self._analysis:
            notes.append(f"ran: {words.rule_ran(self._analysis.rules[rule.planned.number])}")
        root = self._explanation.question(rule.root)
        return Branch(
            line=f"{self._palette.bold(visible(words.rule_title(rule)))}{place}",
            notes=tuple(visible(note) for note in notes),
            children=tuple(self._question(number) for number in root.inputs),
        )

    def _question(self, number: int) -> Branch:
        question = self._explanation.question(number)
        stage = self._palette.paint(STAGE_COLORS.get(question.stage, "36"), question.stage)
        head = f"{self._palette.faint(f'#{number}')} {stage}  "
        if number in self._shown:
            text = visible(words.cut(question.text, MAX_REPEATED))
            return Branch(line=f"{head}{self._palette.faint(f'{text}  (see above)')}")
        self._shown.add(number)
        return Branch(
            line=f"{head}{visible(question.text)}{self._aside(question)}",
            notes=tuple(self._figures(question)),
            children=tuple(self._question(below) for below in question.inputs),
        )

    def _aside(self, question: Question) -> str:
        told = [words.cost(question.estimate.typical)] if not question.estimate.typical.is_free else []
        told += [words.kept(question.kept)] if question.kept else []
        told += [words.shared(question)] if question.is_shared else []
        return self._palette.faint(f"  [{', '.join(told)}]") if told else ""

    def _figures(self, question: Question) -> Iterator[str]:
        figures = self._analysis.questions.get(question.number) if self._analysis else None
        if figures:
            yield f"ran: {words.ran(question, figures)}"


# --- reasons -------------------------------------------------------------------------------------------


def resources(reasons: Sequence[ResourceReasons], palette: Palette) -> list[tuple[list[str], Branch]]:
    """Return the trees of resources, each with the names of all of which it says the same; it has no line."""
    found: dict[tuple[Branch, ...], list[str]] = {}
    for each in reasons:
        children = tuple(_reason(group, palette, each) for group in grouped(each.rules))
        found.setdefault(children, []).append(_title(each, palette))
    return [(titles, Branch(line="", children=children)) for children, titles in found.items()]


def _title(reasons: ResourceReasons, palette: Palette) -> str:
    resource = reasons.resource
    place = visible(str(resource.location)) if resource.location else ""
    if reasons.is_made_up:
        place = "taken as a Pod without labels"
    told = words.applying(reasons)
    return f"{palette.bold(visible(str(resource.id)))}: {told}  {palette.faint(place)}".rstrip()


def grouped(reasons: Sequence[RuleReason]) -> list[list[RuleReason]]:
    """Return reasons in order; rules of a policy that do not apply for one and the same reason together."""
    groups: dict[object, list[RuleReason]] = {}
    for number, reason in enumerate(reasons):
        alike = reason.answer is Answer.NO and not reason.images
        key = (reason.planned.policy.kind, reason.planned.policy.key, reason.why) if alike else number
        groups.setdefault(key, []).append(reason)
    return list(groups.values())


def _reason(group: Sequence[RuleReason], palette: Palette, of: ResourceReasons) -> Branch:
    reason = group[0]
    color, mark = _MARKS[reason.answer]
    names = ", ".join(each.planned.rule.name for each in group)
    title = palette.bold(visible(f"{reason.planned.policy.key} {names}".rstrip()))
    does = {
        Answer.YES: "applies",
        Answer.NO: "does not apply" if len(group) == 1 else "do not apply",
        Answer.UNKNOWN: "cannot be judged, which is an error",
    }[reason.answer]
    images = tuple(_image(image, palette, named=not of.is_made_up) for image in reason.images)
    needs = tuple(_needs(what, parts) for what, parts in demands(reason))
    return Branch(
        line=f"{palette.paint(color, mark)} {title} {does}: {visible(reason.why)}",
        notes=tuple(visible(text) for text in (reason.preconditions, *reason.exceptions) if text),
        children=(*images, *needs),
    )


def _image(image: ImageReason, palette: Palette, *, named: bool) -> Branch:
    color, mark = _MARKS[image.answer]
    name = f"{image.image} (container {image.container})" if named else image.image
    several = len(image.entries) > 1
    sentences = [
        f"entry {found.entry + 1}: {found.look.why}" if several else found.look.why
        for found in image.entries
        if found.look.answer is Answer.YES or found.look.skipped or not image.is_matched
    ]
    notes = [f"it cannot be read, which fails: {image.problem}"] if image.problem else []
    return Branch(
        line=f"{palette.paint(color, mark)} {visible(name)}: {visible('; '.join(sentences))}",
        notes=tuple(visible(note) for note in notes),
    )


def _needs(what: str, parts: Sequence[phrases.Phrase]) -> Branch:
    head = f"{what} needs".lstrip()
    return Branch(line=head if parts else f"{head} nothing", children=tuple(map(_phrase, parts)))


def _phrase(phrase: phrases.Phrase) -> Branch:
    return Branch(line=visible(phrase.text), children=tuple(_phrase(part) for part in phrase.parts))
