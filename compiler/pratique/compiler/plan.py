"""The plan: which rules can apply to a resource, found by index, and the graph that decides them.

A rule is filed by the kinds and namespaces its match demands and by its image patterns, so finding the rules
of a resource costs the same whether ten or ten thousand others cannot match it. What the index cannot tell
(names, labels, exclusions, who asked) is left to `selection`, which judges the few candidates in full.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pratique.compiler import graph as decision
from pratique.compiler import ir
from pratique.compiler.bodies import Cleanup
from pratique.compiler.pattern_index import PatternIndex
from pratique.grammar import wildcard


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule with its policy and its place in the order of evaluation (0-based, over all policies)."""

    number: int
    policy: ir.Policy
    rule: ir.Rule


_ANY = ""
"""Stands for "no literal kind (or namespace) demanded" in the keys of the index."""
_REMEMBERED: Final = 4096
"""Images of which is known what matches them: a cluster runs few, again and again."""


class Plan:
    """A compiled policy set: immutable, shared by all evaluations."""

    def __init__(self, policies: ir.PolicySet) -> None:
        self.policies = policies
        self.rules = tuple(
            PlannedRule(number, policy, rule)
            for number, (policy, rule) in enumerate((p, r) for p in policies.policies for r in p.rules)
        )
        self._by_images: dict[tuple[str, str], PatternIndex] = {}
        self._always: dict[tuple[str, str], frozenset[int]] = {}
        self._looked_up: dict[tuple[PatternIndex, str], set[int]] = {}
        self._file_rules()

    @cached_property
    def graph(self) -> decision.DecisionGraph:
        """The decision graph of the whole set; built when evidence is needed or a plan is explained."""
        return decision.build(self.policies)

    def candidates(self, kind: str, namespace: str, images: Iterable[str]) -> list[PlannedRule]:
        """Return, in order, the rules that could concern a resource of this kind with these images.

        Args:
            kind: Kubernetes kind, as in the resource.
            namespace: its namespace; empty for cluster-wide resources.
            images: canonical forms of its images, as the built-in extraction finds them.

        Complete, not exact: every rule that matches is returned, others may be. O(images), not O(rules).
        """
        keys = {(k, n) for k in (kind, _ANY) for n in (namespace, _ANY)}
        texts = set(images)
        found: set[int] = set()
        for key in keys:
            found |= self._always.get(key, frozenset())
            if index := self._by_images.get(key):
                for text in texts:
                    found |= self._lookup(index, text)
        return [self.rules[number] for number in sorted(found)]

    def _lookup(self, index: PatternIndex, text: str) -> set[int]:
        found = self._looked_up.get((index, text))
        if found is None:
            if len(self._looked_up) >= _REMEMBERED:
                self._looked_up.clear()
            found = self._looked_up[index, text] = index.lookup(text)
        return found

    def _file_rules(self) -> None:
        by_images: defaultdict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
        always: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        for planned in self.rules:
            rule = planned.rule
            globs = [p.text for r in rule.requirements for p in r.images.include]
            # A cleanup policy says of every object whether it would go.
            says_all = isinstance(rule.body, Cleanup)
            for key in {(_ANY, _ANY)} if says_all else _keys(rule.resources):
                if rule.extractors or rule.body is not None:
                    always[key].add(planned.number)
                else:
                    by_images[key] += [(glob, planned.number) for glob in globs]
        self._by_images = {key: PatternIndex(patterns) for key, patterns in by_images.items()}
        self._always = {key: frozenset(numbers) for key, numbers in always.items()}


def _keys(region: ir.ResourceRegion) -> set[tuple[str, str]]:
    """Return the index keys under which every resource of `region` is looked up."""
    if region.match.every:
        # All filters must hold, so the literals of any one of them are a sound key.
        filters = [f for f in region.match.filters if f.kinds][:1] or list(region.match.filters[:1])
    else:
        filters = list(region.match.filters)
    keys = set()
    for resource_filter in filters:
        for kind in _literal_kinds(resource_filter):
            keys |= {(kind, namespace) for namespace in _literal_namespaces(region, resource_filter)}
    return keys


def _literal_kinds(resource_filter: ir.ResourceFilter) -> Iterator[str]:
    for selector in resource_filter.kinds or (ir.KindSelector(kind="*"),):
        yield selector.kind if wildcard.is_literal(selector.kind) else _ANY


def _literal_namespaces(region: ir.ResourceRegion, resource_filter: ir.ResourceFilter) -> tuple[str, ...]:
    if region.namespace:
        return (region.namespace,)
    names = resource_filter.namespaces
    if names and all(map(wildcard.is_literal, names)):
        return names
    return (_ANY,)
