"""A plan beside what became of it: the figures of a run for each question and each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pratique.compiler.explain.explanation import Explanation, Question
from pratique.compiler.graph import DecisionGraph, Listing, Node, Op
from pratique.runtime.decision import Report, Status
from pratique.runtime.measuring import Measured
from pratique.runtime.watching import Watched

WATCHED = frozenset({Op.RESOLVE, Op.LIST, Op.VERIFY, Op.ATTESTOR})
"""Kinds of questions that a run measures; the others compare what is known."""


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What a rule came to: how many resources and different images it judged, and its results."""

    resources: int
    images: int
    results: Mapping[Status, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What a run came to.

    Attributes:
        questions: number of a question -> its figures; questions that were never asked have zeros.
        elsewhere: figures of questions that are not in the plan, since variables of a rule made them.
        rules: number of a rule -> its figures.
        seconds: from the first question to the last verdict.
        cpu_seconds: of this process in that time.
    """

    report: Report
    questions: Mapping[int, Measured]
    elsewhere: Measured
    rules: Mapping[int, RuleFigures]
    seconds: float
    cpu_seconds: float

    @property
    def total(self) -> Measured:
        """Return the sum of all questions."""
        return sum((*self.questions.values(), self.elsewhere), Measured())


def analysis(
    explanation: Explanation,
    report: Report,
    measured: Mapping[Watched, Measured],
    *,
    seconds: float,
    cpu_seconds: float,
) -> Analysis:
    """Return the figures of a run by the questions and rules of its plan.

    Where entries ask one thing in several ways (other credentials), the first of them has all figures.
    """
    left = dict(measured)
    questions = {}
    for question in explanation.questions:
        if question.op in WATCHED:
            asked = _watched(explanation.plan.graph, question)
            questions[question.number] = left.pop(asked, Measured())
    return Analysis(
        report=report,
        questions=questions,
        elsewhere=sum(left.values(), Measured()),
        rules=dict(_rules(explanation, report)),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
    )


def _watched(graph: DecisionGraph, question: Question) -> Watched:
    node = graph.nodes[question.nodes[0]]
    needs_listing = node.op in (Op.VERIFY, Op.ATTESTOR)
    return Watched(node.op, node.payload, _listing(graph, node) if needs_listing else None)


def _listing(graph: DecisionGraph, node: Node) -> Listing | None:
    payloads = (graph.nodes[number].payload for number in graph.below([node.number]))
    return next((payload for payload in payloads if isinstance(payload, Listing)), None)


def _rules(explanation: Explanation, report: Report) -> Iterator[tuple[int, RuleFigures]]:
    numbers = {
        (rule.planned.policy.key, rule.planned.rule.name): rule.planned.number
        for rule in reversed(explanation.rules)
    }
    statuses: dict[int, Counter[Status]] = {rule.planned.number: Counter() for rule in explanation.rules}
    images: dict[int, set[str]] = {number: set() for number in statuses}
    for result in report.results:
        number = numbers[result.policy, result.rule]
        statuses[number][result.status] += 1
        images[number].update(check.image for check in result.checks if check.image)
    for number, counted in statuses.items():
        yield number, RuleFigures(counted.total(), len(images[number]), counted)
