"""How long an image may take at admission, and how long the API server waits.

The prices are those of `cost`, for a registry that answers slowly; see there for what is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint.facts import Facts, Site, leaves_of
from pratique.compiler.selection import selects
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.cost import Assumptions
    from pratique.compiler.graph import DecisionGraph
    from pratique.compiler.pattern_index import PatternIndex

REQUEST_SECONDS: Final = 0.5
"""Until a slow registry answers one request."""

DEFAULT_SECONDS: Final = 10
"""What the API server waits for a webhook of Kyverno at least; a policy can only ask for more, up to 30 s."""

MAX_REGIONS: Final = 20
"""Selections of resources that are tried for one image."""

_MOST: Final = {
    (ir.SignatureFormat.COSIGN, False): 4,
    (ir.SignatureFormat.COSIGN, True): 3,
    (ir.SignatureFormat.SIGSTORE_BUNDLE, False): 8,
    (ir.SignatureFormat.SIGSTORE_BUNDLE, True): 8,
    (ir.SignatureFormat.NOTARY, False): 5,
    (ir.SignatureFormat.NOTARY, True): 8,
}
"""Format, and whether statements are looked for -> requests that one place takes at most."""

_MOST_OF_CONTEXT: Final = 4
"""Requests that one entry of a context takes at most."""

_CPU_SECONDS: Final = 0.05
"""For the signatures that one attestor has to look at: more than they take."""


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
    most = {id(site.requirement): _most(site) for site in sites}
    if sum(most.values()) <= beyond:
        return None
    prices = _Prices(facts, sites)
    best: Slow | None = None
    for image, together in prices.images():
        if sum(most[id(site.requirement)] for site in together) <= beyond:
            continue
        if prices.of(together).seconds <= beyond:
            continue
        for point, there in _resources(facts, image, together):
            cost = prices.of(there)
            if cost.seconds > max(beyond, best.seconds if best else 0):
                best = replace(cost, point=point)
    return best


def _most(site: Site) -> float:
    """Return seconds that a demand never takes more of, without a look at its questions."""
    places: dict[tuple[object, ...], int] = {}
    calls = 0
    for threshold, stated in (
        *((threshold, "") for threshold in site.requirement.signatures),
        *((threshold, each.type) for each in site.requirement.attestations for threshold in each.by),
    ):
        for leaf in leaves_of(threshold):
            asked = leaf.attestor
            place = asked.format, asked.repository, asked.referrers, stated
            places[place] = _MOST[asked.format, bool(stated)]
            calls += isinstance(asked.signer, ir.KeySigner) and "://" in asked.signer.key
    requests = 1 + sum(places.values()) + calls + _MOST_OF_CONTEXT * len(site.rule.context)
    return REQUEST_SECONDS * requests + _CPU_SECONDS * len(site.leaves)


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
        from pratique.compiler.pattern_index import PatternIndex

        self._facts = facts
        self._sites = sites
        self._index: PatternIndex = PatternIndex(
            (pattern.text, number) for number, site in enumerate(sites) for pattern in site.include
        )

    @cached_property
    def _slow(self) -> Assumptions:
        from pratique.compiler.cost import TYPICAL

        wait = 1000 * REQUEST_SECONDS
        return replace(TYPICAL, name="slow", first_suffice=False, referrers_api=False, request_ms=wait)

    @cached_property
    def _graph(self) -> DecisionGraph:
        from pratique.compiler.graph import build

        return build(self._facts.policies)

    @cached_property
    def _nodes(self) -> dict[int, tuple[int, ...]]:
        return dict(self._questions())

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
