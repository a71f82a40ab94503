"""The parts into which zones cut the points that some of them hold.

Zones that clearly have nothing in common (other registries, kinds or namespaces) are told apart by looking at
them, so that the search is asked about neighbours only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from pratique.compiler.analysis.points import Point, PointAnswer, Zone, find
from pratique.compiler.languages.search import Proof, Unknown

MAX_PARTS: Final = 1_000
"""Parts of one partition."""

MAX_WORK: Final = 6_000
"""Zones that all searches for a point may look at together."""

Names: TypeAlias = frozenset[str] | None
"""Names that are possible; None for any."""

Patterns: TypeAlias = tuple[tuple[str, str], ...] | None
"""Literal ends of patterns of which one at least matches; None for any text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The points inside some zones and outside others.

    Attributes:
        outside: zones that cut something off; those that have nothing in common with `inside` are left out.
        point: one of them, or `Unknown` where it is not known whether there is any.
    """

    inside: tuple[Zone, ...]
    outside: tuple[Zone, ...]
    point: Point | Unknown


class TooMuchError(Exception):
    """A partition has too many parts, or takes too many searches."""


@dataclass(slots=True)
class Partition:
    """Cuts points by zones, within `world` and within limits."""

    world: Zone
    work: int = 0

    def parts(self, zones: Sequence[Zone]) -> list[Part]:
        """Return the parts into which `zones` cut what at least one of them holds.

        Raises:
            TooMuchError: a limit is reached.
        """
        done: list[Part] = []
        for number, zone in enumerate(zones):
            before = [other for other in zones[:number] if not are_apart(zone, other)]
            after: list[Part] = []
            for part in done:
                after += self.cut(part, zone)
            point = self._find((zone,), before)
            if not isinstance(point, Proof):
                after.append(Part(inside=(zone,), outside=tuple(before), point=point))
            if len(after) > MAX_PARTS:
                raise TooMuchError(f"more than {MAX_PARTS:,} parts")
            done = after
        return done

    def alone(self, zones: Sequence[Zone]) -> Iterator[Part]:
        """Yield for each zone the part of it that no other one meets: what is left to say after too much.

        Raises:
            TooMuchError: a limit is reached again.
        """
        self.work = 0
        for zone in zones:
            others = [other for other in zones if other != zone and not are_apart(zone, other)]
            point = self._find((zone,), others)
            if not isinstance(point, Proof):
                yield Part(inside=(zone,), outside=tuple(others), point=point)

    def cut(self, part: Part, zone: Zone) -> list[Part]:
        """Return the parts of `part` inside and outside `zone`, as far as they hold points."""
        if any(are_apart(zone, other) for other in part.inside):
            return [part]
        pieces = []
        for inside, outside in (((*part.inside, zone), part.outside), (part.inside, (*part.outside, zone))):
            point = self._kept(part, zone, joins=zone in inside) or self._find(inside, outside)
            if not isinstance(point, Proof):
                pieces.append(Part(inside=inside, outside=outside, point=point))
        return [part] if len(pieces) == 1 and zone in pieces[0].outside else pieces

    def _kept(self, part: Part, zone: Zone, *, joins: bool) -> Point | None:
        """Return the point of `part` where it plainly lies in the piece that is asked about."""
        point = part.point
        if isinstance(point, Unknown) or point.assumptions or zone.condition or zone.has_user_info:
            return None
        return point if zone.contains(point) is joins else None

    def _find(self, inside: Sequence[Zone], outside: Sequence[Zone]) -> PointAnswer:
        self.work += 1 + len(inside) + len(outside)
        if self.work > MAX_WORK:
            raise TooMuchError(f"no answer within {MAX_WORK:,} steps")
        return find((self.world, *inside), outside)


def are_apart(one: Zone, other: Zone) -> bool:
    """Say whether two zones clearly have no point in common; False where it takes more than a look."""
    return look(one).is_apart(look(other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What can be seen of a zone without searching.

    Attributes:
        namespaces: names, where no pattern has wildcards.
        within: patterns of namespaces, as those of `images`.
        images: for each pattern the literal texts before its first and behind its last wildcard.
    """

    kinds: Names
    namespaces: Names
    within: Patterns
    images: Patterns

    def is_apart(self, other: Look) -> bool:
        """Say whether both clearly have no point in common."""
        for mine, others in ((self.kinds, other.kinds), (self.namespaces, other.namespaces)):
            if mine is not None and others is not None and not mine & others:
                return True
        return _are_apart(self.within, other.within) or _are_apart(self.images, other.images)


@lru_cache(maxsize=50_000)
def look(zone: Zone) -> Look:
    """Return what can be seen of a zone without searching."""
    match, namespace = zone.resources.match, zone.resources.namespace
    named = [each.namespaces for each in match.filters] if namespace is None else [(namespace,)]
    every = match.every
    patterns = [name for names in (filter(None, named) if every else named) for name in names]
    return Look(
        kinds=_names([tuple(s.kind for s in each.kinds) for each in match.filters], every=every),
        namespaces=_names(named, every=every),
        within=tuple(map(_ends, patterns)) if patterns and (every or all(named)) else None,
        images=tuple(_ends(pattern.text) for pattern in zone.images.include) if zone.images else None,
    )


def _names(filters: Sequence[tuple[str, ...]], *, every: bool) -> Names:
    """Return the literal names that filters leave possible; no names are no test."""
    plain = [
        frozenset(names) if names and not any("*" in n or "?" in n for n in names) else None
        for names in filters
    ]
    if every:
        return next((names for names in plain if names is not None), None)
    known = [names for names in plain if names is not None]
    return frozenset().union(*known) if len(known) == len(plain) else None


def _ends(text: str) -> tuple[str, str]:
    wild = [number for number, character in enumerate(text) if character in "*?"]
    return (text[: wild[0]], text[wild[-1] + 1 :]) if wild else (text, text)


def _are_apart(some: Patterns, others: Patterns) -> bool:
    if some is None or others is None:
        return False
    return not any(_may_meet(one, other) for one in some for other in others)


def _may_meet(one: tuple[str, str], other: tuple[str, str]) -> bool:
    (start, end), (begin, finish) = one, other
    return (start.startswith(begin) or begin.startswith(start)) and (
        end.endswith(finish) or finish.endswith(end)
    )
