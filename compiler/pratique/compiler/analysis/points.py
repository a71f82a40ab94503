"""Points of a policy set: a resource and one image of it, inside some zones and outside others.

A zone is what one demand of a rule speaks about. Points are admission requests for namespaced resources that
hold an image. A point that is found is checked with the matcher that decides at run time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.analysis import attributes
from pratique.compiler.analysis.attributes import Condition, HasKey, HasPair, KindIn, OperationIn, TextIn
from pratique.compiler.analysis.formulas import (
    MAX_BRANCHES,
    Assignment,
    Atom,
    Decide,
    Every,
    Formula,
    Not,
    Some,
    solve,
)
from pratique.compiler.languages.search import Proof, Unknown
from pratique.compiler.languages.sets import contains, region
from pratique.compiler.selection import Target, selects
from pratique.grammar.errors import EvaluationError

NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
"""The label that Kubernetes gives every namespace: its name."""

MAX_CELLS: Final = 500
"""Cells of one partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A resource and one image of it.

    Attributes:
        kind: group, version, kind and subresource.
        assumptions: conditions taken to hold or not that nobody looked into, as text.
    """

    image: str
    kind: attributes.Kind = attributes.BEARERS[0]
    namespace: str = "default"
    name: str = "app"
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    namespace_labels: tuple[tuple[str, str], ...] = ()
    operation: str = "CREATE"
    assumptions: tuple[str, ...] = ()

    @property
    def target(self) -> Target:
        """Return what match and exclude see."""
        group, version, kind, subresource = self.kind
        return Target(
            group=group,
            version=version,
            kind=kind,
            subresource=subresource,
            namespace=self.namespace,
            name=self.name,
            labels=dict(self.labels),
            annotations=dict(self.annotations),
            namespace_labels={NAMESPACE_NAME: self.namespace, **dict(self.namespace_labels)},
            operation=self.operation,
        )

    def __str__(self) -> str:
        """Return `IMAGE in Pod default/app`, with labels where some are needed."""
        return f"{self.image} in {self.resource}"

    @property
    def resource(self) -> str:
        """Return `Pod default/app`, with labels where some are needed."""
        kind = "/".join(part for part in self.kind[2:] if part)
        text = f"{kind} {self.namespace}/{self.name}"
        for what, pairs in (
            ("labels", self.labels),
            ("annotations", self.annotations),
            ("namespace labels", self.namespace_labels),
        ):
            if pairs:
                text += f", {what} " + ",".join(f"{key}={value}" for key, value in pairs)
        return text if self.operation == "CREATE" else f"{text}, on {self.operation}"


PointAnswer: TypeAlias = Point | Proof | Unknown


@dataclass(frozen=True, slots=True)
class Zone:
    """The points that one demand of a rule speaks about.

    Attributes:
        images: None for every image.
        condition: preconditions and conditions on the request, as text; empty for none.
        within: further selections, in each of which the resource lies.
        beyond: zones whose points are left out.
    """

    resources: ir.ResourceRegion
    images: ir.ImageRegion | None = None
    condition: str = ""
    within: tuple[ir.Selection, ...] = ()
    beyond: tuple[Zone, ...] = ()

    @classmethod
    def of(cls, rule: ir.Rule, requirement: ir.ImageRequirement | None = None) -> Zone:
        """Return the zone of a rule, or of one of its demands."""
        images = requirement.images if requirement else None
        return cls(rule.resources, images, " and ".join(_conditions(rule)))

    @property
    def has_user_info(self) -> bool:
        """Say whether it depends on who sends the request, or on what else a point does not show."""
        selections = (self.resources.match, self.resources.exclude, *self.within)
        return any(
            f.has_user_info for selection in selections if selection for f in selection.filters
        ) or any(zone.condition or zone.has_user_info for zone in self.beyond)

    def contains(self, point: Point) -> bool:
        """Say whether the matcher of the runtime finds the point inside, conditions aside."""
        if self.images is not None and not contains(region(self.images), point.image):
            return False
        regions = (self.resources, *(ir.ResourceRegion(namespace=None, match=each) for each in self.within))
        try:
            selected = all(selects(each, point.target) for each in regions)
        except EvaluationError:
            return False
        return selected and not any(zone.contains(point) for zone in self.beyond)

    def formula(self) -> Formula:
        """Return the zone as a formula over attributes."""
        parts = [_resources(self.resources), *map(_selection, self.within)]
        if self.images is not None:
            include = TextIn(attributes.IMAGE, tuple(p.text for p in self.images.include))
            skip = TextIn(attributes.IMAGE, tuple(p.text for p in self.images.skip))
            parts += [Atom(include), *([Not(Atom(skip))] if skip.patterns else [])]
        if self.condition:
            parts.append(Atom(Condition(self.condition)))
        parts += [Not(zone.formula()) for zone in self.beyond]
        return Every(tuple(parts))


def _conditions(rule: ir.Rule) -> Iterator[str]:
    if rule.request_conditions:
        yield f"the request meets {json.dumps([each.expression for each in rule.request_conditions])}"
    if rule.preconditions:
        yield json.dumps(rule.preconditions, sort_keys=True, default=str)


def find(
    inside: Sequence[Zone],
    outside: Sequence[Zone] = (),
    *,
    decide: Decide = attributes.decide,
    max_branches: int = MAX_BRANCHES,
) -> PointAnswer:
    """Return a point inside all of `inside` and outside all of `outside`.

    An answer with assumptions holds only where these do: conditions are taken to be independent of each other
    and of all else. `decide` answers for single attributes.
    """
    formula = Every((*(zone.formula() for zone in inside), *(Not(zone.formula()) for zone in outside)))
    found = solve(formula, decide, max_branches=max_branches)
    if isinstance(found, Proof | Unknown):
        return found
    point = _point(found)
    for zones, wanted in ((inside, True), (outside, False)):
        for zone in zones:
            blind = zone.has_user_info or (zone.condition and not wanted)
            if not blind and zone.contains(point) is not wanted:
                return Unknown("the matcher does not confirm the example")
    return point


def cells(zones: Sequence[Zone], within: Sequence[Zone]) -> Iterator[tuple[frozenset[int], PointAnswer]]:
    """Yield the parts into which `zones` cut the union of `within`: numbers of the zones each lies in.

    With each part comes a point of it, or `Unknown` where it is not known whether it has any. Parts without
    points are left out. The last part is an `Unknown` with no zones where there are more than `MAX_CELLS`.
    """
    pieces: list[tuple[tuple[int, ...], PointAnswer]] = []
    for number, zone in enumerate(within):
        point = find([zone], within[:number])
        if not isinstance(point, Proof):
            pieces += _cut(zones, [zone], within[:number], point)
        if len(pieces) > MAX_CELLS:
            yield frozenset(), Unknown(f"more than {MAX_CELLS} parts")
            return
    merged: dict[frozenset[int], PointAnswer] = {}
    for numbers, point in pieces:
        key = frozenset(numbers)
        if key not in merged or isinstance(merged[key], Unknown):
            merged[key] = point
    yield from merged.items()


def _cut(
    zones: Sequence[Zone], inside: list[Zone], outside: Sequence[Zone], start: PointAnswer
) -> list[tuple[tuple[int, ...], PointAnswer]]:
    """Cut one piece by all zones, one after the other."""
    pieces: list[tuple[tuple[int, ...], tuple[int, ...], PointAnswer]] = [((), (), start)]
    for number, zone in enumerate(zones):
        after: list[tuple[tuple[int, ...], tuple[int, ...], PointAnswer]] = []
        for taken, left, point in pieces:
            for joins in (True, False):
                chosen = (*taken, number) if joins else taken
                other = left if joins else (*left, number)
                known = isinstance(point, Point) and not point.assumptions and not zone.condition
                if (
                    isinstance(point, Point)
                    and known
                    and not zone.has_user_info
                    and zone.contains(point) is joins
                ):
                    answer: PointAnswer = point
                else:
                    answer = find(
                        [*inside, *(zones[n] for n in chosen)], [*outside, *(zones[n] for n in other)]
                    )
                if not isinstance(answer, Proof):
                    after.append((chosen, other, answer))
        pieces = after[: MAX_CELLS + 1]
    return [(taken, point) for taken, _, point in pieces]


def _point(found: Assignment) -> Point:
    given: dict[str, Any] = {}
    for name in ("kind", "namespace", "name", "operation"):
        if name in found:
            given[name] = found[name]
    for name, field in (
        (attributes.LABELS, "labels"),
        (attributes.ANNOTATIONS, "annotations"),
        (attributes.NAMESPACE_LABELS, "namespace_labels"),
    ):
        pairs = found.get(name)
        if isinstance(pairs, Mapping):
            given[field] = tuple(sorted(pairs.items()))
    assumptions = tuple(
        f"{'' if value else 'not '}{name}" for name, value in found.items() if name.startswith("condition ")
    )
    image = found.get(attributes.IMAGE)
    return Point(
        image=str(image) if image else "registry.example.com/team/app:1.4.2", assumptions=assumptions, **given
    )


def _resources(resources: ir.ResourceRegion) -> Formula:
    parts = [_selection(resources.match)]
    if resources.namespace is not None:
        parts.append(Atom(TextIn(attributes.NAMESPACE, (resources.namespace,))))
    if resources.exclude is not None:
        parts.append(Not(_selection(resources.exclude)))
    return Every(tuple(parts))


def _selection(selection: ir.Selection) -> Formula:
    if not selection.filters:
        return Some(())
    join = Every if selection.every else Some
    return join(tuple(_filter(each) for each in selection.filters))


def _filter(wanted: ir.ResourceFilter) -> Formula:
    if wanted.is_empty:
        return Some(())
    parts: list[Formula] = []
    if wanted.kinds:
        parts.append(Atom(KindIn(wanted.kinds)))
    if wanted.operations:
        parts.append(Atom(OperationIn(wanted.operations)))
    if wanted.names:
        parts.append(Atom(TextIn(attributes.NAME, wanted.names)))
    if wanted.namespaces:
        parts.append(Atom(TextIn(attributes.NAMESPACE, wanted.namespaces)))
    parts += [Atom(HasPair(attributes.ANNOTATIONS, key, value)) for key, value in wanted.annotations]
    if wanted.selector:
        parts.append(_labels(attributes.LABELS, wanted.selector))
    if wanted.namespace_selector:
        parts.append(_labels(attributes.NAMESPACE_LABELS, wanted.namespace_selector))
    if wanted.has_user_info:
        who = [f"role {r}" for r in wanted.roles] + [f"cluster role {r}" for r in wanted.cluster_roles]
        who += [f"{s.kind} {s.namespace}/{s.name}".replace(" /", " ") for s in wanted.subjects]
        parts.append(Atom(Condition("sent by " + " or ".join(who))))
    return Every(tuple(parts))


def _labels(attribute: str, selector: ir.LabelSelector) -> Formula:
    pairs = tuple(_pair(attribute, key, value) for key, value in selector.match_labels)
    return Every((*pairs, *(_requirement(attribute, each) for each in selector.requirements)))


def _pair(attribute: str, key: str, value: str) -> Formula:
    if attribute == attributes.NAMESPACE_LABELS and key == NAMESPACE_NAME:
        return Atom(TextIn(attributes.NAMESPACE, (value,)))
    return Atom(HasPair(attribute, key, value))


def _requirement(attribute: str, requirement: ir.LabelRequirement) -> Formula:
    there: Formula = Atom(HasKey(attribute, requirement.key))
    among = Atom(HasKey(attribute, requirement.key, requirement.values))
    if attribute == attributes.NAMESPACE_LABELS and requirement.key == NAMESPACE_NAME:
        there, among = Every(()), Atom(TextIn(attributes.NAMESPACE, requirement.values))
    meaning: dict[str, Callable[[], Formula]] = {
        "In": lambda: among,
        "NotIn": lambda: Not(among),
        "Exists": lambda: there,
        "DoesNotExist": lambda: Not(there),
    }
    decided = meaning.get(requirement.operator)
    return decided() if decided else Atom(Condition(f"{requirement.key} {requirement.operator}"))
