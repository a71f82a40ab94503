"""match and exclude of a rule to a region over resources.

References: Kyverno 1.19 `MatchResources`; image-verification part of `docs/semantics.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pratique.compiler import ir
from pratique.grammar.documents.kyverno import (
    LabelSelector,
    MatchResources,
    ResourceDescription,
    ResourceFilter,
    UserInfo,
)
from pratique.grammar.kinds import parse_kind
from pratique.grammar.source import Location

Place: TypeAlias = Callable[..., Location]
"""`place("match", "any", 0)` is the location of a part of the rule at hand."""


def region(
    match: MatchResources, exclude: MatchResources | None, namespace: str | None, place: Place
) -> ir.ResourceRegion:
    """Return the resources that a rule speaks about; `namespace` is that of a namespaced policy."""
    excluded = selection(exclude, "exclude", place) if exclude else None
    return ir.ResourceRegion(
        namespace=namespace,
        match=selection(match, "match", place),
        exclude=excluded if excluded and excluded.filters else None,
    )


def selection(block: MatchResources, name: str, place: Place) -> ir.Selection:
    """Return the filters of a block called `name`.

    `any` wins over `all`, `all` over filters written directly under match or exclude.
    """
    if block.any:
        return ir.Selection(
            filters=tuple(_filter(f, ir.At(location=place(name, "any", i))) for i, f in enumerate(block.any))
        )
    if block.all:
        filters = tuple(_filter(f, ir.At(location=place(name, "all", i))) for i, f in enumerate(block.all))
        return ir.Selection(filters=filters, every=True)
    direct = _described(block.resources, block, ir.At(location=place(name)))
    return ir.Selection(filters=() if direct.is_empty else (direct,))


def _filter(block: ResourceFilter, at: ir.At) -> ir.ResourceFilter:
    return _described(block.resources, block, at)


def _described(described: ResourceDescription | None, user: UserInfo, at: ir.At) -> ir.ResourceFilter:
    resources = described or ResourceDescription()
    return ir.ResourceFilter(
        kinds=tuple(kind_selector(kind) for kind in resources.kinds or ()),
        names=((resources.name,) if resources.name else ()) + tuple(resources.names or ()),
        namespaces=tuple(resources.namespaces or ()),
        annotations=tuple(sorted((resources.annotations or {}).items())),
        selector=label_selector(resources.selector),
        namespace_selector=label_selector(resources.namespace_selector),
        operations=tuple(resources.operations or ()),
        roles=tuple(user.roles or ()),
        cluster_roles=tuple(user.cluster_roles or ()),
        subjects=tuple(
            ir.Subject(kind=s.kind, name=s.name, namespace=s.namespace or "") for s in user.subjects or ()
        ),
        at=at,
    )


def kind_selector(text: str) -> ir.KindSelector:
    """Return the selector that `text` (`apps/v1/Deployment`, `Pod` ...) means."""
    parts = parse_kind(text)
    return ir.KindSelector(
        group=parts.group, version=parts.version, kind=parts.kind, subresource=parts.subresource
    )


def label_selector(selector: LabelSelector | None) -> ir.LabelSelector | None:
    """Return the IR of a Kubernetes label selector; None for none."""
    if selector is None:
        return None
    return ir.LabelSelector(
        match_labels=tuple(sorted((selector.match_labels or {}).items())),
        requirements=tuple(
            ir.LabelRequirement(key=r.key, operator=r.operator, values=tuple(r.values or ()))
            for r in selector.match_expressions or ()
        ),
    )
