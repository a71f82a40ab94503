"""Judges one review within its time. Whatever goes wrong counts against the request, never for it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CEL_BODIES, CelImageValidation
from pratique.compiler.plan import Plan, PlannedRule
from pratique.compiler.purposes import Purpose, purpose
from pratique.compiler.selection import Requester
from pratique.grammar.errors import EvaluationError, TransportError, UsageError
from pratique.runtime.admission.changing import Changed, change, changes
from pratique.runtime.admission.groups import Selection, group
from pratique.runtime.admission.review import Review
from pratique.runtime.admission.updates import only_removes_finalizers, unchanged
from pratique.runtime.admission.verdict import Outcome, Verdict, decide, outcomes, refused_change
from pratique.runtime.applicable import Applicable, applicable
from pratique.runtime.decision import Status
from pratique.runtime.engine import Engine
from pratique.runtime.phases import Phase, during
from pratique.runtime.resource import Kind

MAX_IMAGES: Final = 2_000
"""Images of one object; more are refused before anything is asked (W16)."""
SECONDS_PER_IMAGE: Final = 0.002
"""What it takes at most to say of an image that nothing is known of it, once time is up."""


class Roles(Protocol):
    """Knows the roles that a cluster grants."""

    async def of(self, requester: Requester) -> Requester:
        """Return a requester with roles.

        Raises:
            TransportError: the cluster could not be asked.
        """
        ...


Parents = Callable[[str, str], Kind | None]
"""Returns the kind of the objects that a group serves under a plural name."""

_LOG: Final = logging.getLogger(__name__)


class Namespaces(Protocol):
    """Knows namespaces."""

    async def find(self, name: str) -> Mapping[str, Any]:
        """Return a namespace as it is now.

        Raises:
            TransportError: the cluster could not be asked, or has no such namespace.
        """
        ...


class Judge:
    """Answers reviews by one engine at a time; `use` changes it while requests are judged.

    INVARIANT: a request is judged by the engine that was set when it came (F26).
    """

    def __init__(
        self,
        engine: Engine,
        namespaces: Namespaces | None = None,
        parents: Parents | None = None,
        roles: Roles | None = None,
    ) -> None:
        """Take the engine, and who knows what reviews do not say.

        Args:
            engine: judges.
            namespaces: knows namespaces; None for nobody.
            parents: knows the types of subresources; None for the types that every cluster has.
            roles: knows the roles of requesters; None for nobody.
        """
        self._namespaces = namespaces
        self._parents = parents or built_in
        self._roles = roles
        self.use(engine)

    def use(self, engine: Engine) -> None:
        """Judge by `engine` from the next request on.

        Raises:
            UsageError: a rule selects by roles, and nobody knows them: a rule that is silently not matched is
                worse than none (R6).
        """
        rules = engine.plan.rules
        matching = [p for p in rules if any(map(_has_roles, p.rule.resources.match.filters))]
        if matching and self._roles is None:
            name = f"{matching[0].policy.key}.{matching[0].rule.name}"
            raise UsageError(f"{name} matches roles or clusterRoles, which only a cluster knows")
        self._groups: dict[int, str] = {}
        self._asks_roles = any(_has_roles(wanted) for p in rules for wanted in _filters(p.rule))
        self._asks_namespaces = asks_namespaces(engine.plan)
        self.engine = engine

    async def verdict(
        self, review: Review, *, mutating: bool, seconds: float, among: Selection | None = None
    ) -> Verdict:
        """Return the verdict on a review, after `seconds` at the latest.

        Args:
            review: the request.
            mutating: the answer may carry a patch.
            seconds: what is left of the API server's patience.
            among: the policies that are judged; None for all.
        """
        engine, end = self.engine, time.monotonic() + seconds
        if review.object is None and review.old_object is None:
            return Verdict(allowed=True)  # CONNECT without an object: there is nothing that runs
        if only_removes_finalizers(review):
            return Verdict(allowed=True)
        same = unchanged(review)
        # The API server takes nothing but ephemeral containers over from such a request (K7).
        left_out = same if review.subresource == "ephemeralcontainers" else frozenset()
        kind = self._parents(*review.parent) if review.subresource else None
        namespace = await self._namespace(review, seconds)
        resource = review.resource(namespace, left_out, kind, await self._requester(review))
        if len(resource.images) > MAX_IMAGES:
            text = f"{resource.id} has more than {MAX_IMAGES} images"
            return Verdict(allowed=False, message=text)

        def is_meant(planned: PlannedRule) -> bool:
            policy = planned.policy
            return policy.admission and (among is None or among.includes(policy, self._group(policy)))

        rules = [item for item in applicable(engine.plan, resource) if is_meant(item.planned)]
        if not rules:
            return Verdict(allowed=True)
        changed = Changed(resource)
        try:
            if mutating and any(changes(item.planned) for item in rules):
                left = end - time.monotonic()
                changed = await change(engine, resource, rules, is_meant, left / 2)
                if refusal := refused_change(changed.outcomes, resource):
                    return refusal
                resource = changed.resource
                rules = [item for item in applicable(engine.plan, resource) if is_meant(item.planned)]
                same = unchanged(review, resource.data)
            rules = [item for item in rules if _judges(item.planned.rule, mutating=mutating)]
            left = end - time.monotonic()
            closing = SECONDS_PER_IMAGE * sum(len(item.uses) for item in rules)
            results = await engine.judge(resource, rules, seconds=max(left - closing, left / 2))
        except EvaluationError as error:
            return decide(_all(rules, error.message), resource)
        except Exception:
            number = secrets.token_hex(4)
            _LOG.exception("defect %s while judging %s", number, review.uid)
            return decide(_all(rules, f"internal error {number}"), resource)
        named = {item.planned.number: item for item in rules}
        found = outcomes(results, named, resource, unchanged=same, mutating=mutating)
        sent = review.object if mutating else None
        return decide((*changed.outcomes, *found), resource, mutating=mutating, sent=sent)

    async def _requester(self, review: Review) -> Requester:
        """Return who sent a request, with roles where a rule asks for them.

        Raises:
            TransportError: nobody knows them now.
        """
        if self._asks_roles and self._roles is not None:
            with during(Phase.CONTEXT, "roles"):
                return await self._roles.of(review.requester)
        return review.requester

    def _group(self, policy: ir.Policy) -> str:
        """Return the name of a policy's group, found out once."""
        found = self._groups.get(id(policy))
        if found is None:
            found = self._groups[id(policy)] = group(policy).name
        return found

    async def _namespace(self, review: Review, seconds: float) -> Mapping[str, Any] | None:
        """Return the object's namespace where a rule asks for it; None for unknown (K11)."""
        if not self._asks_namespaces or self._namespaces is None or not review.namespace:
            return None
        try:
            async with asyncio.timeout(seconds / 2):
                with during(Phase.CONTEXT, "the namespace", review.namespace):
                    return await self._namespaces.find(review.namespace)
        except (TransportError, TimeoutError) as error:
            said = str(error) or "no answer in time"
            _LOG.warning("namespace %s: %s", review.namespace, said)
            return None


