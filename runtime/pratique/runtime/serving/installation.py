"""This server's place in a cluster: what it reads there, what it keeps there, and which replica does that."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Mapping
from typing import Final

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.admission.judging import Judge
from pratique.runtime.kubernetes.client import Cluster, Object
from pratique.runtime.kubernetes.lease import Leadership
from pratique.runtime.kubernetes.settings import find_cluster
from pratique.runtime.kubernetes.types import CLUSTER_ROLES, LEASES, SECRETS, ResourceType
from pratique.runtime.metrics import Metrics
from pratique.runtime.serving.catalogue import Catalogue
from pratique.runtime.serving.certificate_secret import CertificateSecret
from pratique.runtime.serving.namespaces import ClusterNamespaces
from pratique.runtime.serving.options import ClusterOptions
from pratique.runtime.serving.registration import Registrar, remove
from pratique.runtime.serving.tls import ServerCertificate
from pratique.runtime.serving.webhooks import Registration, configurations, unserved

RETRY_SECONDS: Final = 2.0

_LOG: Final = logging.getLogger(__name__)


class Installation:
    """One server in one cluster; to be used with `async with`."""

    def __init__(self, options: ClusterOptions, cluster: Cluster) -> None:
        self.cluster = cluster
        self.namespaces = ClusterNamespaces(cluster)
        self.catalogue = Catalogue(cluster)
        self._options = options
        endpoint = options.endpoint
        self._namespace = (
            options.namespace or (endpoint.namespace if endpoint else "") or cluster.settings.namespace
        )
        self._registrar: Registrar | None = None
        self._lease = Leadership(cluster, self._namespace, options.name, _identity())

    @classmethod
    def of(cls, options: ClusterOptions) -> Installation:
        """Return the place in the cluster that the options name.

        Raises:
            UsageError: there is no such cluster.
        """
        return cls(options, Cluster(find_cluster(options.kubeconfig, options.context)))

    async def __aenter__(self) -> Installation:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cluster.aclose()

    def certificates(self, shown: ServerCertificate) -> CertificateSecret:
        """Return what keeps the certificates of this installation.

        Raises:
            UsageError: nobody knows what the API server calls the server.
        """
        endpoint = self._options.endpoint
        if endpoint is None:
            raise UsageError(
                "a certificate of the server's own needs its name: give --service NAMESPACE/NAME or"
                " --url URL, or else --tls-certificate and --tls-key"
            )
        name = f"{self._options.name}-certificates"
        return CertificateSecret(self.cluster, shown, self._namespace, name, endpoint.names())

    async def changed(self) -> None:
        """Take note that other webhooks are wanted."""
        if self._registrar:
            await self._registrar.changed()

    async def run(self, judge: Judge, shown: ServerCertificate, metrics: Metrics) -> None:
        """Do what there is to do in the cluster, until cancelled."""
        metrics.gauge(
            "pratique_leader", "This replica keeps the webhooks.", lambda: float(self._lease.leading)
        )
        metrics.gauge(
            "pratique_namespaces_age_seconds",
            "Time since the cluster was heard of namespaces.",
            lambda: self.namespaces.mirror.age,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self.namespaces.mirror.run())
            if self._options.endpoint:
                group.create_task(self._lease.run(lambda: self._lead(judge, shown)))

    async def remove(self) -> None:
        """Delete webhook configurations, certificates and the Lease.

        Raises:
            ClusterError: the cluster could not be asked, or refused.
        """
        name = self._options.name
        await remove(self.cluster, name)
        await self.cluster.delete(SECRETS, f"{name}-certificates", self._namespace)
        await self.cluster.delete(LEASES, name, self._namespace)

    async def _lead(self, judge: Judge, shown: ServerCertificate) -> None:
        """Keep the webhooks registered."""
        owner = await self._patiently_begin()

        def wanted() -> Mapping[ResourceType, Object]:
            policies = judge.engine.plan.policies.policies
            discovery = self.catalogue.discovery
            self.catalogue.missing = any(unserved(policy, discovery) for policy in policies)
            return configurations(policies, discovery, self._registration(owner), shown.authorities)

        self._registrar = Registrar(self.cluster, self._options.name, wanted)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._registrar.run())
                group.create_task(self.catalogue.run(self.changed))
        finally:
            self._registrar = None

    async def _patiently_begin(self) -> Object | None:
        while True:
            try:
                await self.catalogue.begin()
                return await self._owner()
            except TransportError as error:
                _LOG.warning("webhooks cannot be registered yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    def _registration(self, owner: Object | None) -> Registration:
        endpoint = self._options.endpoint
        assert endpoint is not None  # noqa: S101 (nobody leads without one)
        return Registration(
            name=self._options.name,
            endpoint=endpoint,
            excluded=self._options.excluded,
            namespace=self._namespace,
            account=self._options.account,
            owner=owner,
        )

    async def _owner(self) -> Object | None:
        """Return the reference to the ClusterRole that the webhook configurations go with."""
        name = self._options.owner
        if not name:
            return None
        role = await self.cluster.get(CLUSTER_ROLES, name)
        return {
            "apiVersion": CLUSTER_ROLES.api_version,
            "kind": CLUSTER_ROLES.kind,
            "name": name,
            "uid": role["metadata"]["uid"],
        }


def _identity() -> str:
    """Return a name that no other replica has."""
    return f"{os.environ.get('POD_NAME') or socket.gethostname()}_{secrets.token_hex(4)}"
