"""Regions of resources, in worlds of all combinations of a few values of each attribute.

A set of points of such a world is one integer with a bit for each point, so that everything is tried at once:
tests on one attribute come from the matchers of the runtime, one value after the other, and "any", "all",
"exclude" and skip lists are spelled out here once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from itertools import product
from math import prod
from operator import and_, or_
from random import Random
from typing import Any, Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.analysis.points import NAMESPACE_NAME, Point, Zone, cells, find
from pratique.compiler.languages.search import Proof, Unknown
from pratique.compiler.selection import Target, kind_matches, label_selector_matches
from pratique.grammar.wildcard import matches
from tests.oracles.procedures import Procedure, agree, kind

ORACLE = "all resources of a small world, judged by the matchers of the runtime"

Value: TypeAlias = Any
Axis: TypeAlias = tuple[Value, ...]
Labels: TypeAlias = tuple[tuple[str, str], ...]

KINDS: Axis = (
    ("", "v1", "Pod", ""),
    ("apps", "v1", "Deployment", ""),
    ("batch", "v1", "Job", ""),
    ("", "v1", "Pod", "ephemeralcontainers"),
    ("example.com", "v1", "Widget", ""),
)
IMAGES: Axis = (
    "ghcr.io/acme/app:1.4.2",
    "ghcr.io/acme/app@sha256:" + "4d" * 32,
    "ghcr.io/b/app:dev",
    "docker.io/nginx:1",
)
PATTERNS: Final = (
    "*",
    "ghcr.io/*",
    "ghcr.io/acme/*",
    "*:*",
    "*@*",
    "docker.io/nginx",
    "*/app:?.*",
    "ghcr.io/b/*:dev",
)


def _words(letters: str, longest: int) -> list[str]:
    """Return the words that are DNS subdomains (RFC 1123), shortest first."""
    found = ("".join(word) for n in range(1, longest + 1) for word in product(letters, repeat=n))
    return [word for word in found if all(part and part.strip("-") == part for part in word.split("."))]


def _labelings(values: Mapping[str, Sequence[str | None]]) -> tuple[Labels, ...]:
    rows = product(*values.values())
    return tuple(tuple((k, v) for k, v in zip(values, row, strict=True) if v is not None) for row in rows)


class World:
    """All combinations of the values of each attribute; attributes without values have a fixed one.

    Attributes:
        points: how many there are.
        everything: the set of all of them.
    """

    def __init__(self, **axes: Axis) -> None:
        self._axes = axes
        self.points = prod(map(len, axes.values()))
        self.everything = (1 << self.points) - 1

    def where(self, attribute: str, test: Callable[[Value], bool]) -> int:
        """Return the points whose attribute passes."""
        if attribute not in self._axes:
            return self.everything if test(getattr(_PLAIN, attribute)) else 0
        return self._spread(attribute, tuple(map(test, self._axes[attribute])))

    @lru_cache(maxsize=400)  # noqa: B019 - there are three worlds, and they stay
    def _spread(self, attribute: str, passing: tuple[bool, ...]) -> int:
        names = list(self._axes)
        inner = prod(len(self._axes[name]) for name in names[: names.index(attribute)])
        period = inner * len(passing)
        row = sum(((1 << inner) - 1) << inner * place for place, passes in enumerate(passing) if passes)
        while period < self.points:
            row |= row << period
            period *= 2
        return row & self.everything

    def point(self, number: int) -> Point:
        """Return a point by its place in the sets."""
        values = {}
        for name, axis in self._axes.items():
            number, place = divmod(number, len(axis))
            values[name] = axis[place]
        return Point(**{"image": _PLAIN.image, **values})

    def any_of(self, points: int) -> Point | None:
        """Return a point of a set, or None for the empty one."""
        return self.point(points.bit_length() - 1) if points else None


_PLAIN = Point(image=IMAGES[0])


def zone_points(zone: Zone, world: World) -> int:
    """Return the points of a zone: what `match` selects without what `exclude` does, and so on."""
    resources = zone.resources
    parts = [_selection(resources.match, world)]
    if resources.namespace is not None:
        parts.append(world.where("namespace", resources.namespace.__eq__))
    if resources.exclude is not None:
        parts.append(world.everything & ~_selection(resources.exclude, world))
    if zone.images is not None:
        parts.append(_images(zone.images.include, world) & ~_images(zone.images.skip, world))
    parts += [_selection(each, world) for each in zone.within]
    parts += [world.everything & ~zone_points(each, world) for each in zone.beyond]
    return reduce(and_, parts)


def _images(patterns: Iterable[ir.ImagePattern], world: World) -> int:
    return _texts([pattern.text for pattern in patterns], "image", world)


def _texts(patterns: Sequence[str], attribute: str, world: World) -> int:
    return world.where(attribute, lambda text: any(matches(pattern, text) for pattern in patterns))


def _selection(selection: ir.Selection, world: World) -> int:
    filters = [_filter(each, world) for each in selection.filters]
    if not filters:
        return 0
    return reduce(and_ if selection.every else or_, filters)


def _filter(wanted: ir.ResourceFilter, world: World) -> int:
    tests: list[int] = []
    if wanted.kinds:
        tests.append(world.where("kind", lambda value: _is_kind(wanted.kinds, value)))
    if wanted.operations:
        tests.append(world.where("operation", wanted.operations.__contains__))
    for attribute, patterns in (("name", wanted.names), ("namespace", wanted.namespaces)):
        if patterns:
            tests.append(_texts(patterns, attribute, world))
    for pair in wanted.annotations:
        tests.append(_labels(ir.LabelSelector(match_labels=(pair,)), "annotations", world))
    if wanted.selector:
        tests.append(_labels(wanted.selector, "labels", world))
    if wanted.namespace_selector:
        tests.append(_namespace_labels(wanted.namespace_selector, world))
    return reduce(and_, tests) if tests else 0


def _is_kind(selectors: Iterable[ir.KindSelector], value: tuple[str, str, str, str]) -> bool:
    group, version, name, subresource = value
    target = Target(group=group, version=version, kind=name, subresource=subresource)
    return any(kind_matches(selector, target) for selector in selectors)


def _labels(selector: ir.LabelSelector, attribute: str, world: World) -> int:
    return world.where(attribute, lambda given: label_selector_matches(selector, dict(given)))


def _namespace_labels(selector: ir.LabelSelector, world: World) -> int:
    """Return where the labels of the namespace pass, one of which is its name."""
    by_name = ir.LabelSelector(
        match_labels=tuple(pair for pair in selector.match_labels if pair[0] == NAMESPACE_NAME),
        requirements=tuple(each for each in selector.requirements if each.key == NAMESPACE_NAME),
    )
    others = ir.LabelSelector(
        match_labels=tuple(pair for pair in selector.match_labels if pair[0] != NAMESPACE_NAME),
        requirements=tuple(each for each in selector.requirements if each.key != NAMESPACE_NAME),
    )
    named = world.where("namespace", lambda name: label_selector_matches(by_name, {NAMESPACE_NAME: name}))
    return named & _labels(others, "namespace_labels", world)


def _globs(random: Random, letters: str) -> tuple[str, ...]:
    """Return patterns, often none."""
    count = random.choice((0, 0, 1, 1, 2))
    return tuple("".join(random.choices(letters, k=random.randrange(1, 5))) for _ in range(count))


def _label_selector(random: Random, *, keys: str = "kl", named: bool = False) -> ir.LabelSelector | None:
    """Return a selector, often none; with `named`, also over the label that is the namespace's name."""
    if random.random() < 0.3:
        return None

    def key() -> str:
        return NAMESPACE_NAME if named and random.random() < 0.3 else random.choice(keys)

    def value() -> str:
        return "".join(random.choices("ab*?", k=random.randrange(3)))

    def values() -> tuple[str, ...]:
        return tuple(random.sample(("a", "b", "ab", "c"), random.randrange(1, 3)))

    pairs = [(key(), value()) for _ in range(random.randrange(3))]
    requirements = [
        ir.LabelRequirement(
            key=key(),
            operator=operator,
            values=values() if "In" in operator else (),
        )
        for operator in random.choices(("In", "NotIn", "Exists", "DoesNotExist"), k=random.randrange(3))
    ]
    return ir.LabelSelector(match_labels=tuple(pairs), requirements=tuple(requirements))


