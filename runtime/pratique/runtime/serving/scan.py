"""The background scan of a cluster, joined from its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.runtime.decision import ResourceId
from pratique.runtime.engine import Engine
from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.events import EventRecorder
from pratique.runtime.kubernetes.types import POLICY_TYPES
from pratique.runtime.outputs.formats import Grouping
from pratique.runtime.outputs.view import resource_reference
from pratique.runtime.scanning.findings import (
    OPEN_REPORT,
    POLICY_REPORT,
    SHORT_NAMES,
    Entry,
    Findings,
    ReportForm,
    ReportKey,
)
from pratique.runtime.scanning.inventory import Inventory, ResourceKey
from pratique.runtime.scanning.scanner import Scanner
from pratique.runtime.scanning.scope import scope
from pratique.runtime.scanning.writer import ReportWriter
from pratique.runtime.serving.catalogue import Catalogue
from pratique.runtime.serving.live_policies import State
from pratique.runtime.serving.namespaces import ClusterNamespaces
from pratique.runtime.serving.options import ScanOptions
from pratique.runtime.serving.policy_objects import Key

CHECK_SECONDS: Final = 1.0
KYVERNO_PREFIX: Final = "pratique-"
"""Of names of reports, where Kyverno's are named after uids, too."""

States = Callable[[], Mapping[Key, State]]


class Scan:
    """Everything that the scan of a cluster needs; `run` may be called once."""

    def __init__(
        self,
        cluster: Cluster,
        options: ScanOptions,
        catalogue: Catalogue,
        namespaces: ClusterNamespaces,
        events: EventRecorder,
        *,
        make_engine: Callable[[Plan], Engine],
        plan: Callable[[], Plan],
        busy: Callable[[], bool],
        states: States = dict,
        beside_kyverno: bool = False,
    ) -> None:
        """Take the parts.

        Args:
            cluster: the API server.
            options: of the scan.
            catalogue: knows the types of the cluster.
            namespaces: knows their labels.
            events: writes events.
            make_engine: makes an engine from a plan.
            plan: returns the plan that is in force.
            busy: says whether requests are under way.
            states: returns the policies of the cluster; none where they come from files.
            beside_kyverno: Kyverno's reports are in the same cluster.
        """
        namespaced, whole = OPEN_REPORT if options.open_reports else POLICY_REPORT
        self.form = ReportForm(
            namespaced=namespaced,
            cluster=whole,
            grouping=options.grouping,
            prefix=KYVERNO_PREFIX if beside_kyverno else "",
        )
        self._catalogue = catalogue
        self._namespaces = namespaces
        self._events = events
        self._make_engine = make_engine
        self._plan = plan
        self._states = states
        self._followed: Plan | None = None
        self._wake = asyncio.Event()
        self.writer = ReportWriter(cluster, self.form, self._owner, self._complete)
        self.findings = Findings(self.form, self.writer.touch)
        self.inventory = Inventory(cluster, self._changed)
        self.scanner = Scanner(
            self.inventory,
            self.findings,
            namespaces,
            busy=busy,
            told=self._tell,
            seconds=options.seconds,
        )

    async def changed(self) -> None:
        """Take note that policies or types of the cluster changed."""
        self._wake.set()

    def unread(self, policy: ir.Policy) -> tuple[str, ...]:
        """Return the kinds that a policy is about and that may not be read."""
        wanted = {target.type for target in scope([policy], self._catalogue.discovery)}
        return tuple(sorted(type.kind for type in wanted & self.inventory.forbidden))

    async def run(self) -> None:
        """Scan until cancelled."""
        self._wake.set()
        self._namespaces.relabelled = self._relabelled
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow())
                group.create_task(self.scanner.run())
                group.create_task(self.writer.run(self.findings))
                group.create_task(self._finish())
        finally:
            self._namespaces.relabelled = None
            await self.inventory.aclose()

    async def _follow(self) -> None:
        await self._catalogue.synced.wait()
        while True:
            await self._wake.wait()
            self._wake.clear()
            plan = self._plan()
            targets = scope(plan.policies.policies, self._catalogue.discovery)
            if plan is not self._followed:
                self.scanner.use(self._make_engine(plan), self.inventory.keys())
            await self.inventory.follow(targets)
            self._followed = plan

    async def _finish(self) -> None:
        """Have reports of what is no more removed, whenever everything has been looked at."""
        done = False
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            before, done = done, self._complete()
            if done and not before:
                self.writer.look()

    def _complete(self) -> bool:
        current = self._followed is self._plan() and not self._wake.is_set()
        return current and self.inventory.synced and not self.scanner.waiting

    def _changed(self, key: ResourceKey, there: bool) -> None:
        self.scanner.changed(key, there)

    def _relabelled(self, namespace: str) -> None:
        self.scanner.mark_namespace(namespace, self.inventory.keys())

    def _tell(self, resource: ResourceId, entry: Entry) -> None:
        if entry["result"] not in ("fail", "error"):
            return
        self._events.add(
            resource_reference(resource),
            reason="PolicyViolation" if entry["result"] == "fail" else "PolicyError",
            action="Resource Passed",
            note=f"policy {entry['policy']}/{entry['rule']} {entry['result']}: {entry['message']}",
            controller="pratique-scan",
        )

    def _owner(self, key: ReportKey) -> Object | None:
        """Return the reference to the policy that a report is of."""
        if self.form.grouping is not Grouping.POLICY:
            return None
        short, _, name = key.name.partition("-")
        kind = next(kind for kind, each in SHORT_NAMES.items() if each == short)
        type = POLICY_TYPES.get(kind)
        namespace = key.namespace if type and type.namespaced else ""
        state = self._states().get((kind, namespace, name))
        if state is None:
            return None
        item = state.item
        return {
            "apiVersion": item["apiVersion"],
            "kind": item["kind"],
            "name": name,
            "uid": item["metadata"]["uid"],
        }
