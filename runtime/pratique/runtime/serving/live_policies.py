"""Policies out of a cluster: watched, compiled beside the requests, put in force all at once.

A policy that cannot be enforced any more stays in force as it last could: whoever broke it meant to keep it.
One that never could is left out, which its status says.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import (
    CEL_EXCEPTIONS,
    CEL_OTHER_VERSIONS,
    CEL_POLICIES,
    CLUSTER_POLICIES,
    EXCEPTIONS,
    POLICIES,
)
from pratique.runtime.serving.live_exceptions import ANYWHERE, ExceptionReader, Exemption
from pratique.runtime.serving.policy_objects import Key, ReadPolicy, key_of, read_policy

GATHER: Final = 0.1
"""Seconds in which changes are taken together: `kubectl apply -f` of a folder is one change."""

EXCEPTIONS_SECONDS: Final = 5.0
"""For which the first policies wait for exceptions."""

_EXCEPTIONS: Final = ((EXCEPTIONS, ("v2beta1",)), (CEL_EXCEPTIONS, CEL_OTHER_VERSIONS))
"""The types of exceptions, and other versions of them that will do."""

Use = Callable[[Plan, Sequence[Exemption]], Awaitable[None]]

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """A policy of the cluster.

    Attributes:
        item: the object as it is now.
        read: what it holds.
        policy: what is in force: the policy as it is, or as it last could be enforced; None for nothing.
    """

    item: Object
    read: ReadPolicy
    policy: ir.Policy | None


class LivePolicies:
    """The policies of a cluster, and what is in force of them."""

    def __init__(self, cluster: Cluster, exceptions: str = "") -> None:
        """Take the cluster, and the namespace in which policy exceptions count.

        Args:
            cluster: the API server.
            exceptions: a namespace, `live_exceptions.ANYWHERE`, or empty where none count.
        """
        self.states: dict[Key, State] = {}
        self.synced = asyncio.Event()
        """Set once all policies that there are have been put in force."""
        self.lag = 0.0
        """Seconds that the last change took from its arrival until it was in force."""
        self._mirrors = [Mirror(cluster, type, self._touched) for type in (CLUSTER_POLICIES, POLICIES)]
        # There need not be definitions of all that Kyverno has.
        self._mirrors += [
            Mirror(cluster, type, self._touched, may_be_absent=True, others=CEL_OTHER_VERSIONS)
            for type in CEL_POLICIES
        ]
        namespace = "" if exceptions == ANYWHERE else exceptions
        self._exceptions = [
            Mirror(cluster, type, self._touched, namespace, may_be_absent=True, others=others)
            for type, others in (_EXCEPTIONS if exceptions else ())
        ]
        self._reader = ExceptionReader()
        self._wake = asyncio.Event()
        self._touched_at = 0.0

    @property
    def age(self) -> float:
        """Return the seconds since the cluster was last heard of policies."""
        return max(mirror.age for mirror in self._mirrors)

    @property
    def faults(self) -> int:
        """Return how often the cluster could not be asked for policies, or ended a watch with an error."""
        return sum(mirror.faults for mirror in self._mirrors)

    @property
    def refused(self) -> int:
        """Return how many policies cannot be enforced as they are."""
        return sum(1 for state in self.states.values() if state.read.policy is None)

    async def run(self, use: Use) -> None:
        """Keep up to date until cancelled.

        Args:
            use: puts a plan in force, with what is exempted from it.
        """
        async with asyncio.TaskGroup() as group:
            for mirror in (*self._mirrors, *self._exceptions):
                group.create_task(mirror.run())
            group.create_task(self._follow(use))

    async def _touched(self) -> None:
        if not self._wake.is_set():
            self._touched_at = time.monotonic()
            self._wake.set()

    async def _follow(self, use: Use) -> None:
        for mirror in self._mirrors:
            await mirror.synced.wait()
        # Without exceptions more is refused.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXCEPTIONS_SECONDS):
                for mirror in self._exceptions:
                    await mirror.synced.wait()
        while True:
            await asyncio.sleep(GATHER)
            self._wake.clear()
            began = self._touched_at
            items = [item for mirror in self._mirrors for item in mirror.objects.values()]
            # In a thread: requests are answered meanwhile.
            states, plan = await asyncio.to_thread(_compile, items, self.states)
            exceptions = [item for mirror in self._exceptions for item in mirror.objects.values()]
            exemptions = await asyncio.to_thread(self._reader.read, exceptions)
            self._tell(states)
            self.states = states
            await use(plan, exemptions)
            self.lag = time.monotonic() - began
            self.synced.set()
            await self._wake.wait()

    def _tell(self, states: dict[Key, State]) -> None:
        for key, state in states.items():
            before = self.states.get(key)
            if state.read.policy is None and (before is None or before.read is not state.read):
                name, mistakes = state.read.source.name, "; ".join(state.read.lines())
                kept = "stays as it was" if state.policy else "is not in force"
                _LOG.warning("%s cannot be enforced and %s: %s", name, kept, mistakes)


def _compile(items: Iterable[Object], known: dict[Key, State]) -> tuple[dict[Key, State], Plan]:
    """Return the states of all policies, and their plan; only what changed is read again."""
    states = {}
    for item in items:
        key = key_of(item)
        before = known.get(key)
        if before is not None and (before.item is item or _same(before.item, item)):
            states[key] = State(item, before.read, before.policy)
            continue
        read = read_policy(item)
        same_object = before is not None and _uid(before.item) == _uid(item)
        last = before.policy if before is not None and same_object else None
        states[key] = State(item, read, read.policy or last)
    # The order is that of names, so that every replica has the same.
    ordered = [states[key].policy for key in sorted(states, key=lambda key: (*key[1:], key[0]))]
    return states, Plan(ir.PolicySet(policies=tuple(policy for policy in ordered if policy is not None)))


def _same(before: Object, item: Object) -> bool:
    """Say whether two versions of an object hold the same policy: a status that changes is no change."""
    return (
        before.get("spec") == item.get("spec")
        and _notes(before) == _notes(item)
        and _uid(before) == _uid(item)
    )


def _notes(item: Object) -> object:
    metadata = item.get("metadata") or {}
    return metadata.get("annotations"), metadata.get("labels")


def _uid(item: Object) -> object:
    return (item.get("metadata") or {}).get("uid")
