"""Keys in the transit engine of HashiCorp Vault or OpenBao: `hashivault://KEY`, `openbao://KEY`.

References: sigstore (Go) 1.10 `pkg/signature/kms/hashivault`; Vault API, transit engine, read key.
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from yarl import URL

from pratique.grammar.errors import TransportError
from pratique.runtime.keys.material import TIMEOUT_S, Material, bad, pem_of, unavailable
from pratique.runtime.registry.exchange import Answer, Exchange
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.proxies import Proxies
from pratique.runtime.strict_json import StrictJsonError, parse

MAX_ANSWER_BYTES: Final = 1 << 20
"""Bytes of an answer: it holds all versions of a key."""

_REFERENCE: Final = re.compile(
    r"(?:hashivault|openbao)://(?P<key>[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)"
)
_FORMAT: Final = "kms specification should be in the format hashivault://<key>"
_MOUNT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_PREFIX: Final = re.compile(r"vault:v([0-9]{1,10}):")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")


class Vault:
    """Implements `material.KeyService`; address and token come from the environment, never from a policy.

    Read are VAULT_ADDR, VAULT_TOKEN (or BAO_ADDR, BAO_TOKEN, or the file `~/.vault-token`), VAULT_NAMESPACE,
    VAULT_CACERT, TRANSIT_SECRET_ENGINE_PATH and VAULT_KEY_PREFIX.

    DEVIATION: signatures are verified here, with the newest version of the key or with that of
    VAULT_KEY_PREFIX; Kyverno has Vault verify them, with version 1 unless that variable says otherwise
    (`tests/runtime/keys/test_hashivault.py::test_the_version_of_the_key`).
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def fetch(self, reference: str) -> Material:
        """Return the key (see `material.KeyService`); one request, one more after an outage."""
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise bad(reference, _FORMAT)
        mount = (self._environment.get("TRANSIT_SECRET_ENGINE_PATH") or "transit").strip("/")
        if not _MOUNT.fullmatch(mount):
            raise unavailable(reference, "TRANSIT_SECRET_ENGINE_PATH is no path of a secret engine")
        address = self._address(reference)
        url = address.with_path(f"{address.path.rstrip('/')}/v1/{mount}/keys/{found['key']}")
        headers = {"X-Vault-Request": "true", "X-Vault-Token": self._token(reference)}
        if namespace := self._environment.get("VAULT_NAMESPACE"):
            headers["X-Vault-Namespace"] = namespace
        answer = await self._ask(url, headers, reference)
        if answer.status == 404:
            raise unavailable(
                reference, f"could not read data from transit key path: /{mount}/keys/{found['key']}"
            )
        if answer.status != 200:
            hint = " (is the token valid?)" if answer.status in (401, 403) else ""
            raise unavailable(reference, f"{url.host} answers HTTP {answer.status}{hint}")
        return self._material(answer.body, reference)

    def _variable(self, name: str) -> str:
        return self._environment.get(f"VAULT_{name}") or self._environment.get(f"BAO_{name}") or ""

    def _address(self, reference: str) -> URL:
        text = self._variable("ADDR")
        if not text:
            raise unavailable(reference, "VAULT_ADDR or BAO_ADDR is not set")
        try:
            url = URL(text)
        except ValueError:
            url = URL()
        if url.scheme not in ("http", "https") or not url.host or url.user or url.query_string:
            raise unavailable(reference, "VAULT_ADDR is no http(s) URL")
        return url

    def _token(self, reference: str) -> str:
        token = self._variable("TOKEN")
        if not token:
            file = Path(self._environment.get("HOME") or "/nonexistent", ".vault-token")
            try:
                with file.open("rb") as opened:
                    token = opened.read(4097).decode().strip()
            except (OSError, UnicodeDecodeError):
                token = ""
        if not token:
            why = "no Vault token found: neither VAULT_TOKEN nor the file ~/.vault-token"
            raise unavailable(reference, why)
        if not _TOKEN.fullmatch(token):
            raise unavailable(reference, "the Vault token holds characters that no token has")
        return token

    async def _ask(self, url: URL, headers: Mapping[str, str], reference: str) -> Answer:
        exchange = Exchange(
            timeout_s=TIMEOUT_S,
            max_concurrency=1,
            tls=self._tls(reference),
            proxies=Proxies.of(self._environment),
        )
        operation = Operation(url.raw_authority, "transit key")
        try:
            for is_last in (False, True):
                try:
                    answer = await exchange.send(operation, url, headers=headers, max_bytes=MAX_ANSWER_BYTES)
                except TransportError as error:
                    if error.code == FaultCode.UNREACHABLE and not is_last:
                        continue
                    raise unavailable(reference, error.message) from error
                if answer.status < 500 or is_last:
                    return answer
        finally:
            await exchange.aclose()
        raise AssertionError  # The last turn of the loop returns or raises.

    def _tls(self, reference: str) -> ssl.SSLContext | None:
        file = self._variable("CACERT")
        if not file:
            return None
        try:
            return ssl.create_default_context(cafile=file)
        except OSError as error:
            raise unavailable(reference, "VAULT_CACERT cannot be read as certificates (PEM)") from error

    def _material(self, body: bytes, reference: str) -> Material:
        corrupted = unavailable(reference, "failed to read transit key keys: corrupted response")
        try:
            data: Any = parse(body)["data"]
            named = _PREFIX.fullmatch(self._environment.get("VAULT_KEY_PREFIX") or "")
            version = data["keys"][named[1] if named else str(data["latest_version"])]
            text, kind = version["public_key"], version.get("name")
        except (StrictJsonError, KeyError, TypeError, AttributeError):
            raise corrupted from None
        if not isinstance(text, str):
            raise corrupted
        if kind != "ed25519":
            return Material(pem=text)
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            # Vault gives the bare 32 bytes of such keys.
            raw = Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            raise corrupted from None
        return Material(pem=pem_of(raw))
