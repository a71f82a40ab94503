"""This server's place in a cluster: what it reads there, what it keeps there, and which replica does that."""

from __future__ import annotations

import asyncio
import os
import socket
from functools import partial
from secrets import token_hex

from pratique.compiler.lint.base import Severity
from pratique.runtime.admission.judging import Judge, built_in
from pratique.runtime.admission.server import Webhook
from pratique.runtime.engine import Engine
from pratique.runtime.kubernetes.client import Cluster
from pratique.runtime.kubernetes.events import EventRecorder
from pratique.runtime.kubernetes.lease import Leadership
from pratique.runtime.kubernetes.services import Services
from pratique.runtime.kubernetes.settings import find_cluster
from pratique.runtime.kubernetes.types import LEASES, SECRETS
from pratique.runtime.metrics import Metrics
from pratique.runtime.resource import Kind
from pratique.runtime.secrets import Secrets, SecretSource
from pratique.runtime.serving.admission_events import tell
from pratique.runtime.serving.catalogue import Catalogue
from pratique.runtime.serving.certificate_secret import CertificateSecret
from pratique.runtime.serving.cluster_context import ClusterContext
from pratique.runtime.serving.cluster_secrets import ClusterSecrets
from pratique.runtime.serving.engines import Engines
from pratique.runtime.serving.leading import Leader
from pratique.runtime.serving.live_policies import LivePolicies
from pratique.runtime.serving.measures_cluster import (
    Watched,
    measure_events,
    measure_leader,
    measure_policies,
    measure_watches,
)
from pratique.runtime.serving.namespaces import ClusterNamespaces
from pratique.runtime.serving.options import ClusterOptions
from pratique.runtime.serving.policy_review import PATH, PolicyReviewer
from pratique.runtime.serving.registration import remove
from pratique.runtime.serving.roles import ClusterRoles
from pratique.runtime.serving.scan import Scan
from pratique.runtime.serving.tls import ServerCertificate


