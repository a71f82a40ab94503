"""The server's certificates in a Secret that all replicas share.

Each replica shows what the Secret holds; whoever is first to see that something is due renews it. Writes go
by the version that was read, so that of several only one succeeds (F32).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pratique.grammar.errors import PratiqueError, UsageError
from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import SECRETS
from pratique.runtime.serving.certificates import USUAL, Durations, Material, step
from pratique.runtime.serving.tls import ServerCertificate

CHECK_SECONDS: Final = 60.0
_KEYS: Final = {
    "authorities": "ca.crt",
    "authority_key": "ca.key",
    "certificate": "tls.crt",
    "key": "tls.key",
}

_LOG: Final = logging.getLogger(__name__)


class CertificateSecret:
    """Keeps a Secret with certificates, and shows them."""

    def __init__(
        self,
        cluster: Cluster,
        shown: ServerCertificate,
        namespace: str,
        name: str,
        names: Sequence[str],
        *,
        durations: Durations = USUAL,
        check_seconds: float = CHECK_SECONDS,
    ) -> None:
        """Take where the Secret is, what shows the certificate, and what names it is for."""
        self._cluster = cluster
        self._shown = shown
        self._namespace = namespace
        self._name = name
        self._names = tuple(names)
        self._durations = durations
        self._check_seconds = check_seconds
        self._changed: Callable[[], Awaitable[None]] | None = None
        self.mirror = Mirror(cluster, SECRETS, self._look, namespace, fields=f"metadata.name={name}")

    async def begin(self) -> None:
        """Show a certificate: that of the Secret, or one that is made now.

        Raises:
            TransportError: the cluster could not be asked.
        """
        while not await self._step():
            await asyncio.sleep(random.uniform(0.05, 0.2))  # noqa: S311 (spreads replicas, no secret)

    async def run(self, changed: Callable[[], Awaitable[None]] | None = None) -> None:
        """Look after the Secret until cancelled; `changed` is called when clients are to trust others."""
        self._changed = changed
        await asyncio.gather(self.mirror.run(), self._renew())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._check_seconds * random.uniform(0.9, 1.1))  # noqa: S311 (as above)
            try:
                await self._step()
            except PratiqueError as error:
                _LOG.warning("certificates could not be looked after: %s", error)
            self._shown.check()

    async def _look(self) -> None:
        secret = self.mirror.objects.get((self._namespace, self._name))
        if secret is None:
            if self.mirror.synced.is_set():
                await self._step()  # somebody deleted it
            return
        await self._show(_material(secret))

    async def _step(self) -> bool:
        """Do what is due; say whether there is a certificate to show now."""
        try:
            secret: Object | None = await self._cluster.get(SECRETS, self._name, self._namespace)
        except ClusterError as error:
            if error.status != 404:
                raise
            secret = None
        before = _material(secret) if secret else None
        after = step(before, self._names, datetime.now(UTC), self._durations)
        if after is not before:
            try:
                await self._write(secret, after)
            except ClusterError as error:
                if error.status == 409:
                    return False  # another replica was faster: its certificate counts
                raise
            _LOG.info("certificates were renewed in Secret %s/%s", self._namespace, self._name)
        await self._show(after)
        return True

    async def _write(self, secret: Object | None, material: Material) -> None:
        fields = {key: getattr(material, field) for field, key in _KEYS.items()}
        data = {key: base64.b64encode(value).decode() for key, value in fields.items()}
        if secret is None:
            labels = {"app.kubernetes.io/managed-by": "pratique"}
            body: Object = {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "Opaque",
                "metadata": {"name": self._name, "namespace": self._namespace, "labels": labels},
                "data": data,
            }
            await self._cluster.create(SECRETS, body, self._namespace)
        else:
            await self._cluster.replace(SECRETS, self._name, {**secret, "data": data}, self._namespace)

    async def _show(self, material: Material | None) -> None:
        if material is None:
            return  # unreadable: renewed at the next look, and the one before goes on
        try:
            self._shown.show(material.certificate, material.key)
        except UsageError as error:
            _LOG.warning("Secret %s/%s: %s; the one before goes on", self._namespace, self._name, error)
            return
        if self._shown.authorities != material.authorities:
            self._shown.authorities = material.authorities
            if self._changed:
                await self._changed()


def _material(secret: Object) -> Material | None:
    """Return what a Secret holds; None where something is missing or is no base64."""
    data: Any = secret.get("data") or {}
    try:
        return Material(**{field: base64.b64decode(data[key], validate=True) for field, key in _KEYS.items()})
    except (KeyError, TypeError, binascii.Error):
        return None
