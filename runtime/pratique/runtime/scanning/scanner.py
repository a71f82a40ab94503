"""Judges resources in the background: when they or policies change, and all of them from time to time.

Requests go first: the scan waits while any is under way, and does one piece at a time.

References: Kyverno 1.19 `pkg/controllers/report/background` (a resource is presented as if it were created).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.grammar.errors import EvaluationError, TransportError
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import ResourceId, Status
from pratique.runtime.engine import Engine
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.resource import Resource, labels_of
from pratique.runtime.scanning.background import is_scanned, reported
from pratique.runtime.scanning.findings import Entry, Findings, PolicyId
from pratique.runtime.scanning.inventory import ResourceKey

SECONDS: Final = 3600.0
"""Between two looks at the same resource: tags move, and signatures come and go."""
RETRY_SECONDS: Final = 60.0
"""After a first fault; each further one doubles it."""
WORKERS: Final = 8
PATIENCE: Final = 60.0
"""Seconds for one resource."""
YIELD_SECONDS: Final = 0.002
MAX_YIELDS: Final = 50

_LOG: Final = logging.getLogger(__name__)


class Namespaces(Protocol):
    """Knows namespaces."""

    async def find(self, name: str) -> Mapping[str, Any]:
        """Return a namespace.

        Raises:
            TransportError: nobody knows them now.
        """
        ...


class Stock(Protocol):
    """Has the objects that are scanned."""

    def get(self, key: ResourceKey) -> Object | None:
        """Return an object; None if there is none."""
        ...


Told = Callable[[ResourceId, Entry], None]


class Scanner:
    """Judges resources, and hands over what it found.

    Args:
        stock: the objects.
        findings: takes the results.
        namespaces: None where nobody knows labels.
        busy: says whether requests are under way.
        told: called with each result that was not so before.
        seconds: between two looks at the same resource.
        workers: resources that are judged at a time.
    """

    def __init__(
        self,
        stock: Stock,
        findings: Findings,
        namespaces: Namespaces | None = None,
        *,
        busy: Callable[[], bool] = lambda: False,
        told: Told | None = None,
        seconds: float = SECONDS,
        workers: int = WORKERS,
    ) -> None:
        self.judged = 0
        """Resources that were judged so far, each time counted."""
        self._stock = stock
        self._findings = findings
        self._namespaces = namespaces
        self._is_busy = busy
        self._told = told
        self._seconds = seconds
        self._workers = workers
        self._engine: Engine | None = None
        self._policies: dict[PolicyId, tuple[ir.Policy, tuple[ir.Exemption | CelExemption, ...]]] = {}
        self._queue: dict[ResourceKey, set[PolicyId] | None] = {}
        self._under_way: set[ResourceKey] = set()
        self._due: dict[ResourceKey, float] = {}
        self._faults: dict[ResourceKey, int] = {}
        self._wake = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Return how many resources are still to be judged."""
        return len(self._queue) + len(self._under_way)

    def use(self, engine: Engine, keys: Iterable[ResourceKey]) -> None:
        """Judge by `engine` from now on: all resources again by the policies that are new or changed.

        A policy changes with what is exempted from it.
        """
        policies = {_id(p): (p, _exempted(engine, p)) for p in engine.plan.policies.policies if p.background}
        for name in self._policies.keys() - policies.keys():
            self._findings.drop_policy(name)
        changed = {name for name, policy in policies.items() if self._policies.get(name) != policy}
        self._engine, self._policies = engine, policies
        if changed:
            for key in keys:
                self.mark(key, changed)

    def changed(self, key: ResourceKey, there: bool) -> None:
        """Take note that a resource changed, or is no more."""
        if there:
            self.mark(key)
            return
        self._queue.pop(key, None)
        self._due.pop(key, None)
        self._faults.pop(key, None)
        self._findings.drop(key)

    def mark(self, key: ResourceKey, policies: set[PolicyId] | None = None) -> None:
        """Judge a resource when its turn comes, by some policies or (None) by all."""
        if key in self._queue:
            known = self._queue[key]
            self._queue[key] = None if known is None or policies is None else known | policies
        else:
            self._queue[key] = policies
        self._wake.set()

    def mark_namespace(self, namespace: str, keys: Iterable[ResourceKey]) -> None:
        """Judge the resources of a namespace again: its labels changed."""
        for key in keys:
            if key.namespace == namespace:
                self.mark(key)

    async def run(self) -> None:
        """Judge until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())
            group.create_task(self._come_round())

    async def _work(self) -> None:
        while True:
            taken = self._take()
            if taken is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            key, policies = taken
            for _ in range(MAX_YIELDS):
                await asyncio.sleep(YIELD_SECONDS if self._is_busy() else 0)
                if not self._is_busy():
                    break
            try:
                await self._scan(key, policies)
            except (EvaluationError, TransportError) as error:
                _LOG.warning("%s/%s could not be scanned: %s", key.namespace, key.name, error)
                self._again(key)
            except Exception:
                _LOG.exception("defect while scanning %s %s/%s", key.type.kind, key.namespace, key.name)
                self._again(key)
            finally:
                self._under_way.discard(key)
                self._wake.set()  # it may have been marked meanwhile

    def _take(self) -> tuple[ResourceKey, set[PolicyId] | None] | None:
        for key in self._queue:
            if key not in self._under_way:
                self._under_way.add(key)
                return key, self._queue.pop(key)
        return None

    async def _scan(self, key: ResourceKey, policies: set[PolicyId] | None) -> None:
        engine, item = self._engine, self._stock.get(key)
        if engine is None or item is None:
            return
        namespace = await self._namespace(key)
        labels = None if namespace is None else labels_of(namespace)
        resource = Resource(item, namespace_labels=labels, namespace_object=namespace)
        rules = [
            each
            for each in applicable(engine.plan, resource)
            if is_scanned(each.planned.policy, each.planned.rule)
            and (policies is None or _id(each.planned.policy) in policies)
        ]
        results = await engine.judge(resource, rules, seconds=PATIENCE)
        if self._engine is not engine:
            self.mark(key, policies)  # judged by policies that are no longer in force
            return
        if self._stock.get(key) is None:
            return
        kept = reported(rules, results)
        self.judged += 1
        new = self._findings.take(key, resource.id, policies, kept, int(time.time()))
        for entry in new if self._told else ():
            assert self._told is not None  # noqa: S101 (asked above)
            self._told(resource.id, entry)
        self._plan(key, faulty=any(result.status is Status.ERROR for result in kept))

    async def _namespace(self, key: ResourceKey) -> Mapping[str, Any] | None:
        if self._namespaces is None or not key.namespace:
            return None
        try:
            return await self._namespaces.find(key.namespace)
        except TransportError:
            return None  # a rule that asks for it is an error, which is tried again

    def _plan(self, key: ResourceKey, *, faulty: bool) -> None:
        """Note when a resource is to be looked at again: soon where something could not be found out."""
        if faulty:
            self._again(key)
            return
        self._faults.pop(key, None)
        self._due[key] = time.monotonic() + self._seconds * random.uniform(0.9, 1.1)  # noqa: S311 (spreads load)

    def _again(self, key: ResourceKey) -> None:
        faults = self._faults[key] = self._faults.get(key, 0) + 1
        pause = min(RETRY_SECONDS * 2 ** (faults - 1), self._seconds)
        self._due[key] = time.monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311 (as above)

    async def _come_round(self) -> None:
        """Mark what is due."""
        pause = min(RETRY_SECONDS / 6, self._seconds / 10)
        while True:
            await asyncio.sleep(pause)
            now = time.monotonic()
            for key in [key for key, due in self._due.items() if due <= now]:
                del self._due[key]
                self.mark(key)


def _id(policy: ir.Policy) -> PolicyId:
    return PolicyId(policy.key, policy.kind)


def _exempted(engine: Engine, policy: ir.Policy) -> tuple[ir.Exemption | CelExemption, ...]:
    """Return the exemptions that name a policy."""
    return tuple(
        each
        for each in engine.exempted
        if (
            (policy.kind, policy.name) in each.policies
            if isinstance(each, CelExemption)
            else any(name == policy.key for name, _ in each.rules)
        )
    )
