"""Demands that meet: pairs of entries that speak about one image of one resource, found by index.

A thousand entries make half a million pairs. What each pattern says alone finds most of those that meet: an
example image of one pattern is looked up among all others. Patterns that cross each other without holding
each other's example (`*/app:*` and `ghcr.io/acme/*`) are compared pair by pair, as long as they are few.
Entries that are alike for a rule's question (`Grouping`) are asked about once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from pratique.compiler import ir
from pratique.compiler.analysis.partition import Look, look
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.boxes import Boxes
from pratique.compiler.languages.globs import Run
from pratique.compiler.languages.pairs import overlaps
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.relations import are_disjoint, is_empty
from pratique.compiler.languages.search import Answer, Witness
from pratique.compiler.languages.sets import TextSet, contains
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.questions import SPENT
from pratique.compiler.pattern_index import PatternIndex

MAX_PAIRS: Final = 150_000
"""Pairs of patterns that are compared one by one; with more, only examples are looked up."""

MAX_RUNS: Final = 4
"""`*` of a pattern that is compared one by one."""

MAX_MEETINGS: Final = 3
"""Meetings of one entry that are told."""

T = TypeVar("T")
C = TypeVar("C", covariant=True)


@dataclass(frozen=True, slots=True)
class Meeting(Generic[C]):
    """Two entries that speak about the same image of the same resource.

    Attributes:
        first: the one that comes before the other in the files.
        clash: what the rule's question about both was answered with.
        point: the image and the resource, in reach of both.
    """

    first: Site
    second: Site
    clash: C
    point: Point


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What a rule asks about entries that meet.

    Attributes:
        key: what the answer depends on besides the resources; entries of equal keys are asked about once.
        clash: whether two entries clash, apart from images and resources; None where they do not.
        universe: the images that the question about two entries is about; None for none.
    """

    key: Callable[[Site], Hashable]
    clash: Callable[[Site, Site], T | None]
    universe: Callable[[Site, Site], Universe | None]


def meetings(facts: Facts, sites: Sequence[Site], question: Question[T]) -> Iterator[list[Meeting[T]]]:
    """Yield for each entry the earlier ones that it meets and clashes with, as far as any are found.

    Entries must not depend on preconditions, on who sends a request, or on `imageExtractors`. Policies of the
    same kind and name cannot be installed together, and never meet.
    """
    yield from _Meetings(facts, sites, question).all()


@dataclass(slots=True)
class _Group:
    """Entries that are alike but for their images."""

    number: int
    example: Site
    zone: Zone
    exempt: tuple[Zone, ...]
    look: Look


