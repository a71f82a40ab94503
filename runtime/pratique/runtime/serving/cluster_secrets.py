"""Secrets out of a running cluster, as far as the server may read them: given ones first.

A Secret is believed for a while, so that a Pod with pull secrets costs no question each time, and asked for
again after it, so that a key that is exchanged or taken away is seen (F35).
"""

from __future__ import annotations

import logging
from typing import Final

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.types import SECRETS
from pratique.runtime.memory import Memory, Worth
from pratique.runtime.secrets import Secret, Secrets, secret_of

SECONDS: Final = 60.0
MAX_BYTES: Final = 16 << 20
MAX_ENTRIES: Final = 4096

_LOG: Final = logging.getLogger(__name__)


class ClusterSecrets:
    """A `SecretSource` over a cluster."""

    cure = "make it, and let the server read it"

    def __init__(self, cluster: Cluster, given: Secrets) -> None:
        """Take the cluster, and what goes before it."""
        self._cluster = cluster
        self._given = given
        self._memory = Memory(max_bytes=MAX_BYTES, max_entries=MAX_ENTRIES)

    async def get(self, namespace: str, name: str) -> Secret | None:
        """Return a Secret; None where there is none, or the server has no right to read it.

        Raises:
            TransportError: it could not be asked for, or is malformed; no text quotes a value.
        """
        if given := await self._given.get(namespace, name):
            return given
        return await self._memory.ask((namespace, name), lambda: self._read(namespace, name), _worth)

    async def _read(self, namespace: str, name: str) -> Secret | None:
        try:
            found = await self._cluster.get(SECRETS, name, namespace)
        except UsageError:
            return None  # no object has such a name
        except ClusterError as error:
            if error.status == 403:
                _LOG.warning("Secret %s/%s is not for this server to read", namespace, name)
            if error.status in (403, 404):
                return None
            raise
        try:
            return secret_of(found)
        except ValueError as error:
            raise TransportError("bad-secret", f"Secret {namespace}/{name}: {error}") from error


def _worth(answer: Secret | Exception | None) -> Worth:
    if isinstance(answer, Exception):
        return Worth(0)
    weight = sum(len(value) for value in answer.data.values()) if answer else 0
    return Worth(SECONDS, weight)
