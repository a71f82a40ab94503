"""Who asks a registry, by which way: what answers on disk are kept apart by."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from pratique.runtime.ports import Repository
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import CredentialSource
from pratique.runtime.registry.names import canonical_host
from pratique.runtime.registry.single_flight import SingleFlight

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
        "x-access-token",
    }
)
"""User names that everybody has at some registry: there the secret, a long random one, tells who it is."""

_MAX_REMEMBERED: Final = 4096


class CredentialAudience:
    """Implements `caching.Audience` by the credential that a registry would be shown.

    A user name stands for its holder, whose password may change. No secret that could be guessed is part of
    the name, not even hashed.

    Args:
        credentials: where credentials are looked up.
        way: what else makes answers different: mirrors, authorities, plain HTTP.
    """

    def __init__(self, credentials: CredentialSource, way: tuple[str, ...] = ()) -> None:
        self._credentials = credentials
        self._way = way
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
        text = json.dumps([*self._way, *_holder(credential)])
        return hashlib.sha256(text.encode()).hexdigest()


def _holder(credential: Credential | None) -> tuple[str, ...]:
    if credential is None:
        return ("anonymous",)
    if credential.username not in SHARED_NAMES:
        return ("user", credential.username)
    secrets = (credential.password, credential.identity_token, credential.registry_token)
    return ("token", credential.username, *(hashlib.sha256(s.encode()).hexdigest() for s in secrets))