Filters: TypeAlias = Callable[[Random], ir.ResourceFilter]


def _named(random: Random) -> ir.ResourceFilter:
    return ir.ResourceFilter(names=_globs(random, "aabb.-*?c"), namespaces=_globs(random, "aabb-*?c"))


def _labelled(random: Random) -> ir.ResourceFilter:
    annotation = random.choice(((), (), (("k", "a*"),), (("k", "?"), ("k", "b*")), (("*", "a"),)))
    return ir.ResourceFilter(
        selector=_label_selector(random, keys="kkkll*" if random.random() < 0.2 else "kl"),
        annotations=annotation,
        namespace_selector=_label_selector(random, named=True) if random.random() < 0.5 else None,
        namespaces=_globs(random, "ab*?") if random.random() < 0.3 else (),
    )


def _mixed(random: Random) -> ir.ResourceFilter:
    kinds = [ir.KindSelector(kind=name) for name in ("Pod", "Deployment", "Job", "Widget")]
    kinds += [ir.KindSelector(kind="*"), ir.KindSelector(kind="Pod", subresource="*")]
    kinds += [ir.KindSelector(kind="*", group="apps"), ir.KindSelector(kind="Widget", group="example.com")]
    return ir.ResourceFilter(
        kinds=tuple(random.sample(kinds, random.choice((0, 1, 1, 2)))),
        operations=random.choice(((), (), ("CREATE",), ("UPDATE", "CREATE"), ("DELETE",))),
        names=_globs(random, "ab*?") if random.random() < 0.3 else (),
        namespaces=_globs(random, "aab*?"),
        selector=_label_selector(random) if random.random() < 0.4 else None,
        namespace_selector=_label_selector(random, named=True) if random.random() < 0.2 else None,
        annotations=random.choice(((), (), (("k", "a*"),))),
    )


