"""Which policies a webhook is called for: said by its path, so that replicas need to agree on nothing else.

A policy is in one group, which follows from the policy alone: its failure policy, and how the webhook can be
kept from being called where the policy has nothing to say. A path names a failure policy and the groups that
it stands for: `/validate/fail/all/named`. No path at all stands for all policies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.grammar import wildcard

EVERYWHERE: Final = "all"
NAMED: Final = "named"
"""Of policies that name the only namespaces they speak about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Where a policy has something to say.

    Attributes:
        name: the segment of a path: `all`, `named`, or one made from the labels.
        namespaces: for `named`, the only ones.
        selector: Kubernetes label selector of the namespaces; None where it cannot be said so.
    """

    name: str
    namespaces: tuple[str, ...] = ()
    selector: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The policies that a path stands for."""

    fail_open: bool | None
    groups: frozenset[str]

    @classmethod
    def of(cls, path: str) -> Selection:
        """Return what `fail/all/named` stands for; an unknown failure policy stands for both."""
        failure, *groups = path.strip("/").split("/")
        return cls({"ignore": True, "fail": False}.get(failure), frozenset(groups))

    def includes(self, policy: ir.Policy, group: str) -> bool:
        """Say whether the webhook is called for `policy`, which is in the group of that name."""
        if self.fail_open is not None and policy.fail_open is not self.fail_open:
            return False
        return not self.groups or group in self.groups


def path(*, fail_open: bool, groups: Iterable[str]) -> str:
    """Return the path for policies of some groups, without the webhook's own part."""
    return "/".join(["ignore" if fail_open else "fail", *sorted(groups)])


def group(policy: ir.Policy) -> Group:
    """Return the group of a policy."""
    named: set[str] = set()
    selectors = set()
    for rule in policy.rules:
        found = _namespaces(rule.resources)
        if found is None:
            named.clear()
            break
        named |= found
    else:
        if named:
            return Group(name=NAMED, namespaces=tuple(sorted(named)))
    for rule in policy.rules:
        selectors.add(_selector(rule))
    only = selectors.pop() if len(selectors) == 1 else None
    if only is None:
        return Group(name=EVERYWHERE)
    plain = _plain(only)
    text = json.dumps(plain, sort_keys=True).encode()
    return Group(name=f"labels-{hashlib.sha256(text).hexdigest()[:12]}", selector=plain)


def _namespaces(region: ir.ResourceRegion) -> set[str] | None:
    """Return the only namespaces that a region can lie in; None for unknown."""
    if region.namespace is not None:
        return {region.namespace}
    found = [_literal(each) for each in region.match.filters]
    if region.match.every:
        return next((names for names in found if names is not None), None)
    known = [names for names in found if names is not None]
    return set().union(*known) if found and len(known) == len(found) else None


def _literal(wanted: ir.ResourceFilter) -> set[str] | None:
    names = wanted.namespaces
    return set(names) if names and all(map(wildcard.is_literal, names)) else None


def _selector(rule: ir.Rule) -> ir.LabelSelector | None:
    """Return the selector that the namespace of every object of a rule meets; None where there is none."""
    if isinstance(rule.body, CEL_BODIES):
        constraints = rule.body.scope.constraints
        found = constraints.namespace_selector if constraints else None
        return found if found and (found.match_labels or found.requirements) else None
    region = rule.resources
    wanted = [each.namespace_selector for each in region.match.filters]
    usable = [each for each in wanted if each is not None and _is_plain(each)]
    if region.match.every:
        return usable[0] if usable else None
    return usable[0] if usable and len(usable) == len(wanted) and len(set(usable)) == 1 else None


def _is_plain(selector: ir.LabelSelector) -> bool:
    pairs = selector.match_labels
    return bool(pairs or selector.requirements) and all(
        map(wildcard.is_literal, (t for p in pairs for t in p))
    )


def _plain(selector: ir.LabelSelector) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if selector.match_labels:
        found["matchLabels"] = dict(sorted(selector.match_labels))
    if selector.requirements:
        found["matchExpressions"] = [
            {"key": r.key, "operator": r.operator, **({"values": list(r.values)} if r.values else {})}
            for r in selector.requirements
        ]
    return found
