"""What the scan found: results by resource and policy, and the reports that they make.

References: Kyverno 1.19 reports one object for each resource, named after its uid; 1.10 one for each policy
and namespace, `pol-NAME` and `cpol-NAME`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pratique.runtime.decision import ResourceId, RuleResult
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.kubernetes.types import (
    CLUSTER_POLICY_REPORTS,
    CLUSTER_REPORTS,
    POLICY_REPORTS,
    REPORTS,
    ResourceType,
)
from pratique.runtime.outputs.formats import Grouping
from pratique.runtime.outputs.report_groups import MAX_RESULTS, assembled, entry
from pratique.runtime.outputs.view import SOURCE, row_of
from pratique.runtime.scanning.inventory import ResourceKey

SHORT_NAMES: Final = {
    "Policy": "pol",
    "ClusterPolicy": "cpol",
    "ValidatingPolicy": "vpol",
    "NamespacedValidatingPolicy": "nvpol",
    "ImageValidatingPolicy": "ivpol",
    "NamespacedImageValidatingPolicy": "nivpol",
    "ValidatingAdmissionPolicy": "vap",
}
"""With which names of reports by policy begin."""
MAX_BYTES: Final = 900_000
"""Of the results of one object: etcd takes 1.5 MiB, and some of it is written twice."""
PROCESS: Final = "background scan"

Entry = dict[str, Any]


class PolicyId(NamedTuple):
    """Which policy: there may be several of the same name and different kinds."""

    key: str
    kind: str


class ReportKey(NamedTuple):
    """Which report: where it is (empty for the whole cluster), and the name of its first object."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportForm:
    """What reports look like.

    Attributes:
        namespaced: their type in a namespace.
        cluster: their type elsewhere.
        grouping: what one of them gathers.
        prefix: of names by resource, where another program has reports of the same names.
    """

    namespaced: ResourceType
    cluster: ResourceType
    grouping: Grouping = Grouping.RESOURCE
    prefix: str = ""

    def type_of(self, key: ReportKey) -> ResourceType:
        """Return the type of a report."""
        return self.namespaced if key.namespace else self.cluster


POLICY_REPORT: Final = (POLICY_REPORTS, CLUSTER_POLICY_REPORTS)
OPEN_REPORT: Final = (REPORTS, CLUSTER_REPORTS)


@dataclass(slots=True)
class _Resource:
    """What is known of a resource: its coordinates, and results by policy."""

    id: ResourceId
    results: dict[PolicyId, tuple[Entry, ...]] = field(default_factory=dict)