def _zone(random: Random, filters: Filters, *, depth: int = 0) -> Zone:
    def selection() -> ir.Selection:
        count = random.choice((1, 1, 2, 2, 3))
        return ir.Selection(filters=tuple(filters(random) for _ in range(count)), every=random.random() < 0.4)

    images = None
    if filters is _mixed and random.random() < 0.6:
        images = ir.ImageRegion(
            include=_patterns(random, random.choice((1, 1, 2))),
            skip=_patterns(random, random.choice((0, 0, 1))),
        )
    return Zone(
        ir.ResourceRegion(
            namespace=random.choice(("a", "ab")) if random.random() < 0.15 else None,
            match=selection(),
            exclude=selection() if random.random() < 0.4 else None,
        ),
        images,
        within=(selection(),) if random.random() < 0.1 else (),
        beyond=(_zone(random, filters, depth=depth - 1),) if depth and random.random() < 0.2 else (),
    )


def random_zone(random: Random) -> Zone:
    """Return a zone over attributes of `MIXED`."""
    return _zone(random, _mixed)


def _patterns(random: Random, count: int) -> tuple[ir.ImagePattern, ...]:
    texts = (
        "*",
        "ghcr.io/*",
        "ghcr.io/acme/*",
        "*:*",
        "*@*",
        "docker.io/nginx",
        "*/app:?.*",
        "ghcr.io/b/*:dev",
    )
    return tuple(ir.ImagePattern(text=text) for text in random.sample(texts, count))


