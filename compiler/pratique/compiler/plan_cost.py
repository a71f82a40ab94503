"""What rules, images and resources cost: every question that is asked, once (see `cost` for the prices)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from pratique.compiler import ir
from pratique.compiler.cost import FREE, Assumptions, Cost, Estimate, estimate, of_node
from pratique.compiler.graph import DecisionGraph, Op, build
from pratique.compiler.pattern_index import PatternIndex
from pratique.compiler.plan import Plan, PlannedRule
from pratique.grammar import wildcard


def asked(graph: DecisionGraph, roots: Iterable[int], assuming: Assumptions) -> set[int]:
    """Return the questions that are asked for one image: all below `roots`, but where the first suffice."""
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        number = waiting.pop()
        if number in found:
            continue
        found.add(number)
        node = graph.nodes[number]
        inputs = node.inputs
        if node.op is Op.THRESHOLD and assuming.first_suffice:
            inputs = inputs[: cast(int, node.payload)]
        elif node.op is Op.CONDITIONS:
            inputs = ()  # of those attestors alone that the threshold has asked
        waiting += inputs
    return found


class Prices:
    """What the questions of a graph cost, each worked out once."""

    def __init__(self, graph: DecisionGraph) -> None:
        self._graph = graph
        self._known: dict[tuple[int, str], Cost] = {}

    def of_node(self, number: int, assuming: Assumptions) -> Cost:
        """Return what `cost.of_node` says."""
        key = number, assuming.name
        if key not in self._known:
            self._known[key] = of_node(self._graph, number, assuming)
        return self._known[key]

    def of_image(self, roots: Iterable[int]) -> Estimate:
        """Return what one image costs that the rules at `roots` look at, and that all their entries do.

        For a rule whose entries speak about different images this is an upper bound.
        """
        roots = tuple(roots)

        def price(assuming: Assumptions) -> Cost:
            # In order: sums of fractions depend on it.
            numbers = sorted(asked(self._graph, roots, assuming))
            return _sum(self.of_node(number, assuming) for number in numbers)

        return estimate(price)


def of_image(graph: DecisionGraph, roots: Iterable[int]) -> Estimate:
    """Return what `Prices.of_image` says, for one question."""
    return Prices(graph).of_image(roots)


def of_resource(graph: DecisionGraph, images: Sequence[Collection[int]]) -> Estimate:
    """Return what one resource costs.

    Args:
        graph: the decision graph.
        images: for each of its images, the roots of the rules that look at it.

    Context entries are loaded once for a resource and rule, whatever the number of images.
    """

    def price(assuming: Assumptions) -> Cost:
        contexts: set[int] = set()
        cost = FREE
        for roots in images:
            for number in sorted(asked(graph, roots, assuming)):
                if graph.nodes[number].op is not Op.CONTEXT:
                    cost += of_node(graph, number, assuming)
                else:
                    contexts.add(number)
        return cost + _sum(of_node(graph, number, assuming) for number in sorted(contexts))

    return estimate(price)


def about(plan: Plan, planned: PlannedRule, image: str) -> tuple[int, ...]:
    """Return the nodes that a rule needs of one image, a canonical reference; none if it looks past it."""
    node = plan.graph.nodes[plan.graph.roots[planned.number]]
    entries = [number for number in node.inputs if plan.graph.nodes[number].op is Op.REQUIREMENT]
    those = tuple(
        number
        for number, requirement in zip(entries, planned.rule.requirements, strict=True)
        if _has(requirement.images.include, image) and not _has(requirement.images.skip, image)
    )
    if not those:
        return ()
    return (*(n for n in node.inputs if plan.graph.nodes[n].op in (Op.CONTEXT, Op.PRECONDITIONS)), *those)


def _has(patterns: Iterable[ir.ImagePattern], image: str) -> bool:
    return any(wildcard.matches(pattern.text, image) for pattern in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heaviest:
    """The image that costs the most, the declared rules that look at it, and a resource with such images."""

    image: str
    rules: tuple[PlannedRule, ...]
    estimate: Estimate


def heaviest(plan: Plan, images: Iterable[str], *, per_resource: int = 1) -> Heaviest | None:
    """Return which of `images` (canonical references) costs the most at worst; None if no rule looks at any.

    Rules are taken to apply whatever the resource; generated rules repeat declared ones and are left out.

    Args:
        plan: the policies.
        images: witnesses of patterns, or an inventory; of equal ones the first.
        per_resource: distinct images of its kind that the resource has.
    """
    index = PatternIndex(
        (pattern.text, planned.number)
        for planned in plan.rules
        if not planned.rule.generated_from
        for requirement in planned.rule.requirements
        for pattern in requirement.images.include
    )
    best: Heaviest | None = None
    for image in images:
        candidates = (plan.rules[number] for number in sorted(index.lookup(image)))
        needs = {planned: about(plan, planned, image) for planned in candidates}
        roots = {number for numbers in needs.values() for number in numbers}
        if not roots:
            continue
        found = of_resource(plan.graph, [roots] * per_resource)
        if best is None or found.worst.time_ms > best.estimate.worst.time_ms:
            rules = tuple(planned for planned, numbers in needs.items() if numbers)
            best = Heaviest(image=image, rules=rules, estimate=found)
    return best


def of_rule(policy: ir.Policy, rule: ir.Rule, *, images: int = 1) -> Estimate:
    """Return what a resource with so many images costs by one rule alone."""
    graph = build(ir.PolicySet(policies=(replace(policy, rules=(rule,)),)))
    return of_resource(graph, [graph.roots] * images)


def _sum(costs: Iterable[Cost]) -> Cost:
    return sum(costs, FREE)
