"""Which resources of a cluster are scanned: those that background policies can speak about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.grammar.wildcard import is_literal
from pratique.runtime.kubernetes.discovery import Discovery
from pratique.runtime.kubernetes.types import ResourceType
from pratique.runtime.resource import POD_SPECS
from pratique.runtime.scanning.background import is_scanned


class Target(NamedTuple):
    """All objects of a type, in one namespace or (empty) everywhere."""

    type: ResourceType
    namespace: str = ""


def scope(policies: Iterable[ir.Policy], discovery: Discovery) -> frozenset[Target]:
    """Return what is to be looked at for the background policies among `policies`.

    Complete, not exact. A namespace is named only where no policy speaks about the type everywhere.
    """
    found: defaultdict[ResourceType, set[str] | None] = defaultdict(set)
    for policy in policies:
        for rule in (each for each in policy.rules if is_scanned(policy, each)):
            namespaces = namespaces_of(rule.resources)
            for type in _types(rule, discovery):
                known = found[type]
                if namespaces is None or not type.namespaced:
                    found[type] = None
                elif known is not None:
                    known |= namespaces
    return frozenset(
        Target(type, namespace)
        for type, namespaces in found.items()
        for namespace in ([""] if namespaces is None else namespaces)
    )


def _types(rule: ir.Rule, discovery: Discovery) -> Iterator[ResourceType]:
    if isinstance(rule.body, CEL_BODIES) and (constraints := rule.body.scope.constraints):
        named = (served for each in constraints.rules for served in discovery.named(each))
        yield from (served.type for served in named if served.can_be_watched)
        return
    runs_images = {*POD_SPECS, *(kind for kind, _ in rule.extractors)}
    for wanted in rule.resources.match.filters:
        for selector in wanted.kinds:
            if selector.subresource not in ("", "*"):
                continue  # no such object exists
            for served in discovery.selected(selector):
                if served.can_be_watched and (rule.body is not None or served.type.kind in runs_images):
                    yield served.type


def namespaces_of(region: ir.ResourceRegion) -> set[str] | None:
    """Return the only namespaces that a region lies in; None for unknown."""
    if region.namespace is not None:
        return {region.namespace}
    named = [set(f.namespaces) if _are_names(f.namespaces) else None for f in region.match.filters]
    if region.match.every:
        return next((names for names in named if names is not None), None)
    known = [names for names in named if names is not None]
    return set().union(*known) if named and len(known) == len(named) else None


def _are_names(namespaces: tuple[str, ...]) -> bool:
    return bool(namespaces) and all(map(is_literal, namespaces))
