"""Which resources have the same verdict: those with the same rules that agree in what these rules read.

A verdict is worked out once for each class, so that the cost of a scan grows with the distinct images of a
cluster, and not with its Pods.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CEL_BODIES, CelExemption
from pratique.compiler.exemptions import Exemptions
from pratique.compiler.plan import Plan
from pratique.compiler.reads import NOTHING, Reads, Route, reads_of
from pratique.runtime.applicable import Applicable, applicable
from pratique.runtime.fleet.inventory import Item
from pratique.runtime.resource import Resource
from pratique.runtime.scanning.background import is_scanned

if TYPE_CHECKING:
    from pratique.runtime.run_values import RunValues

_MISSING: Final = 0
"""Stands for a part that is not there; one that is there stands in a list."""


class Classes:
    """Tells the classes of resources under one plan."""

    def __init__(
        self,
        plan: Plan,
        exemptions: Sequence[ir.Exemption | CelExemption] = (),
        values: RunValues | None = None,
    ) -> None:
        """Take the plan, policy exceptions that count, and what the command line tells beside resources."""
        self._plan = plan
        self._values = values
        classic = Exemptions([each for each in exemptions if isinstance(each, ir.Exemption)])
        self._of_rule = {
            planned.number: reads_of(
                planned.rule, [each.exemption for each in classic.of(planned.policy, planned.rule)]
            )
            for planned in plan.rules
            if is_scanned(planned.policy, planned.rule)
        }
        self._together = lru_cache(maxsize=4096)(self._union)

    def resource(self, item: Item) -> Resource:
        """Return an object of an inventory as policies see it.

        Raises:
            UsageError: values make no object of it.
        """
        return resource_of(item, self._values)

    def rules(self, resource: Resource) -> list[Applicable]:
        """Return the rules that are asked about a resource."""
        return [each for each in applicable(self._plan, resource) if each.planned.number in self._of_rule]

    def of(self, resource: Resource, rules: Sequence[Applicable]) -> str:
        """Return the class of a resource: 32 hexadecimal digits.

        Args:
            resource: a resource of the scan, whose namespace is as the inventory has it.
            rules: those that apply to it.
        """
        numbers = tuple(each.planned.number for each in rules)
        reads = self._together(numbers)
        data = resource.data
        told: list[Any] = [numbers, resource.id.api_version, resource.id.kind]
        if reads.whole or any(each.problem for each in rules):
            told += [data, resource.namespace_object]
        else:
            told.append([_at(data, route) for route in sorted(reads.routes)])
            secrets = [each.pull_secrets for each in rules if each.pull_secrets]
            if reads.images:
                told.append([(use.pointer, use.key, use.text) for use in resource.images])
            if reads.namespace or secrets:
                told += [resource.id.namespace, secrets, resource.target.namespace_labels]
        name = resource.id.name
        if self._values and self._values.policies_with_values_for(name):
            told.append(name)
        text = json.dumps(told, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _union(self, numbers: tuple[int, ...]) -> Reads:
        found = NOTHING
        for number in numbers:
            found |= self._of_rule[number]
        return found


def resource_of(item: Item, values: RunValues | None = None) -> Resource:
    """Return an object of an inventory as policies see it; raises as `Classes.resource`."""
    namespace = item.namespace
    labels: Mapping[str, str] | None = None
    if namespace is not None:
        labels = (namespace.get("metadata") or {}).get("labels") or {}
    make = partial(Resource, namespace_labels=labels, namespace_object=namespace)
    return values.viewed(make, item.data) if values else make(item.data)


def asks_namespaces(plan: Plan, exemptions: Sequence[object] = ()) -> bool:
    """Say whether some rule looks at the Namespace of a resource."""
    return bool(exemptions) or any(
        planned.rule.body is not None or _selects_namespaces(planned.rule.resources)
        for planned in plan.rules
        if is_scanned(planned.policy, planned.rule)
    )


def asks_objects(plan: Plan) -> bool:
    """Say whether some rule may look at objects other than the one at hand."""
    return any(
        planned.rule.context or isinstance(planned.rule.body, CEL_BODIES)
        for planned in plan.rules
        if is_scanned(planned.policy, planned.rule)
    )


def _selects_namespaces(region: ir.ResourceRegion) -> bool:
    filters = [*region.match.filters, *(region.exclude.filters if region.exclude else ())]
    return any(each.namespace_selector for each in filters)


def _at(data: Any, route: Route) -> Any:
    """Return what stands at the end of a route, or where it leads into something else than an object."""
    for key in route:
        if not isinstance(data, dict):
            break
        if key not in data:
            return _MISSING
        data = data[key]
    return [data]
