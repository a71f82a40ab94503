"""Parts of the points as people would say them: these images, without those, in that namespace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pratique.compiler import ir
from pratique.compiler.analysis.partition import Part
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import are_disjoint, includes
from pratique.compiler.languages.search import Proof
from pratique.compiler.languages.sets import AnyOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Images of a change, as people would say it.

    Attributes:
        patterns: the images lie in some pattern of each group.
        without: and in none of these.
        where: conditions on the resource, as text.
        unless: what is left out of these resources, as text.
        point: an example; its assumptions hold for the change as a whole.
        parts: the very points.
    """

    patterns: tuple[tuple[str, ...], ...]
    without: tuple[str, ...]
    where: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    point: Point
    parts: tuple[Part, ...] = ()

    def contains(self, point: Point) -> bool:
        """Say whether a point lies in it, conditions aside."""
        return any(
            all(zone.contains(point) for zone in part.inside)
            and not any(zone.contains(point) for zone in part.outside)
            for part in self.parts
        )


def joined(found: Sequence[Region]) -> tuple[Region, ...]:
    """Return regions that read alike once, with the first example."""
    kept: dict[tuple[object, ...], Region] = {}
    for each in found:
        key = each.patterns, each.without, each.where, each.unless
        first = kept.setdefault(key, each)
        if first is not each:
            kept[key] = replace(first, parts=(*first.parts, *each.parts))
    return tuple(kept.values())


def region(part: Part, point: Point) -> Region:
    """Describe a part: by the narrowest of the zones that it lies in, without those that it does not."""
    here, outside = part.inside, part.outside
    inside = {_patterns(zone): _union(_patterns(zone)) for zone in here}
    narrow = {
        patterns: texts
        for patterns, texts in inside.items()
        if not any(
            other != patterns and _lies_in(inside[other], texts) and not _lies_in(texts, inside[other])
            for other in inside
        )
    }
    skipped = dict.fromkeys(p.text for zone in here if zone.images for p in zone.images.skip)
    where = tuple(dict.fromkeys(text for zone in here for text in words(zone)))
    without: dict[str, None] = {}
    unless: dict[str, None] = {}
    for zone in outside:
        further = [text for text in words(zone) if text not in where]
        whole = all(_lies_in(texts, _union(_patterns(zone))) for texts in narrow.values())
        cut = [pattern for pattern in _patterns(zone) if _meets(pattern, list(narrow.values()))]
        if not further:
            without.update(dict.fromkeys(cut if not whole else ()))
        else:
            text = " and ".join(further)
            unless[text if whole else f"{', '.join(cut)} {text}"] = None
    kept = [p for p in (*without, *skipped) if _meets(p, list(narrow.values()))]
    return Region(
        patterns=tuple(narrow),
        without=tuple(dict.fromkeys(kept)),
        where=where,
        unless=tuple(unless),
        point=point,
        parts=(part,),
    )


def _patterns(zone: Zone) -> tuple[str, ...]:
    return tuple(p.text for p in zone.images.include) if zone.images else ("*",)


def _union(patterns: Sequence[str]) -> AnyOf:
    return AnyOf(tuple(Glob.parse(pattern) for pattern in patterns))


def _lies_in(inner: AnyOf, outer: AnyOf) -> bool:
    return isinstance(includes(outer, inner, images()), Proof)


def _meets(pattern: str, these: Sequence[AnyOf]) -> bool:
    glob = Glob.parse(pattern)
    return not any(isinstance(are_disjoint(glob, texts, images()), Proof) for texts in these)


def words(zone: Zone) -> tuple[str, ...]:
    """Return what a zone demands of resources besides their kind, as text."""
    found: list[str] = []
    if zone.resources.namespace is not None:
        found.append(f"in namespace {zone.resources.namespace}")
    for selection in (zone.resources.match, *zone.within):
        found += _selected(selection)
    if zone.resources.exclude is not None:
        found += [f"not {text}" for text in _selected(zone.resources.exclude) if text]
    for beyond in zone.beyond:
        text = " and ".join(words(beyond))
        if text:
            found.append(f"not {text}")
    return tuple(dict.fromkeys(found))


def _selected(selection: ir.Selection) -> Iterator[str]:
    """Yield what all filters demand, or what some filter does."""
    texts = [" and ".join(_filter(each)) for each in selection.filters]
    if selection.every:
        yield from (text for text in texts if text)
    elif texts and all(texts):
        yield " or ".join(dict.fromkeys(texts))


def _filter(wanted: ir.ResourceFilter) -> Iterator[str]:
    if wanted.namespaces:
        yield f"in namespace {_or(wanted.namespaces)}"
    if wanted.names:
        yield f"named {_or(wanted.names)}"
    if wanted.operations:
        yield f"on {_or(wanted.operations)}"
    if wanted.annotations:
        yield f"with annotations {','.join(f'{key}={value}' for key, value in wanted.annotations)}"
    if wanted.selector:
        yield f"with labels {_labels(wanted.selector)}"
    if wanted.namespace_selector:
        yield f"in namespaces with labels {_labels(wanted.namespace_selector)}"
    if wanted.has_user_info:
        who = [*wanted.roles, *wanted.cluster_roles, *(f"{s.kind} {s.name}" for s in wanted.subjects)]
        yield f"sent by {_or(who)}"


def _or(texts: Sequence[str]) -> str:
    return " or ".join(texts)


def _labels(selector: ir.LabelSelector) -> str:
    pairs = [f"{key}={value}" for key, value in selector.match_labels]
    for each in selector.requirements:
        values = f" ({', '.join(each.values)})" if each.values else ""
        pairs.append(f"{each.key} {each.operator}{values}")
    return ",".join(pairs)