class _Meetings(Generic[T]):
    def __init__(self, facts: Facts, sites: Sequence[Site], question: Question[T]) -> None:
        self._facts = facts
        self._sites = sites
        self._question = question
        self._groups: dict[tuple[Hashable, ir.ResourceRegion, tuple[Zone, ...]], _Group] = {}
        self._group_of = [self._group(site) for site in sites]
        self._clashes: dict[tuple[int, int], tuple[T, Point] | None] = {}
        self._owners: defaultdict[str, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, site in enumerate(sites):
            for text in dict.fromkeys(pattern.text for pattern in site.include):
                self._owners[text][self._group_of[number].number].append(number)
        self._by_number = {group.number: group for group in self._groups.values()}
        self._neighbours = self._find_neighbours()

    def _group(self, site: Site) -> _Group:
        exempt = self._facts.exempt(site.policy, site.rule)
        key = self._question.key(site), site.rule.resources, exempt
        group = self._groups.get(key)
        if group is None:
            zone = Zone(site.rule.resources)
            group = self._groups[key] = _Group(len(self._groups), site, zone, exempt, look(zone))
        return group

    def all(self) -> Iterator[list[Meeting[T]]]:
        for number, site in enumerate(self._sites):
            near = {text: None for p in site.include for text in self._neighbours.get(p.text, ())}
            found = list(self._of(number, near))
            if found:
                yield found

    def _of(self, number: int, near: Iterable[str]) -> Iterator[Meeting[T]]:
        """Yield the meetings of one entry with earlier ones that have a pattern of `near`."""
        group, told = self._group_of[number], set[int]()
        for text in near:
            for other_group, others in self._owners[text].items():
                if self._clash(group, self._by_number[other_group]) is None:
                    continue
                for other in others:
                    if other >= number or len(told) >= MAX_MEETINGS:
                        break
                    if other not in told and (meeting := self._meeting(other, number)):
                        told.add(other)
                        yield meeting

    def _clash(self, one: _Group, other: _Group) -> tuple[T, Point] | None:
        """Return what two groups clash over, with a resource that both speak about."""
        key = (one.number, other.number) if one.number < other.number else (other.number, one.number)
        if key not in self._clashes:
            self._clashes[key] = self._compared(*(self._by_number[number] for number in key))
        return self._clashes[key]

    def _compared(self, one: _Group, other: _Group) -> tuple[T, Point] | None:
        if one.look.is_apart(other.look):
            return None
        clash = self._question.clash(one.example, other.example)
        if clash is None:
            return None
        point = self._facts.find([one.zone, other.zone], (*one.exempt, *other.exempt))
        return (clash, point) if isinstance(point, Point) else None

    def _meeting(self, first: int, second: int) -> Meeting[T] | None:
        one, other = self._sites[first], self._sites[second]
        if one.policy is not other.policy and _names(one.policy) == _names(other.policy):
            return None
        found = self._clash(self._group_of[first], self._group_of[second])
        image = self._image(one, other)
        if found is None or not image:
            return None
        clash, point = found
        return Meeting(one, other, clash, replace(point, image=image))

    def _image(self, one: Site, other: Site) -> str:
        """Return an image that both speak about, or an empty text where none is known."""
        universe = self._question.universe(one, other)
        if universe is None:
            return ""
        regions = [self._facts.region(site.requirement.images) for site in (one, other)]
        images = [self._neighbours.get(a.text, {}).get(b.text) for a in other.include for b in one.include]
        for image in filter(None, images):
            if universe.contains(image) and all(contains(region, image) for region in regions):
                return image
        answer = SPENT if self._facts.is_spent else self._facts.ask(are_disjoint, *regions, universe)
        return answer.text if isinstance(answer, Witness) else ""

    # --- patterns that meet ----------------------------------------------------------------------------

    def _find_neighbours(self) -> dict[str, dict[str, str]]:
        """Return for each pattern those that are known to meet it, itself included, with an image of both."""
        texts = list(self._owners)
        index = PatternIndex((text, number) for number, text in enumerate(texts))
        found: dict[str, dict[str, str]] = {}
        for text in texts:
            example = self._facts.example(text)
            for number in sorted(index.lookup(example)) if example else ():
                found.setdefault(text, {})[texts[number]] = example
                found.setdefault(texts[number], {})[text] = example
        for one, other, image in self._crossing():
            found.setdefault(one, {}).setdefault(other, image)
            found.setdefault(other, {}).setdefault(one, image)
        return found

    def _crossing(self) -> Iterator[tuple[str, str, str]]:
        """Yield pairs of patterns with an image, of entries of the same namespaces, if there are few."""
        everywhere: dict[str, None] = {}
        named: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for number, site in enumerate(self._sites):
            namespaces = self._group_of[number].look.namespaces
            texts = (p.text for p in site.include if self._is_plain(p))
            if namespaces is None:
                everywhere.update(dict.fromkeys(texts))
            else:
                for text in texts:
                    for namespace in sorted(namespaces):
                        named[namespace][text] = None
        bundles = list(dict.fromkeys(tuple({**everywhere, **texts}) for texts in named.values()))
        bundles = bundles or [tuple(everywhere)]
        if sum(len(bundle) * (len(bundle) - 1) // 2 for bundle in bundles) > MAX_PAIRS:
            return
        boxes = Boxes(self._decide)
        for bundle in bundles:
            globs = [self._facts.glob(ir.ImagePattern(text=text)) for text in bundle]
            samples = [self._facts.example(text) for text in bundle]
            for pair in overlaps(globs, boxes, samples):
                if isinstance(pair.answer, Witness):
                    yield bundle[pair.first], bundle[pair.second], pair.answer.text

    def _is_plain(self, pattern: ir.ImagePattern) -> bool:
        return sum(isinstance(part, Run) for part in self._facts.glob(pattern).parts) <= MAX_RUNS

    def _decide(self, texts: TextSet, universe: Universe) -> Answer:
        return SPENT if self._facts.is_spent else self._facts.ask(is_empty, texts, universe)


def _names(policy: ir.Policy) -> tuple[str, str]:
    return policy.kind, policy.key