_BUILT_IN: Final = {
    ("", "pods"): Kind("", "v1", "Pod"),
    ("", "nodes"): Kind("", "v1", "Node"),
    ("", "services"): Kind("", "v1", "Service"),
    ("", "namespaces"): Kind("", "v1", "Namespace"),
    ("", "serviceaccounts"): Kind("", "v1", "ServiceAccount"),
    ("", "replicationcontrollers"): Kind("", "v1", "ReplicationController"),
    ("apps", "daemonsets"): Kind("apps", "v1", "DaemonSet"),
    ("apps", "deployments"): Kind("apps", "v1", "Deployment"),
    ("apps", "replicasets"): Kind("apps", "v1", "ReplicaSet"),
    ("apps", "statefulsets"): Kind("apps", "v1", "StatefulSet"),
    ("batch", "cronjobs"): Kind("batch", "v1", "CronJob"),
    ("batch", "jobs"): Kind("batch", "v1", "Job"),
}


def built_in(group: str, plural: str) -> Kind | None:
    """Return the kind of a type that every cluster has; its subresources may be objects of other kinds."""
    return _BUILT_IN.get((group, plural))


def _judges(rule: ir.Rule, *, mutating: bool) -> bool:
    """Say whether a rule has its say: about images where digests can be written, else about everything."""
    if mutating:
        return isinstance(rule.body, CelImageValidation | None)
    return purpose(rule) is Purpose.JUDGE


def _filters(rule: ir.Rule) -> Sequence[ir.ResourceFilter]:
    excluded = rule.resources.exclude
    return (*rule.resources.match.filters, *(excluded.filters if excluded else ()))


def _has_roles(wanted: ir.ResourceFilter) -> bool:
    return bool(wanted.roles or wanted.cluster_roles)


def asks_namespaces(plan: Plan) -> bool:
    """Say whether some rule asks for the namespace that an object is in."""
    return any(
        any(wanted.namespace_selector for wanted in _filters(planned.rule))
        or any(override.namespace_selector for override in planned.rule.overrides)
        or isinstance(planned.rule.body, CEL_BODIES)  # any expression may ask for `namespaceObject`
        for planned in plan.rules
    )


def _all(rules: Sequence[Applicable], message: str) -> list[Outcome]:
    return [
        Outcome(policy=i.planned.policy, rule=i.planned.rule, status=Status.ERROR, message=message)
        for i in rules
    ]
