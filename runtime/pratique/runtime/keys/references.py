"""Keys by reference: which service a reference names, each key fetched once.

References: cosign 3.1 `pkg/signature/keys.go`; sigstore (Go) 1.10 `pkg/signature/kms`; texts are repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Final

from pratique.compiler import ir
from pratique.compiler.secret_references import KUBERNETES
from pratique.runtime.keys.material import KeyService, Material, bad, unavailable
from pratique.runtime.secrets import NO_SECRETS, SecretSource

MAX_REFERENCE: Final = 512
KEPT_S: Final = 300.0
"""Seconds for which a key is used without asking again, as in sigstore; longer than most runs."""
FAULT_KEPT_S: Final = 30.0
"""Seconds for which nobody asks again after a fault: an outage costs one timeout, not one an image."""
MAX_KEPT: Final = 4096

_SERVICES: Final = {
    "awskms://": ("aws", "AwsKms"),
    "azurekms://": ("azure", "AzureKms"),
    "gcpkms://": ("gcp", "GcpKms"),
    "hashivault://": ("hashivault", "Vault"),
    "openbao://": ("hashivault", "Vault"),
}
"""Scheme -> module in this package and class; imported when a reference names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    task: asyncio.Task[ir.KeySigner]
    until: float


class Keys:
    """Implements `ports.KeySource`.

    Args:
        secrets: where `k8s://` leads.
        environment: variables that configure the services, as their own tools read them.
        offline: ask no service.
        services: scheme -> maker of its service, instead of the built-in ones.
    """

    def __init__(
        self,
        secrets: SecretSource = NO_SECRETS,
        environment: Mapping[str, str] | None = None,
        *,
        offline: bool = False,
        services: Mapping[str, Callable[[], KeyService]] | None = None,
    ) -> None:
        self._secrets = secrets
        self._environment = environment or {}
        self._offline = offline
        self._made: dict[str, KeyService] = {}
        self._services = services or {}
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def resolve(self, signer: ir.KeySigner) -> ir.KeySigner:
        """Return `signer` with its key as PEM (see `ports.KeySource`); one fetch per key, whoever asks.

        Texts that are no reference of a known kind are left to whoever loads the key, who refuses them.

        DEVIATION: Kyverno takes any other text for the path of a file or a URL, and reads it
        (`tests/runtime/keys/test_references.py::test_files_and_urls_are_never_read`).
        """
        reference = signer.key.strip()
        scheme = _scheme(reference)
        if scheme is None:
            return signer
        clock = asyncio.get_running_loop().time
        key = reference, signer.hash_algorithm
        kept = self._kept.get(key)
        if kept is None or (kept.task.done() and clock() >= kept.until):
            while len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            task = asyncio.ensure_future(self._fetch(scheme, reference, signer))
            kept = self._kept[key] = _Kept(task=task, until=clock() + KEPT_S)
            task.add_done_callback(lambda done: self._done(key, done))
        # A caller that gives up must not take the key away from the others.
        return await asyncio.shield(kept.task)

    def _done(self, key: tuple[str, str], task: asyncio.Task[ir.KeySigner]) -> None:
        kept = self._kept.get(key)
        if kept is None or kept.task is not task:
            return
        if task.cancelled():
            del self._kept[key]
        elif task.exception():
            self._kept[key] = replace(kept, until=asyncio.get_running_loop().time() + FAULT_KEPT_S)

    async def _fetch(self, scheme: str, reference: str, signer: ir.KeySigner) -> ir.KeySigner:
        if len(reference) > MAX_REFERENCE or not reference.isprintable():
            raise bad(ascii(reference[:80]), "the reference is too long or holds control characters")
        if scheme == KUBERNETES:
            found = await self._in_secret(reference)
        elif self._offline:
            raise unavailable(reference, "the run is offline", cure="write the key itself, or a Secret")
        else:
            found = await self._service(scheme).fetch(reference)
        return replace(
            signer,
            key=_normal(found.pem, reference),
            hash_algorithm=found.hash_algorithm or signer.hash_algorithm,
            pss=found.pss,
        )

    async def _in_secret(self, reference: str) -> Material:
        """Return the key in a Secret: `cosign.pub`, as cosign reads it."""
        parts = reference.removeprefix(KUBERNETES).split("/")
        if len(parts) != 2:
            why = "kubernetes specification should be in the format k8s://<namespace>/<secret>"
            raise bad(reference, why)
        secret = await self._secrets.get(parts[0], parts[1])
        if secret is None:
            why = f'checking if secret exists: secrets "{parts[1]}" not found'
            raise unavailable(reference, why, cure=self._secrets.cure)
        if not secret.data:
            raise bad(reference, "the Secret holds no data, cosign.pub is needed")
        try:
            return Material(pem=secret.data.get("cosign.pub", b"").decode())
        except UnicodeDecodeError as error:
            raise bad(reference, "PEM decoding failed") from error

    def _service(self, scheme: str) -> KeyService:
        if scheme not in self._made:
            if scheme in self._services:
                self._made[scheme] = self._services[scheme]()
            else:
                module, name = _SERVICES[scheme]
                maker = getattr(import_module(f"pratique.runtime.keys.{module}"), name)
                self._made[scheme] = maker(self._environment)
        return self._made[scheme]


def _scheme(reference: str) -> str | None:
    return next((s for s in (KUBERNETES, *_SERVICES) if reference.startswith(s)), None)


def _normal(pem: str, reference: str) -> str:
    """Return the one public key in `pem` in the one form that evidence is shared by.

    DEVIATION: several keys in a Secret are refused; of those cosign takes the first without a word
    (`tests/runtime/keys/test_references.py::test_several_keys_in_a_secret_are_refused`).
    """
    from pratique.runtime.signatures import pem as blocks
    from pratique.runtime.signatures.keys import KeyTextError, load_pem_key

    try:
        return blocks.armour("PUBLIC KEY", load_pem_key(pem).info)
    except KeyTextError as error:
        raise bad(reference, str(error)) from error
