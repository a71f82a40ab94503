"""The decision graph of a policy set with all that a plan says about it: words, order, sharing, cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pratique.compiler import ir, plan_cost
from pratique.compiler.cost import Estimate, estimate
from pratique.compiler.explain.descriptions import describe, says_all
from pratique.compiler.explain.pruning import Kept
from pratique.compiler.explain.stages import STAGE_OF, Stage
from pratique.compiler.graph import DecisionGraph, Node, Op
from pratique.compiler.plan import Plan, PlannedRule
from pratique.grammar.source import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of the plan, asked once whoever needs the answer.

    Attributes:
        number: from 1, in the order of asking; those of its inputs are smaller.
        nodes: numbers of what it stands for in the decision graph: its own first, then those of inputs
            that say nothing further.
        inputs: numbers of the questions whose answers it needs, in order.
        rules: numbers of the rules (`PlannedRule.number`) that need it.
        estimate: what it costs for one image by itself.
        at: where it was first written; None where that is not one place.
        kept: how many images a glob leaves; None for what is no glob, or where nobody counted.
    """

    number: int
    nodes: tuple[int, ...]
    op: Op
    stage: Stage
    text: str
    inputs: tuple[int, ...]
    rules: tuple[int, ...]
    estimate: Estimate
    at: Location | None = None
    kept: Kept | None = None

    @property
    def is_shared(self) -> bool:
        """Say whether several rules need it."""
        return len(self.rules) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlan:
    """One rule of the plan.

    Attributes:
        root: number of its question.
        estimate: what an image costs that all its entries look at, whatever other rules have learned.
        notes: what else is to be known about it, in sentences.
    """

    planned: PlannedRule
    root: int
    estimate: Estimate
    notes: tuple[str, ...] = ()

    @property
    def location(self) -> Location | None:
        """Return where the rule is written."""
        return self.planned.rule.at.location


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLine:
    """What one stage comes to.

    Attributes:
        unshared: how many questions there were if every rule asked for itself.
        estimate: for one image that every rule looks at.
    """

    stage: Stage
    questions: int
    unshared: int
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A plan.

    Attributes:
        questions: in the order of asking.
        rules: in the order of evaluation.
        policies: number of policies.
        universe: of what globs were counted against; empty where they were not.
        heaviest: the image of the universe that costs the most.
    """

    plan: Plan = field(repr=False)
    questions: tuple[Question, ...]
    rules: tuple[RulePlan, ...]
    policies: int
    universe: str = ""
    heaviest: plan_cost.Heaviest | None = None

    def question(self, number: int) -> Question:
        """Return the question of this number."""
        return self.questions[number - 1]

    @property
    def unshared(self) -> int:
        """Return how many questions there were if every rule asked for itself."""
        return sum(len(question.rules) for question in self.questions)

    @property
    def stages(self) -> tuple[StageLine, ...]:
        """Return what each stage comes to, in order; stages without questions are left out."""
        return tuple(self._stages())

    def _stages(self) -> Iterator[StageLine]:
        for stage in Stage:
            those = [question for question in self.questions if question.stage is stage]
            if those:
                yield StageLine(
                    stage=stage,
                    questions=len(those),
                    unshared=sum(len(question.rules) for question in those),
                    estimate=sum((question.estimate for question in those), Estimate()),
                )


def explain(
    plan: Plan,
    kept: Mapping[int, Kept] | None = None,
    universe: str = "",
    heaviest: plan_cost.Heaviest | None = None,
) -> Explanation:
    """Return the plan of a policy set.

    Args:
        plan: the policies.
        kept: how many images each glob leaves, by the number of its node (see `pruning`).
        universe: what these images are, in the plural.
        heaviest: the image of them that costs the most.
    """
    graph, kept = plan.graph, kept or {}
    inputs = _inputs(graph)
    drawn = _reachable(graph.roots, inputs)
    order = sorted(drawn, key=lambda number: (graph.nodes[number].op, number))
    numbers = {node: number for number, node in enumerate(order, start=1)}
    rules = _rules(graph, inputs)
    prices = plan_cost.Prices(graph)
    questions = tuple(
        _question(graph, graph.nodes[node], inputs[node], numbers, rules[node], kept, prices)
        for node in order
    )
    return Explanation(
        plan=plan,
        questions=questions,
        rules=tuple(
            RulePlan(
                planned=planned,
                root=numbers[root],
                estimate=prices.of_image([root]),
                notes=tuple(_notes(planned)),
            )
            for planned, root in zip(plan.rules, graph.roots, strict=True)
        ),
        policies=len(plan.policies.policies),
        universe=universe,
        heaviest=heaviest,
    )


def _inputs(graph: DecisionGraph) -> list[tuple[int, ...]]:
    """Return the inputs of every node, each once, without those that say nothing further."""
    found = []
    for node in graph.nodes:
        merged = _merged(node)
        found.append(tuple(dict.fromkeys(number for number in node.inputs if number not in merged)))
    return found


def _merged(node: Node) -> tuple[int, ...]:
    """Return the inputs of which the line of a question says all."""
    match node.op, node.payload:
        case Op.RESOURCES, ir.ResourceRegion() as region if says_all(region):
            return node.inputs
        case ((Op.IMAGES | Op.SKIP), _) if len(node.inputs) == 1:
            return node.inputs
        case _:
            return ()


def _reachable(roots: Sequence[int], inputs: Sequence[Sequence[int]]) -> set[int]:
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += inputs[number]
    return found


def _rules(graph: DecisionGraph, inputs: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Return the numbers of the rules that need each node."""
    found: list[list[int]] = [[] for _ in graph.nodes]
    for number, root in enumerate(graph.roots):
        for node in _reachable([root], inputs):
            found[node].append(number)
    return [tuple(numbers) for numbers in found]


def _question(
    graph: DecisionGraph,
    node: Node,
    inputs: Sequence[int],
    numbers: Mapping[int, int],
    rules: tuple[int, ...],
    kept: Mapping[int, Kept],
    prices: plan_cost.Prices,
) -> Question:
    nodes = (node.number, *_merged(node))
    places = (_place(graph.nodes[number]) for number in (*nodes[1:], node.number))
    return Question(
        number=numbers[node.number],
        nodes=nodes,
        op=node.op,
        stage=STAGE_OF[node.op],
        text=describe(graph, node),
        inputs=tuple(sorted(numbers[number] for number in inputs)),
        rules=rules,
        estimate=estimate(lambda assuming: prices.of_node(node.number, assuming)),
        at=next((place for place in places if place), None),
        kept=next((kept[number] for number in nodes if number in kept), None),
    )


def _place(node: Node) -> Location | None:
    at = getattr(node.payload, "at", None)
    return at.location if isinstance(at, ir.At) else None


# --- rules ---------------------------------------------------------------------------------------------


def _notes(planned: PlannedRule) -> Iterator[str]:
    """Yield what a rule's questions do not say."""
    policy, rule = planned.policy, planned.rule
    if rule.generated_from:
        yield f"generated from rule {rule.generated_from}"
    if rule.overrides:
        yield "in some namespaces a failure does something else"
    if rule.template is not None:
        yield "its entries hold variables: what is shown as text is put in for every resource"
    if rule.extractors:
        kinds = ", ".join(kind for kind, _ in rule.extractors)
        yield f"finds the images of {kinds} by its own extractors"
    if policy.stop_at_first:
        yield "the policy stops at the first rule that passes or fails"
    if policy.fail_open:
        yield "the policy fails open: the webhook admits what cannot be judged in time"