class Installation:
    """One server in one cluster; to be used with `async with`."""

    def __init__(self, options: ClusterOptions, cluster: Cluster, *, live: bool = False) -> None:
        """Take the cluster; with `live`, policies are read there."""
        self.cluster = cluster
        self._options = options
        endpoint = options.endpoint
        self._namespace = (
            options.namespace or (endpoint.namespace if endpoint else "") or cluster.settings.namespace
        )
        self._namespaces = ClusterNamespaces(cluster)
        self._roles = ClusterRoles(cluster)
        self._catalogue = Catalogue(cluster)
        self._services = Services(options.services)
        self.context = ClusterContext(cluster, self._catalogue, self._services)
        self._policies = LivePolicies(cluster, options.exceptions) if live else None
        identity = _identity()
        self._lease = Leadership(cluster, self._namespace, options.name, identity)
        self._events = EventRecorder(cluster, identity)
        self._leader: Leader | None = None

    @classmethod
    def of(cls, options: ClusterOptions, *, live: bool = False) -> Installation:
        """Return the place in the cluster that the options name.

        Raises:
            UsageError: there is no such cluster.
        """
        return cls(options, Cluster(find_cluster(options.kubeconfig, options.context)), live=live)

    async def __aenter__(self) -> Installation:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._services.aclose()
        await self.cluster.aclose()

    @property
    def own_namespace(self) -> str:
        """Return the namespace of Secrets that policies name without one; empty for Kyverno's."""
        return "" if self._options.beside_kyverno else self._namespace

    def secrets(self, given: Secrets) -> SecretSource:
        """Return where Secrets are: given ones, then those of the cluster."""
        return ClusterSecrets(self.cluster, given)

    def judge(self, engine: Engine) -> Judge:
        """Return what judges requests with all that the cluster knows."""
        return Judge(engine, self._namespaces, self._parent, self._roles)

    def certificates(self, shown: ServerCertificate) -> CertificateSecret:
        """Return what keeps the certificates of this installation, under the names of its endpoint."""
        endpoint = self._options.endpoint
        assert endpoint is not None  # noqa: S101 (asked for by the caller)
        name = f"{self._options.name}-certificates"
        return CertificateSecret(self.cluster, shown, self._namespace, name, endpoint.names())

    def prepare(self, webhook: Webhook) -> None:
        """Add to a server what it answers about policies themselves; to be called before it listens."""
        if self._policies:
            webhook.faults["policies"] = "not read yet"
            refused = Severity(self._options.refused) if self._options.refused else None
            webhook.review_at(PATH, PolicyReviewer(refused, self._options.exceptions).verdict)
            webhook.told = partial(tell, self._events)

    async def changed(self) -> None:
        """Take note that other webhooks or another status are wanted."""
        if self._leader:
            await self._leader.changed()

    async def run(self, webhook: Webhook, made: Engines, shown: ServerCertificate, metrics: Metrics) -> None:
        """Do what there is to do in the cluster, until cancelled."""
        self._leader = self.leader(webhook, made, shown)
        self.measure(metrics, self._leader)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._namespaces.mirror.run())
            group.create_task(self._roles.run())
            group.create_task(self._catalogue.run(self.changed))
            if self._policies:
                group.create_task(
                    self._policies.run(lambda *found: self._use(webhook, made.admission(*found)))
                )
            group.create_task(self._events.run())
            if self._options.endpoint or self._options.scan:
                group.create_task(self._lease.run(self._leader.run))

    def leader(self, webhook: Webhook, made: Engines, shown: ServerCertificate) -> Leader:
        """Return the work of the replica that leads."""
        return Leader(
            self._options,
            self.cluster,
            self._namespace,
            self._catalogue,
            webhook.judge,
            shown,
            self._policies,
            lambda: self._scan(webhook, made),
        )

    async def remove(self) -> None:
        """Delete webhook configurations, certificates and the Lease.

        Raises:
            ClusterError: the cluster could not be asked, or refused.
        """
        name = self._options.name
        await remove(self.cluster, name)
        await self.cluster.delete(SECRETS, f"{name}-certificates", self._namespace)
        await self.cluster.delete(LEASES, name, self._namespace)

    def _scan(self, webhook: Webhook, made: Engines) -> Scan | None:
        """Return a new background scan; None where none is wanted."""
        if self._options.scan is None:
            return None
        policies = self._policies
        return Scan(
            self.cluster,
            self._options.scan,
            self._catalogue,
            self._namespaces,
            self._events,
            make_engine=lambda plan: made.scan(plan, webhook.judge.engine.exempted),
            plan=lambda: webhook.judge.engine.plan,
            busy=lambda: webhook.waiting > 0,
            states=(lambda: policies.states) if policies else dict,
            beside_kyverno=self._options.beside_kyverno,
        )

    async def _use(self, webhook: Webhook, engine: Engine) -> None:
        """Put an engine in force, from one request to the next (F26)."""
        webhook.judge.use(engine)
        webhook.faults.pop("policies", None)
        await self.changed()

    def _parent(self, group: str, plural: str) -> Kind | None:
        """Return the kind of a type, of which a request names a subresource."""
        for each in self._catalogue.discovery.served:
            if (each.type.group, each.type.plural) == (group, plural) and each.preferred:
                return Kind(group, each.type.version, each.type.kind)
        return built_in(group, plural)

    def measure(self, metrics: Metrics, leader: Leader) -> None:
        """Tell of the work in the cluster."""
        measure_leader(metrics, self._lease, leader)
        measure_events(metrics, self._events)
        watched: dict[str, Watched] = {"namespaces": self._namespaces.mirror}
        if self._policies:
            watched["policies"] = self._policies
            measure_policies(metrics, self._policies)
        measure_watches(metrics, watched)


def _identity() -> str:
    """Return a name that no other replica has."""
    return f"{os.environ.get('POD_NAME') or socket.gethostname()}_{token_hex(4)}"