class Findings:
    """All results of the scan.

    Args:
        form: of the reports.
        touched: called with each report that is no longer what it was.

    Attributes:
        tally: how many resources have which result now: policy, rule and result -> number.
    """

    def __init__(self, form: ReportForm, touched: Callable[[ReportKey], None]) -> None:
        self.form = form
        self.tally: Counter[tuple[str, str, str]] = Counter()
        self._touched = touched
        self._resources: dict[ResourceKey, _Resource] = {}
        self._members: dict[ReportKey, dict[ResourceKey, None]] = {}

    def take(
        self,
        key: ResourceKey,
        id: ResourceId,
        judged: Iterable[PolicyId] | None,
        results: Sequence[RuleResult],
        now: int,
    ) -> list[Entry]:
        """Take what was found of a resource; return the results that were not so before.

        Args:
            key: which resource.
            id: its coordinates.
            judged: the policies that were asked; None for all.
            results: theirs.
            now: seconds since the epoch.
        """
        known = self._resources.get(key)
        if known is not None and known.id.uid != id.uid:
            self.drop(key)  # another object under the same name
            known = None
        if known is None:
            known = _Resource(id)
        asked = known.results if judged is None else judged
        found: dict[PolicyId, tuple[Entry, ...]] = dict.fromkeys(asked, ())
        for result in results:
            of = PolicyId(result.policy, result.kind)
            found[of] = (*found.get(of, ()), self._entry(result, now))
        new: list[Entry] = []
        for policy, entries in found.items():
            before = known.results.get(policy, ())
            kept = tuple(_dated(each, before, new) for each in entries)
            if kept == before:
                continue
            self._count(before, -1)
            self._count(kept, 1)
            if kept:
                known.results[policy] = kept
                self._resources[key] = known
            else:
                known.results.pop(policy, None)
            self._touch(key, known, policy)
        if not known.results:
            self._resources.pop(key, None)
        return new

    def drop(self, key: ResourceKey) -> None:
        """Forget a resource that is no more."""
        known = self._resources.pop(key, None)
        for policy in list(known.results) if known else ():
            assert known is not None  # noqa: S101 (it has results)
            self._count(known.results.pop(policy), -1)
            self._touch(key, known, policy)

    def drop_policy(self, policy: PolicyId) -> None:
        """Forget the results of a policy that is no more."""
        for key, known in list(self._resources.items()):
            if entries := known.results.pop(policy, ()):
                self._count(entries, -1)
                self._touch(key, known, policy)
            if not known.results:
                self._resources.pop(key, None)

    def reports(self) -> Iterator[ReportKey]:
        """Yield all reports that there should be."""
        yield from self._members

    def has(self, key: ReportKey) -> bool:
        """Say whether there should be a report."""
        return key in self._members

    def documents(self, key: ReportKey, owner: Mapping[str, Any] | None = None) -> list[Object]:
        """Return the objects of a report, several if one would be too large, none if there is no result.

        Args:
            key: which report.
            owner: reference to the policy that all results are of.
        """
        by_resource = self.form.grouping is Grouping.RESOURCE
        entries: list[Entry] = []
        scope: ResourceId | None = None
        for member in self._members.get(key, ()):
            known = self._resources[member]
            scope = known.id if by_resource else None
            for policy in sorted(known.results):
                if by_resource or _policy_report(policy, known.id.namespace) == key:
                    entries += known.results[policy]
        if not by_resource:
            entries.sort(key=_order)
        return [
            self._document(key, number, part, scope, owner) for number, part in enumerate(_parts(entries))
        ]

    def _document(
        self,
        key: ReportKey,
        number: int,
        entries: list[Entry],
        scope: ResourceId | None,
        owner: Mapping[str, Any] | None,
    ) -> Object:
        type = self.form.type_of(key)
        extra = {"source": SOURCE} if type.group == REPORTS.group else {}
        found = assembled(
            f"{key.name}-{number}" if number else key.name,
            key.namespace,
            entries,
            scope,
            api_version=type.api_version,
            kind=type.kind,
            **extra,
        )
        if owner:
            found["metadata"]["ownerReferences"] = [dict(owner)]
        return found

    def _count(self, entries: Iterable[Entry], by: int) -> None:
        for each in entries:
            of = each["policy"], each["rule"], each["result"]
            self.tally[of] += by
            if not self.tally[of]:
                del self.tally[of]

    def _entry(self, result: RuleResult, now: int) -> Entry:
        found = entry(row_of(result), scoped=self.form.grouping is Grouping.RESOURCE, now=now)
        return found | {"properties": {**found.get("properties", {}), "process": PROCESS}}

    def _touch(self, key: ResourceKey, known: _Resource, policy: PolicyId) -> None:
        if self.form.grouping is Grouping.RESOURCE:
            report = ReportKey(known.id.namespace, f"{self.form.prefix}{known.id.uid}")
            belongs = bool(known.results)
        else:
            report = _policy_report(policy, known.id.namespace)
            belongs = any(_policy_report(each, known.id.namespace) == report for each in known.results)
        members = self._members.setdefault(report, {})
        if belongs:
            members[key] = None
        else:
            members.pop(key, None)
            if not members:
                del self._members[report]
        self._touched(report)


def _parts(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield the results in pieces that each fit into one object of the cluster (F27)."""
    part: list[Entry] = []
    size = 0
    for each in entries:
        weight = len(json.dumps(each))
        if part and (len(part) == MAX_RESULTS or size + weight > MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(each)
        size += weight
    if part:
        yield part


def _policy_report(policy: PolicyId, namespace: str) -> ReportKey:
    return ReportKey(namespace, f"{SHORT_NAMES[policy.kind]}-{policy.key.rpartition('/')[2]}")


def _dated(found: Entry, before: Sequence[Entry], new: list[Entry]) -> Entry:
    """Return a result with the time since when it is so."""
    for old in before:
        if {**old, "timestamp": None} == {**found, "timestamp": None}:
            return old
    if not any(old["rule"] == found["rule"] and old["result"] == found["result"] for old in before):
        new.append(found)
    return found


def _order(found: Entry) -> tuple[str, ...]:
    of = found["resources"][0]
    return found["policy"], found["rule"], of.get("kind", ""), of.get("name", "")