NAMED = World(
    namespace=(*_words("ab-", 4), "c", "ac", "ca", "cc", "acb"),
    name=(*_words("ab-.", 4), "c", "ac", "ca", "cc", "a.c", "bcb"),
)
LABELLED = World(
    namespace=(*_words("ab", 2), "c", "aab"),
    labels=_labelings({"k": (None, "", "a", "b", "ab", "c", "ba"), "l": (None, "", "a", "b", "ab", "c")}),
    annotations=_labelings({"k": (None, "", "a", "b", "ab"), "x": (None, "a")}),
    namespace_labels=_labelings({"k": (None, "", "a", "b", "ab", "c"), "l": (None, "", "a", "b", "ab", "c")}),
)
MIXED = World(
    namespace=("a", "b", "ab", "aa", "ba", "aab", "c"),
    name=("a", "b", "ab", "c"),
    operation=("CREATE", "UPDATE", "DELETE"),
    kind=KINDS,
    image=IMAGES,
    labels=_labelings({"k": (None, "", "a", "b", "ab"), "l": (None, "a", "b")}),
    annotations=_labelings({"k": (None, "a")}),
    namespace_labels=_labelings({"k": (None, "a", "b"), "l": (None, "a")}),
)


def _found(random: Random, filters: Filters, world: World) -> list[str]:
    inside = [_zone(random, filters, depth=1) for _ in range(random.choice((1, 1, 2)))]
    outside = [_zone(random, filters) for _ in range(random.randrange(3))]
    answer = find(inside, outside)
    left = world.everything
    for zone in inside:
        left &= _checked(zone, random, world)
    for zone in outside:
        left &= ~_checked(zone, random, world)
    if isinstance(answer, Point):
        agree(all(zone.contains(answer) for zone in inside), "a false point", answer, inside, outside)
        agree(not any(zone.contains(answer) for zone in outside), "a false point", answer, inside, outside)
    elif isinstance(answer, Proof):
        agree(not left, "a missed point", world.any_of(left), inside, outside)
    return [kind(answer)]


def _checked(zone: Zone, random: Random, world: World) -> int:
    """Return the points of a zone; the runtime must agree about one of the world at random."""
    points, number = zone_points(zone, world), random.randrange(world.points)
    agree(
        zone.contains(world.point(number)) == bool(points >> number & 1),
        "the oracle and the runtime differ",
        world.point(number),
        zone,
    )
    return points


def _names(random: Random) -> list[str]:
    return _found(random, _named, NAMED)


def _selectors(random: Random) -> list[str]:
    return _found(random, _labelled, LABELLED)


def _regions(random: Random) -> list[str]:
    return _found(random, _mixed, MIXED)


def _parts(random: Random) -> list[str]:
    """Compare the parts into which zones cut others: each that has a point must be there, and no other."""
    zones = [_zone(random, _mixed) for _ in range(random.choice((1, 2, 3)))]
    within = [_zone(random, _mixed) for _ in range(random.choice((1, 2)))]
    found = dict(cells(zones, within))
    sets = [zone_points(zone, MIXED) for zone in zones]
    whole = reduce(or_, (zone_points(zone, MIXED) for zone in within))
    answers = []
    for numbers in product((False, True), repeat=len(zones)):
        key = frozenset(place for place, inside in enumerate(numbers) if inside)
        part = whole
        for points, inside in zip(sets, numbers, strict=True):
            part &= points if inside else ~points
        answer = found.get(key, Proof())
        if isinstance(answer, Point):
            lies_in = {place for place, zone in enumerate(zones) if zone.contains(answer)}
            agree(
                lies_in == key and any(zone.contains(answer) for zone in within),
                "a false part",
                key,
                answer,
                zones,
            )
        elif not isinstance(answer, Unknown):
            agree(not part, "a missed part", MIXED.any_of(part), key, zones, within)
        answers.append(kind(answer))
    return answers


PROCEDURES = (
    Procedure("names and namespaces", ORACLE, _names),
    Procedure("label selectors", ORACLE, _selectors),
    Procedure("regions of resources", ORACLE, _regions),
    Procedure("parts of zones", ORACLE, _parts),
)
