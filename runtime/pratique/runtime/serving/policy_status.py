"""What the cluster says of its policies: conditions and counts in their status, written by one replica.

References: Kubernetes API conventions (conditions); Kyverno 1.19 `api/kyverno/v1/policy_status.go` (condition
`Ready`, counts of rules), `api/policies.kyverno.io/v1` (`conditionStatus` of policies in CEL).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pratique.compiler import bodies, ir
from pratique.grammar.errors import PratiqueError
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.types import CEL_GROUP, POLICY_TYPES
from pratique.runtime.serving.live_policies import State
from pratique.runtime.serving.policy_objects import Key, ReadPolicy
from pratique.runtime.serving.policy_review import findings, line

PAUSE: Final = 1.0
CHECK_SECONDS: Final = 60.0
MAX_MESSAGE: Final = 2_000
MAX_FINDINGS: Final = 5

Remarks = Callable[[ir.Policy], Iterable[str]]

_LOG: Final = logging.getLogger(__name__)


class PolicyStatus:
    """Writes the status of policies when it changes."""

    def __init__(self, cluster: Cluster, states: Callable[[], Mapping[Key, State]], remarks: Remarks) -> None:
        """Take what returns the states, and what there is to say of a policy that is in force."""
        self._cluster = cluster
        self._states = states
        self._remarks = remarks
        self._wake = asyncio.Event()
        self._linted: dict[Key, tuple[ReadPolicy, list[str]]] = {}

    async def changed(self) -> None:
        """Look again."""
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            self._wake.clear()
            failed = False
            states = dict(self._states())
            for key, state in states.items():
                try:
                    await self._write(key, state)
                except PratiqueError as error:
                    _LOG.warning("the status of %s could not be written: %s", state.read.source.name, error)
                    failed = True
            self._linted = {key: found for key, found in self._linted.items() if key in states}
            try:
                async with asyncio.timeout(PAUSE if failed else CHECK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _write(self, key: Key, state: State) -> None:
        before = state.item.get("status") or {}
        after = self._status(state, await self._found(key, state.read))
        if {name: before.get(name) for name in after} == after:
            return
        kind, namespace, name = key
        type = POLICY_TYPES[kind]
        body = {"metadata": {"resourceVersion": state.item["metadata"]["resourceVersion"]}, "status": after}
        try:
            await self._cluster.merge(type, name, body, namespace, subresource="status")
        except ClusterError as error:
            if error.status not in (404, 409):
                raise  # else it changed meanwhile, and comes again

    async def _found(self, key: Key, read: ReadPolicy) -> list[str]:
        known = self._linted.get(key)
        if known is None or known[0] is not read:
            found = await asyncio.to_thread(findings, read)
            known = self._linted[key] = (read, [line(each) for each in found])
        return known[1]

    def _status(self, state: State, found: list[str]) -> Object:
        conditions = [self._ready(state)]
        if state.read.policy is not None:
            conditions.append(_clean(found))
        generation = (state.item.get("metadata") or {}).get("generation")
        status = state.item.get("status") or {}
        in_cel = POLICY_TYPES[state.item["kind"]].group == CEL_GROUP
        known = (status.get("conditionStatus") or {}) if in_cel else status
        before = {c.get("type"): c for c in known.get("conditions") or ()}
        dated = [_dated(each, before.get(each["type"]), generation) for each in conditions]
        if not in_cel:
            return {"conditions": dated, "rulecount": _counts(state.policy)}
        ready = state.read.policy is not None
        message = "" if ready else conditions[0]["message"]
        return {"conditionStatus": {"ready": ready, "conditions": dated, "message": message}}

    def _ready(self, state: State) -> Object:
        if state.read.policy is None:
            kept = "; it stays in force as it was before" if state.policy else ""
            return _condition("Ready", False, "Failed", "; ".join(state.read.lines()) + kept)
        text = "; ".join(["Ready", *self._remarks(state.read.policy)])
        return _condition("Ready", True, "Succeeded", text)


def _clean(found: list[str]) -> Object:
    if not found:
        return _condition("Clean", True, "NothingFound", "lint finds nothing")
    more = f"; and {len(found) - MAX_FINDINGS} more" if len(found) > MAX_FINDINGS else ""
    return _condition("Clean", False, "Findings", "; ".join(found[:MAX_FINDINGS]) + more)


def _condition(type: str, status: bool, reason: str, message: str) -> Object:
    text = message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 3] + "..."
    return {"type": type, "status": str(status), "reason": reason, "message": text}


def _dated(condition: Object, before: Object | None, generation: object) -> Object:
    """Return a condition with the time since when it has its status."""
    same = before is not None and before.get("status") == condition["status"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    since = before.get("lastTransitionTime") if before is not None and same else now
    found = condition | {"lastTransitionTime": since}
    return found | ({"observedGeneration": generation} if isinstance(generation, int) else {})


def _counts(policy: ir.Policy | None) -> dict[str, int]:
    kinds: Counter[str] = Counter(_kind(rule) for rule in policy.rules) if policy else Counter()
    return {name: kinds[name] for name in ("validate", "mutate", "generate", "verifyimages")}


def _kind(rule: ir.Rule) -> str:
    body: Any = rule.body
    match body:
        case bodies.Validation():
            return "validate"
        case bodies.Mutation():
            return "mutate"
        case bodies.Generation():
            return "generate"
        case _:
            return "verifyimages"
