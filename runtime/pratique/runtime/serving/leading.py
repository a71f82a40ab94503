"""What one replica does for all: it keeps webhooks registered, writes the status of policies, and scans."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pratique.compiler import ir
from pratique.grammar.errors import TransportError
from pratique.runtime.admission.judging import Judge
from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.types import CLUSTER_ROLES, ResourceType
from pratique.runtime.serving.catalogue import Catalogue
from pratique.runtime.serving.live_policies import LivePolicies
from pratique.runtime.serving.options import ClusterOptions
from pratique.runtime.serving.policy_review import PATH
from pratique.runtime.serving.policy_status import PolicyStatus
from pratique.runtime.serving.registration import Registrar
from pratique.runtime.serving.scan import Scan
from pratique.runtime.serving.tls import ServerCertificate
from pratique.runtime.serving.webhook_rules import unserved
from pratique.runtime.serving.webhooks import Registration, configurations

RETRY_SECONDS: Final = 2.0

_LOG: Final = logging.getLogger(__name__)


class Leader:
    """The work of the replica that leads; `run` may be called again after it was cancelled."""

    def __init__(
        self,
        options: ClusterOptions,
        cluster: Cluster,
        namespace: str,
        catalogue: Catalogue,
        judge: Judge,
        shown: ServerCertificate,
        policies: LivePolicies | None,
        make_scan: Callable[[], Scan | None] = lambda: None,
    ) -> None:
        self._options = options
        self._cluster = cluster
        self._namespace = namespace
        self._catalogue = catalogue
        self._judge = judge
        self._shown = shown
        self._policies = policies
        self._registrar: Registrar | None = None
        self._status: PolicyStatus | None = None
        self._make_scan = make_scan
        self._scan: Scan | None = None

    @property
    def scan_waiting(self) -> int:
        """Return how many resources are still to be judged in the background."""
        return self._scan.scanner.waiting if self._scan else 0

    @property
    def scan_resources(self) -> int:
        """Return how many resources are judged in the background."""
        return len(self._scan.inventory) if self._scan else 0

    @property
    def scan_judged(self) -> int:
        """Return how many resources were judged in the background since this replica leads."""
        return self._scan.scanner.judged if self._scan else 0

    @property
    def reports_written(self) -> int:
        """Return how many reports were written since this replica leads."""
        return self._scan.writer.writes if self._scan else 0

    @property
    def scan_results(self) -> Mapping[tuple[str, str, str], int]:
        """Return how many resources have which result: policy, rule and result -> number."""
        return self._scan.findings.tally if self._scan else {}

    @property
    def reports_waiting(self) -> int:
        """Return how many reports are still to be written."""
        return self._scan.writer.waiting if self._scan else 0

    async def changed(self) -> None:
        """Take note that other webhooks or another status are wanted."""
        if self._registrar:
            await self._registrar.changed()
        if self._status:
            await self._status.changed()
        if self._scan:
            await self._scan.changed()

    async def run(self) -> None:
        """Work until cancelled."""
        owner = await self._patiently_begin()
        await self._catalogue.synced.wait()
        if self._policies:
            # Without policies no webhook is wanted: not before it is known that there are none.
            await self._policies.synced.wait()
        if self._options.endpoint:
            self._registrar = Registrar(self._cluster, self._options.name, lambda: self._wanted(owner))
        self._scan = self._make_scan()
        if self._policies and not self._options.beside_kyverno:
            states = self._policies
            self._status = PolicyStatus(self._cluster, lambda: states.states, self._remarks)
        try:
            async with asyncio.TaskGroup() as group:
                if self._registrar:
                    group.create_task(self._registrar.run())
                if self._scan:
                    group.create_task(self._scan.run())
                if self._status:
                    group.create_task(self._status.run())
        finally:
            self._registrar = self._status = self._scan = None

    def _wanted(self, owner: Object | None) -> Mapping[ResourceType, Object]:
        policies = self._judge.engine.plan.policies.policies
        self._catalogue.miss(any(map(self._unserved, policies)))
        endpoint = self._options.endpoint
        assert endpoint is not None  # noqa: S101 (nobody leads without one)
        registration = Registration(
            name=self._options.name,
            endpoint=endpoint,
            excluded=self._options.excluded,
            namespace=self._namespace,
            account=self._options.account,
            owner=owner,
        )
        return configurations(
            policies,
            self._catalogue.discovery,
            registration,
            self._shown.authorities,
            review_policies=PATH if self._policies and not self._options.beside_kyverno else "",
        )

    def _unserved(self, policy: ir.Policy) -> tuple[str, ...]:
        return unserved(policy, self._catalogue.discovery)

    def _remarks(self, policy: ir.Policy) -> Iterator[str]:
        """Yield what keeps a policy that is in force from being about all that it names."""
        if missing := self._unserved(policy):
            yield f"the cluster does not serve {', '.join(missing)}"
        if self._scan and (unread := self._scan.unread(policy)):
            yield f"reports say nothing of {', '.join(unread)}, which the server may not list and watch"

    async def _patiently_begin(self) -> Object | None:
        while True:
            try:
                return await self._owner()
            except TransportError as error:
                _LOG.warning("webhooks cannot be registered yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _owner(self) -> Object | None:
        """Return the reference to the ClusterRole that the webhook configurations go with."""
        name = self._options.owner
        if not name:
            return None
        role = await self._cluster.get(CLUSTER_ROLES, name)
        return {
            "apiVersion": CLUSTER_ROLES.api_version,
            "kind": CLUSTER_ROLES.kind,
            "name": name,
            "uid": role["metadata"]["uid"],
        }
