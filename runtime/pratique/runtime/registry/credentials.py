"""Registry credentials: Docker's `config.json`, credential helpers, and pull secrets of a cluster.

A credential is bound to the host, or to the repositories of a host, that its entry names: equal hosts only,
never a suffix or a pattern (rule R11, threat A1).

References: Docker CLI `config.json`; Kubernetes `kubernetes.io/dockerconfigjson`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pratique.runtime.registry.credential_helper import Credential, ask_helper
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.names import canonical_host
from pratique.runtime.strict_json import StrictJsonError, parse

MAX_CONFIG_BYTES = 1 << 20

_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class CredentialSource(Protocol):
    """Something that may know the credential of a registry."""

    async def find(self, host: str, path: str) -> Credential | None:
        """Return the credential for a repository at a canonical host, None where there is none.

        Raises:
            TransportError: `registry-auth`, if the source should know but is broken.
        """
        ...


@dataclass(frozen=True, slots=True)
class Keychain:
    """Sources in order: the first that knows a credential decides."""

    sources: tuple[CredentialSource, ...] = ()

    async def find(self, host: str, path: str) -> Credential | None:
        """Return the first credential found, see `CredentialSource.find`."""
        for source in self.sources:
            credential = await source.find(host, path)
            if credential is not None:
                return credential
        return None


ANONYMOUS = Keychain()
"""Knows no credential at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerConfig:
    """The credentials of one `config.json`.

    Attributes:
        entries: canonical `host` or `host/path` -> credential.
        helpers: canonical host -> name of its credential helper.
        store: name of the helper for all hosts; empty for none.
    """

    entries: Mapping[str, Credential]
    helpers: Mapping[str, str] = field(default_factory=dict)
    store: str = ""

    @classmethod
    def parse(cls, body: bytes, label: str, *, with_helpers: bool = False) -> DockerConfig:
        """Return the credentials in the bytes of a `config.json` or of a `.dockerconfigjson` secret.

        Args:
            body: JSON.
            label: what messages call it.
            with_helpers: honour `credsStore` and `credHelpers`, which run programs: for the user's own file
                only, never for a secret from a cluster.

        Raises:
            TransportError: `registry-auth`; the message quotes nothing of the bytes.
        """
        operation = Operation(label, "credentials")
        try:
            data = parse(body)
            auths = _map(data, "auths")
            entries = {_key(name): found for name, entry in auths.items() if (found := _credential(entry))}
            if not with_helpers:
                return cls(entries=entries)
            helpers = {_key(host): _helper(name) for host, name in _map(data, "credHelpers").items()}
            store = data.get("credsStore") or ""
            return cls(entries=entries, helpers=helpers, store=_helper(store) if store else "")
        except (ValueError, TypeError, AttributeError) as error:
            # StrictJsonError and the like say what is wrong without quoting; others could hold a secret.
            reason = str(error) if isinstance(error, StrictJsonError) else "not a Docker configuration"
            raise operation.fault(FaultCode.AUTH, reason) from None

    async def find(self, host: str, path: str) -> Credential | None:
        """Return the credential of the longest matching entry, or what the host's helper gives."""
        helper = self.helpers.get(host) or self.store
        if helper:
            credential = await ask_helper(helper, host)
            if credential is not None:
                return credential
        segments = [host, *path.split("/")]
        for length in range(len(segments), 0, -1):
            credential = self.entries.get("/".join(segments[:length]))
            if credential is not None:
                return credential
        return None


class DockerConfigFile:
    """A `config.json` on disk, read when a registry first asks for a credential; a missing file has none.

    Without `with_helpers` no program is run: what helpers keep is not known then.
    """

    def __init__(self, path: Path, *, with_helpers: bool = True) -> None:
        self._path = path
        self._with_helpers = with_helpers
        self._config: DockerConfig | None = None

    async def find(self, host: str, path: str) -> Credential | None:
        """Return the file's credential, see `CredentialSource.find`."""
        if self._config is None:
            self._config = self._load()
        return await self._config.find(host, path)

    def _load(self) -> DockerConfig:
        operation = Operation(str(self._path), "credentials")
        try:
            if self._path.exists() and not self._path.is_file():
                raise operation.fault(FaultCode.AUTH, "not a regular file")
            with self._path.open("rb") as file:
                body = file.read(MAX_CONFIG_BYTES + 1)
        except FileNotFoundError:
            return DockerConfig(entries={})
        except OSError as error:
            raise operation.fault(FaultCode.AUTH, f"cannot be read ({error.strerror})") from error
        if len(body) > MAX_CONFIG_BYTES:
            raise operation.fault(FaultCode.AUTH, f"larger than the limit of {MAX_CONFIG_BYTES} bytes")
        return DockerConfig.parse(body, str(self._path), with_helpers=self._with_helpers)


def pull_secrets(bodies: Sequence[bytes]) -> Keychain:
    """Return a keychain of `.dockerconfigjson` secrets, in order.

    Raises:
        TransportError: `registry-auth`, if one is malformed.
    """
    return Keychain(
        tuple(DockerConfig.parse(body, f"pull secret {n}") for n, body in enumerate(bodies, start=1))
    )


def _map(data: Any, name: str) -> dict[str, Any]:
    value = data.get(name) or {}
    if not isinstance(value, dict):
        raise TypeError
    return value


def _key(name: str) -> str:
    """Return `host` or `host/path` for the key of an entry, such as `https://index.docker.io/v1/`."""
    text = re.sub(r"^https?://", "", name)
    host, _, path = text.partition("/")
    path = path.strip("/")
    host = canonical_host(host)
    return host if path in ("", "v1", "v2") else f"{host}/{path}"


def _helper(name: Any) -> str:
    # The name becomes part of a program's: nothing that could be a path.
    if not isinstance(name, str) or not _HELPER.fullmatch(name):
        raise TypeError
    return name


def _credential(entry: Any) -> Credential | None:
    """Return the credential of one entry of `auths`; None for an empty one, which marks a helper's host."""
    texts = {name: entry.get(name) or "" for name in _ENTRY_FIELDS}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError
    username, password = texts["username"], texts["password"]
    if texts["auth"]:
        username, password = _split(texts["auth"])
    if not any((username, password, texts["identitytoken"], texts["registrytoken"])):
        return None
    return Credential(
        username=username,
        password=password,
        identity_token=texts["identitytoken"],
        registry_token=texts["registrytoken"],
    )


_ENTRY_FIELDS = ("auth", "username", "password", "identitytoken", "registrytoken")


def _split(auth: str) -> tuple[str, str]:
    try:
        username, colon, password = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise TypeError from None
    if not colon:
        raise TypeError
    # Docker itself strips NUL bytes that old versions padded with.
    return username, password.rstrip("\0")
