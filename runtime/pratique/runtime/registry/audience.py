"""Who asks a registry, by which way: what answers on disk are kept apart by."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Final

from pratique.runtime.ports import Repository
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import CredentialSource
from pratique.runtime.registry.names import canonical_host
from pratique.runtime.single_flight import SingleFlight

SHARED_NAMES: Final = frozenset(
    {
        "",
        "$oauthtoken",
        "00000000-0000-0000-0000-000000000000",
        "<token>",
        "AWS",
        "_json_key",
        "_json_key_base64",
        "nologin",
        "oauth2accesstoken",
        "unset",
        "x-access-token",
    }
)
"""User names that everybody has at some registry: there the secret, a long random one, tells who it is."""

_MAX_REMEMBERED: Final = 4096


class CredentialAudience:
    """Implements `caching.Audience` by the credential that a registry would be shown.

    The user's own configuration is believed about who the user is: there a name stands for its holder, whose
    password may change. In Secrets of others anyone can write any name, so the password counts too; a hash
    that is slow to compute keeps one that could be guessed from being found out.

    Args:
        credentials: where credentials are looked up.
        way: what else makes answers different: mirrors, authorities, plain HTTP.
        own: the credentials are the user's own.
    """

    def __init__(self, credentials: CredentialSource, way: tuple[str, ...] = (), *, own: bool = True) -> None:
        self._credentials = credentials
        self._way = way
        self._own = own
        self._names: dict[Repository, str] = {}
        self._flights = SingleFlight[str]()

    async def name(self, repository: Repository) -> str:
        """Return a hash of who asks for `repository`, see `caching.Audience.name`."""
        found = self._names.get(repository)
        if found is None:
            found = await self._flights.run(repository, lambda: self._find(repository))
            while len(self._names) >= _MAX_REMEMBERED:
                del self._names[next(iter(self._names))]
            self._names[repository] = found
        return found

    async def _find(self, repository: Repository) -> str:
        credential = await self._credentials.find(canonical_host(repository.registry), repository.path)
        holder = await asyncio.to_thread(_holder, credential, own=self._own)
        text = json.dumps([*self._way, *holder])
        return hashlib.sha256(text.encode()).hexdigest()


def _holder(credential: Credential | None, *, own: bool) -> tuple[str, ...]:
    if credential is None:
        return ("anonymous",)
    name = credential.username
    if own and name not in SHARED_NAMES:
        return ("user", name)
    secrets = json.dumps([credential.password, credential.identity_token, credential.registry_token])
    proof = hashlib.scrypt(secrets.encode(), salt=f"pratique {name}".encode(), n=1 << 14, r=8, p=1)
    return ("secret", name, proof.hex())
