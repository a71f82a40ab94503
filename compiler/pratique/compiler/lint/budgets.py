"""How long an image may take at admission, and how long the API server waits.

The prices are those of `cost`, for a registry that answers slowly; see there for what is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.selection import selects
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.graph import DecisionGraph
    from pratique.compiler.pattern_index import PatternIndex

REQUEST_SECONDS: Final = 0.5
"""Until a slow registry answers one request."""

DEFAULT_SECONDS: Final = 10
"""What the API server waits for a webhook of Kyverno at least; a policy can only ask for more, up to 30 s."""

MAX_REGIONS: Final = 20
"""Selections of resources that are tried for one image."""

_MOST_OF_ATTESTOR: Final = 10
_MOST_OF_CONTEXT: Final = 4
"""Requests that one attestor, and one entry of a context, take at most under these assumptions, with the time
of its cryptography as a part of one."""


@dataclass(frozen=True, slots=True)
class Slow:
    """An image that takes long.

    Attributes:
        point: a resource with the image.
        sites: the demands that look at it.
        requests: to registries and others.
        seconds: that these take, one after the other.
    """

    point: Point
    sites: tuple[Site, ...]
    requests: int
    seconds: float


def patience(facts: Facts, *, fail_open: bool) -> int:
    """Return how many seconds the API server waits for the policies of one failure policy.

    Kyverno registers one webhook for each failure policy, with the longest time that any of its policies asks
    for.

    References: Kyverno 1.19 `pkg/controllers/webhook` (`mergeWebhook`, `capTimeout`).
    """
    asked = [DEFAULT_SECONDS]
    for policy in facts.policies.policies:
        document = facts.document(policy)
        if document and policy.fail_open is fail_open:
            spec = document.model.spec
            configured = spec.webhook_configuration.timeout_seconds if spec.webhook_configuration else None
            asked.append(configured or spec.webhook_timeout_seconds or 0)
    return max(asked)


def slowest(facts: Facts, *, fail_open: bool, beyond: float) -> Slow | None:
    """Return the image that takes the longest by the policies of one failure policy.

    Of those that take more than `beyond` seconds; None where there is none.
    """
    sites = [site for site in facts.sites if site.policy.fail_open is fail_open and not site.rule.extractors]
    if REQUEST_SECONDS * sum(map(_most, sites)) <= beyond:
        return None
    prices = _Prices(facts, sites)
    best: Slow | None = None
    for image, together in prices.images():
        if prices.of(together).seconds <= beyond:
            continue
        for point, there in _resources(facts, image, together):
            cost = prices.of(there)
            if cost.seconds > max(beyond, best.seconds if best else 0):
                best = replace(cost, point=point)
    return best


def _most(site: Site) -> int:
    """Return a number of requests that a demand never takes more of, without a look at its questions."""
    return 1 + _MOST_OF_ATTESTOR * len(site.leaves) + _MOST_OF_CONTEXT * len(site.rule.context)


def _resources(facts: Facts, image: str, sites: Sequence[Site]) -> Iterator[tuple[Point, list[Site]]]:
    """Yield resources with an image, each with the demands that speak about it."""
    for region in list(dict.fromkeys(site.rule.resources for site in sites))[:MAX_REGIONS]:
        point = facts.find([Zone(region)])
        if isinstance(point, Point):
            there = replace(point, image=image)
            yield there, [site for site in sites if _selects(site.rule.resources, there)]


def _selects(region: ir.ResourceRegion, point: Point) -> bool:
    try:
        return selects(region, point.target)
    except EvaluationError:
        return False


class _Prices:
    """The questions behind the demands of a policy set, and what they cost together."""

    def __init__(self, facts: Facts, sites: Sequence[Site]) -> None:
        # Most policy sets are known to be cheap before any of this is needed.
        from pratique.compiler.cost import TYPICAL
        from pratique.compiler.graph import build
        from pratique.compiler.pattern_index import PatternIndex

        self._facts = facts
        self._sites = sites
        self._slow = replace(
            TYPICAL,
            name="slow",
            first_suffice=False,
            referrers_api=False,
            request_ms=1000 * REQUEST_SECONDS,
        )
        self._graph: DecisionGraph = build(facts.policies)
        self._nodes = dict(self._questions())
        self._index: PatternIndex = PatternIndex(
            (pattern.text, number) for number, site in enumerate(sites) for pattern in site.include
        )

    def _questions(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the identity of each demand with the nodes that answer it, with the context of its rule."""
        from pratique.compiler.graph import Op

        rules = (rule for policy in self._facts.policies.policies for rule in policy.rules)
        for rule, root in zip(rules, self._graph.roots, strict=True):
            inputs = self._graph.nodes[root].inputs
            entries = [number for number in inputs if self._graph.nodes[number].op is Op.REQUIREMENT]
            context = [number for number in inputs if self._graph.nodes[number].op is Op.CONTEXT]
            for requirement, entry in zip(rule.requirements, entries, strict=False):
                yield id(requirement), (*context, entry)

    def images(self) -> Iterator[tuple[str, list[Site]]]:
        """Yield an image of each pattern, with the demands that look at it."""
        seen: set[str] = set()
        for site in self._sites:
            for pattern in site.include:
                answer = self._facts.images_of(pattern)
                if isinstance(answer, Witness) and answer.text not in seen:
                    seen.add(answer.text)
                    numbers = sorted(self._index.lookup(answer.text))
                    found = [self._sites[number] for number in numbers]
                    yield answer.text, [each for each in found if not _skips(each, answer.text)]

    def of(self, sites: Sequence[Site]) -> Slow:
        """Return what one image costs that some demands look at, of no resource in particular."""
        from pratique.compiler.cost import FREE, of_node
        from pratique.compiler.plan_cost import asked

        roots = [number for site in sites for number in self._nodes[id(site.requirement)]]
        cost = FREE
        for number in sorted(asked(self._graph, roots, self._slow)):
            cost += of_node(self._graph, number, self._slow)
        return Slow(Point(image=""), tuple(sites), cost.requests + cost.calls, cost.time_ms / 1000)


def _skips(site: Site, image: str) -> bool:
    from pratique.grammar.wildcard import matches

    return any(matches(pattern.text, image) for pattern in site.skip)
