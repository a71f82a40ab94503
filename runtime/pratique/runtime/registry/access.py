"""The ways to registries that policies and resources ask for: whose credentials go along.

References: Kyverno 1.19 `pkg/engine/factories/registryclientfactory.go`; kyverno/sdk `extensions/regcreds`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol, runtime_checkable

from pratique.compiler import ir
from pratique.runtime.ports import Access, ImageStore
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import CredentialSource, DockerConfig, Keychain
from pratique.runtime.registry.endpoints import InsecureHosts
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.secrets import Secret, SecretSource
from pratique.runtime.strict_json import StrictJsonError, parse

MAX_KEPT: Final = 1024

HOSTS: Final[Mapping[str, re.Pattern[str]]] = {
    "amazon": re.compile(
        r"public\.ecr\.aws|[0-9]{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
    ),
    "azure": re.compile(r"[a-z0-9-]+\.azurecr\.(?:io|cn|de|us)"),
    "github": re.compile(r"ghcr\.io"),
    "google": re.compile(r"(?:[a-z0-9-]+\.)?gcr\.io|[a-z0-9-]+\.pkg\.dev"),
}
"""Provider -> the hosts that are its own; whole names, since look-alikes are how tokens leak (A1)."""


@runtime_checkable
class Rekeyed(Protocol):
    """A store that can be had with other credentials (`DistributionClient`)."""

    def with_access(
        self, credentials: CredentialSource, *, insecure: InsecureHosts | None = None
    ) -> ImageStore:
        """Return the store with these credentials; None leaves who may be spoken to over plain HTTP."""
        ...


@dataclass(frozen=True, slots=True)
class Provider:
    """The credentials of a cloud: what the user's Docker configuration or its helpers have for its hosts.

    DEVIATION: Kyverno logs in with the identity of its own Pod; here `docker-credential-ecr-login` and the
    like do that, where the user has set them up. Without them access is anonymous, and a registry that wants
    more is an error (`tests/runtime/registry/test_access.py::test_providers`).
    """

    name: str
    docker: CredentialSource
    github_token: str = ""

    async def find(self, host: str, path: str) -> Credential | None:
        """Return the credential for one of the cloud's own hosts (see `CredentialSource`)."""
        if not HOSTS[self.name].fullmatch(host):
            return None
        if self.name == "github" and self.github_token:
            return Credential(username="unset", password=self.github_token)
        return await self.docker.find(host, path)


class RegistryAccesses:
    """Implements `ports.Accesses`.

    Args:
        usual: the way of all who ask for nothing else.
        derive: returns the store with other credentials and, if true, with plain HTTP allowed; None where
            nothing can be asked with credentials at all, as of layouts.
        docker: the user's own credentials.
        secrets: where named Secrets are.
        own_namespace: that of Secrets which an entry names without one: Kyverno's own.
        environment: GITHUB_TOKEN is read.
    """

    def __init__(
        self,
        usual: ImageStore,
        derive: Callable[[CredentialSource, bool], ImageStore] | None,
        docker: CredentialSource,
        secrets: SecretSource,
        *,
        own_namespace: str = "kyverno",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._usual = Access(store=usual)
        self._derive = derive
        self._docker = docker
        self._secrets = secrets
        self._own_namespace = own_namespace
        self._github_token = (os.environ if environment is None else environment).get("GITHUB_TOKEN", "")
        self._kept: dict[str, Access] = {}

    async def choose(
        self, credentials: ir.RegistryCredentials | None, pull_secrets: Sequence[str], namespace: str
    ) -> Access:
        """Return the way for an entry and a resource (see `ports.Accesses`).

        Asked in order: Secrets of the entry, pull secrets of the resource, providers. A Secret that was not
        given is passed over, as in Kyverno. Where nothing is left, the user's own credentials are used.

        DEVIATION: pull secrets of a resource without a namespace are those of `default`; Kyverno takes its
        own namespace for it, whose Secrets are no business of any resource
        (`tests/runtime/registry/test_access.py::test_pull_secrets_of_a_resource`).
        """
        credentials = credentials or ir.RegistryCredentials()
        if self._derive is None or not (pull_secrets or credentials != ir.RegistryCredentials()):
            return self._usual
        named = [_qualified(name, self._own_namespace) for name in credentials.secrets]
        # A bare name only: a resource must not reach into another namespace.
        named += [(namespace or "default", name) for name in pull_secrets]
        found = [(name, secret) for name in named if (secret := await self._secrets.get(*name))]
        configs = [config for name, secret in found if (config := _config(name, secret))]
        providers = tuple(dict.fromkeys(credentials.providers))
        if not credentials.insecure and not configs and providers in ((), ("default",)):
            return self._usual
        about = (_once([_fingerprint(s) for _, s in found]), providers, credentials.insecure)
        id = sha256(repr(about).encode()).hexdigest()
        if id not in self._kept:
            sources = (*configs, *map(self._provider, providers)) or (self._docker,)
            store = self._derive(Keychain(sources), credentials.insecure)
            while len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[id] = Access(store=store, id=id)
        return self._kept[id]

    def _provider(self, name: str) -> CredentialSource:
        return self._docker if name == "default" else Provider(name, self._docker, self._github_token)


def _once(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the texts in their order, each once: the first source of a credential decides."""
    return tuple(dict.fromkeys(texts))


def _qualified(name: str, default: str) -> tuple[str, str]:
    before, slash, after = name.removeprefix("/").partition("/")
    return (before, after) if slash else (default, before)


def _config(name: tuple[str, str], secret: Secret) -> DockerConfig | None:
    """Return the registry credentials in a Secret; None for a Secret of another type, as in Kyverno.

    Raises:
        TransportError: `registry-auth`.
    """
    label = f"Secret {'/'.join(name)}"
    match secret.type:
        case "kubernetes.io/dockerconfigjson" if ".dockerconfigjson" in secret.data:
            return DockerConfig.parse(secret.data[".dockerconfigjson"], label)
        case "kubernetes.io/dockercfg" if ".dockercfg" in secret.data:
            try:
                auths = parse(secret.data[".dockercfg"])
            except StrictJsonError as error:
                raise Operation(label, "credentials").fault(FaultCode.AUTH, str(error)) from None
            return DockerConfig.parse(json.dumps({"auths": auths}).encode(), label)
        case _:
            return None


def _fingerprint(secret: Secret) -> str:
    return sha256(repr((secret.type, sorted(secret.data.items()))).encode()).hexdigest()
