"""Regions over resources for policies in CEL: what the index and analysis work with.

They hold every resource that a policy is about, and perhaps others: `constraints.is_about` judges the
candidates in full.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.api_kinds import kind_of
from pratique.compiler.cel_bodies import ResourceRule, Scope

_ANY = ir.KindSelector(kind="*", subresource="*")


def region(scope: Scope) -> ir.ResourceRegion:
    """Return a region that holds every resource that a policy is about."""
    constraints = scope.constraints
    kinds: tuple[ir.KindSelector, ...] = ()
    if scope.raw or scope.bindings or (constraints and not constraints.rules):
        kinds = (_ANY,)
    elif constraints:
        kinds = tuple(dict.fromkeys(kind for rule in constraints.rules for kind in _kinds(rule)))
    at = constraints.at if constraints else scope.at
    filters = (ir.ResourceFilter(kinds=kinds, at=at),) if kinds else ()
    return ir.ResourceRegion(namespace=scope.namespace or None, match=ir.Selection(filters=filters))


def _kinds(rule: ResourceRule) -> Iterator[ir.KindSelector]:
    for group in rule.groups:
        for version in rule.versions:
            for resource in rule.resources:
                name, _, subresource = resource.partition("/")
                kind = "*" if name == "*" else kind_of(group, name) or "*"
                yield ir.KindSelector(group=group, version=version, kind=kind, subresource=subresource)
