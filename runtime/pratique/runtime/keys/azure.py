"""Keys in Azure Key Vault: `azurekms://VAULT_HOST/KEY[/VERSION]`.

References: sigstore (Go) 1.10 `pkg/signature/kms/azure`; RFC 7517 and 7518 (JSON web keys).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pratique.runtime.keys.material import TIMEOUT_S, Material, bad, pem_of, unavailable
from pratique.runtime.keys.sdk import ask, load

_REFERENCE: Final = re.compile(
    r"azurekms://(?P<host>[^/]+)/(?P<key>[A-Za-z0-9-]{1,127})(?:/(?P<version>[a-z0-9]{0,64}))?"
)
_FORMAT: Final = (
    "kms specification should be in the format"
    " azurekms://[VAULT_NAME][VAULT_URL]/[KEY_NAME]/[VERSION (optional)]"
)
_MICROSOFT: Final = re.compile(
    r"[A-Za-z0-9-]{1,63}\.(?:vault|managedhsm)"
    r"\.(?:azure\.net|azure\.cn|usgovcloudapi\.net|microsoftazure\.de)"
)


class AzureKms:
    """Implements `material.KeyService`; credentials are those of Azure's default chain.

    DEVIATION: the vault must have a host of Microsoft's; Kyverno asks any host that the policy names
    (`tests/runtime/keys/test_azure.py::test_r11_vaults_of_strangers_are_not_asked`).

    Args:
        environment: not looked at: Azure's kit reads its own.
        connect: returns the client for the URL of a vault; None for the kit's own.
    """

    def __init__(self, environment: Mapping[str, str], connect: Callable[[str], Any] | None = None) -> None:
        self._connect = connect

    async def fetch(self, reference: str) -> Material:
        """Return the key (see `material.KeyService`); without a version, the newest one."""
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise bad(reference, _FORMAT)
        if not _MICROSOFT.fullmatch(found["host"]):
            raise bad(reference, f"{found['host']} is no host of Azure Key Vault")
        identity = load("azure.identity", "azure", reference)
        keys = load("azure.keyvault.keys", "azure", reference)
        core = load("azure.core.exceptions", "azure", reference)

        def connected(url: str) -> Any:
            limits = {"connection_timeout": TIMEOUT_S / 2, "read_timeout": TIMEOUT_S, "retry_total": 1}
            return keys.KeyClient(url, identity.DefaultAzureCredential(), **limits)

        def question() -> Any:
            with (self._connect or connected)(f"https://{found['host']}/") as client:
                return client.get_key(found["key"], found["version"] or None).key

        return _material(await ask(question, reference, (core.AzureError, OSError)), reference)


def _material(key: Any, reference: str) -> Material:
    """Return a JSON web key as PEM; its size decides the hash, as in sigstore."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    curves: Mapping[str, tuple[Callable[[], ec.EllipticCurve], str]] = {
        "P-256": (ec.SECP256R1, "sha256"),
        "P-384": (ec.SECP384R1, "sha384"),
        "P-521": (ec.SECP521R1, "sha512"),
    }
    hashes = {2048: "sha256", 3072: "sha384", 4096: "sha512"}
    kind = str(key.kty).rpartition(".")[2].upper().replace("_", "-").removesuffix("-HSM")
    try:
        if kind == "EC":
            named = curves.get(str(getattr(key.crv, "value", key.crv)))
            if named is None:
                raise bad(reference, "unsupported key size")
            curve, algorithm = named
            numbers = ec.EllipticCurvePublicNumbers(_number(key.x), _number(key.y), curve())
            return Material(pem=pem_of(numbers.public_key()), hash_algorithm=algorithm)
        if kind == "RSA":
            public = rsa.RSAPublicNumbers(_number(key.e), _number(key.n)).public_key()
            if public.key_size not in hashes:
                raise bad(reference, "unsupported key size")
            return Material(pem=pem_of(public), hash_algorithm=hashes[public.key_size])
    except (TypeError, ValueError) as error:
        raise unavailable(reference, "the answer holds no public key") from error
    raise bad(reference, "unsupported public key type")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
