"""Entries that meet: pairs that speak about one image of one resource, and clash over it.

Entries that are alike but for their images are compared with others once, whatever their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from pratique.compiler import ir
from pratique.compiler.analysis.partition import Look, look
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.relations import are_disjoint
from pratique.compiler.languages.search import Witness
from pratique.compiler.languages.sets import contains
from pratique.compiler.lint.facts import Facts, Site, is_in_cel
from pratique.compiler.lint.neighbours import Neighbours
from pratique.compiler.lint.questions import SPENT

MAX_MEETINGS: Final = 3
"""Meetings of one entry that are told."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
C = TypeVar("C", covariant=True)


@dataclass(frozen=True, slots=True)
class Meeting(Generic[C]):
    """Two entries that speak about the same image of the same resource, and clash over it.

    Attributes:
        first: the one that comes before the other in the files.
        clash: what the question about both was answered with.
        point: the image and the resource, in reach of both.
    """

    first: Site
    second: Site
    clash: C
    point: Point


@dataclass(frozen=True, slots=True)
class Question(Generic[K, T]):
    """What is asked about entries that meet.

    Attributes:
        key: what the answer depends on besides images and resources; None for an entry that it is not about.
            Entries of equal keys never clash.
        clash: what two entries clash over, by their keys; None where they do not.
        universe: the images that count for two entries; None for none.
    """

    key: Callable[[Site], K | None]
    clash: Callable[[K, K], T | None]
    universe: Callable[[Site, Site], Universe | None]


def meetings(
    facts: Facts, neighbours: Neighbours, sites: Sequence[Site], question: Question[K, T]
) -> Iterator[list[Meeting[T]]]:
    """Yield for each entry the earlier ones that it meets and clashes with: up to `MAX_MEETINGS` of them.

    Policies of the same kind and name cannot be installed together, and never meet.

    Args:
        facts: answers questions.
        neighbours: the patterns of `sites`.
        sites: entries that depend on nothing but kinds, namespaces, labels and images.
        question: what counts as a clash.
    """
    yield from _Meetings(facts, neighbours, sites, question).all()


@dataclass(frozen=True, slots=True)
class _Place:
    """Resources that entries speak about, exceptions left out."""

    number: int
    zone: Zone
    exempt: tuple[Zone, ...]
    look: Look


@dataclass(frozen=True, slots=True)
class _Group:
    """Entries that are alike but for their images."""

    number: int
    key: int
    place: _Place


class _Meetings(Generic[K, T]):
    def __init__(
        self, facts: Facts, neighbours: Neighbours, sites: Sequence[Site], question: Question[K, T]
    ) -> None:
        self._facts = facts
        self._neighbours = neighbours
        self._question = question
        self._keys: dict[K, int] = {}
        self._places: dict[tuple[ir.ResourceRegion, tuple[Zone, ...]], _Place] = {}
        self._groups: dict[tuple[int, int], _Group] = {}
        self._clashes: dict[tuple[int, int], T | None] = {}
        self._points: dict[tuple[int, int], Point | None] = {}
        keyed = ((site, question.key(site)) for site in sites)
        self._sites = [(site, self._group(site, key)) for site, key in keyed if key is not None]
        self._owners: defaultdict[str, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, (site, group) in enumerate(self._sites):
            for text in dict.fromkeys(pattern.text for pattern in site.include):
                self._owners[text][group.number].append(number)
        self._by_number = list(self._groups.values())
        self._by_key = list(self._keys)

    def _group(self, site: Site, key: K) -> _Group:
        number = self._keys.setdefault(key, len(self._keys))
        where = site.rule.resources, self._facts.exempt(site.policy, site.rule)
        place = self._places.get(where)
        if place is None:
            zone = Zone(site.rule.resources)
            place = self._places[where] = _Place(len(self._places), zone, where[1], look(zone))
        group = _Group(len(self._groups), number, place)
        return self._groups.setdefault((number, place.number), group)

    def all(self) -> Iterator[list[Meeting[T]]]:
        for number, (site, _) in enumerate(self._sites):
            near = {text: None for p in site.include for text in self._neighbours.of(p.text)}
            found = list(self._of(number, near))
            if found:
                yield found

    def _of(self, number: int, near: Iterable[str]) -> Iterator[Meeting[T]]:
        """Yield the meetings of one entry with earlier ones that have a pattern of `near`."""
        group, told = self._sites[number][1], set[int]()
        for text in near:
            for other_group, others in self._owners[text].items():
                if others[0] >= number or not self._may_clash(group, self._by_number[other_group]):
                    continue
                for other in others:
                    if other >= number:
                        break
                    if other not in told and (meeting := self._meeting(other, number)):
                        told.add(other)
                        yield meeting
                        if len(told) == MAX_MEETINGS:
                            return

    def _may_clash(self, one: _Group, other: _Group) -> bool:
        return (
            one.key != other.key
            and not one.place.look.is_apart(other.place.look)
            and self._clash(one, other) is not None
            and self._point(one.place, other.place) is not None
        )

    def _clash(self, one: _Group, other: _Group) -> T | None:
        key = one.key, other.key
        if key not in self._clashes:
            self._clashes[key] = self._question.clash(*(self._by_key[number] for number in key))
        return self._clashes[key]

    def _point(self, one: _Place, other: _Place) -> Point | None:
        """Return a resource in both places."""
        key = one.number, other.number
        if key not in self._points:
            found = self._facts.find([one.zone, other.zone], (*one.exempt, *other.exempt))
            self._points[key] = found if isinstance(found, Point) else None
        return self._points[key]

    def _meeting(self, first: int, second: int) -> Meeting[T] | None:
        (one, one_group), (other, other_group) = self._sites[first], self._sites[second]
        if one.policy is not other.policy and _name(one.policy) == _name(other.policy):
            return None
        if is_in_cel(one.policy) is not is_in_cel(other.policy):
            return None  # in CEL an attestor accepts Sigstore bundles, too, and elsewhere one format
        clash = self._clash(one_group, other_group)
        point = self._point(one_group.place, other_group.place)
        image = self._image(one, other)
        if clash is None or point is None or not image:
            return None
        return Meeting(one, other, clash, replace(point, image=image))

    def _image(self, one: Site, other: Site) -> str:
        """Return an image that both speak about, or an empty text where none is known."""
        universe = self._question.universe(one, other)
        if universe is None:
            return ""
        regions = [self._facts.region(site.requirement.images) for site in (one, other)]
        found = (self._neighbours.of(a.text).get(b.text) for a in other.include for b in one.include)
        for image in filter(None, found):
            if universe.contains(image) and all(contains(region, image) for region in regions):
                return image
        answer = SPENT if self._facts.is_spent else self._facts.ask(are_disjoint, *regions, universe)
        return answer.text if isinstance(answer, Witness) else ""


def _name(policy: ir.Policy) -> tuple[str, str]:
    return policy.kind, policy.key
