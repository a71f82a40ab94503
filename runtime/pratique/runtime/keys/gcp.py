"""Keys in Google Cloud KMS: `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/V]`.

References: sigstore (Go) 1.10 `pkg/signature/kms/gcp`; Cloud KMS v1, CryptoKeyVersionAlgorithm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pratique.runtime.keys.material import TIMEOUT_S, Material, bad, unavailable
from pratique.runtime.keys.sdk import ask, load

_PART: Final = "[A-Za-z0-9:._-]{1,100}"
_REFERENCE: Final = re.compile(
    rf"gcpkms://(?P<key>projects/{_PART}/locations/{_PART}/keyRings/{_PART}/cryptoKeys/{_PART})"
    r"(?:/(?:cryptoKeyVersions|versions)/(?P<version>[0-9]{1,10}))?"
)
_FORMAT: Final = (
    "kms specification should be in the format gcpkms://projects/[PROJECT_ID]/locations/[LOCATION]/keyRings/"
    "[KEY_RING]/cryptoKeys/[KEY]/cryptoKeyVersions/[VERSION]"
)
_ALGORITHM: Final = re.compile(
    r"(EC_SIGN_P(?:256|384)|RSA_SIGN_PKCS1_\d{4}|RSA_SIGN_PSS_\d{4})_SHA(256|384|512)"
)


class GcpKms:
    """Implements `material.KeyService`; credentials are Google's application default ones.

    Args:
        environment: not looked at: Google's kit reads its own.
        connect: returns the client; None for the kit's own, over REST, which honours proxies.
    """

    def __init__(self, environment: Mapping[str, str], connect: Callable[[], Any] | None = None) -> None:
        self._connect = connect

    async def fetch(self, reference: str) -> Material:
        """Return the key (see `material.KeyService`): the version named, else the newest enabled one."""
        found = _REFERENCE.fullmatch(reference)
        if found is None or ".." in reference:
            raise bad(reference, _FORMAT)
        kms = load("google.cloud.kms_v1", "gcp", reference)
        core = load("google.api_core.exceptions", "gcp", reference)
        auth = load("google.auth.exceptions", "gcp", reference)

        def question() -> Any:
            connect = self._connect or (lambda: kms.KeyManagementServiceClient(transport="rest"))
            with connect() as client:
                name = f"{found['key']}/cryptoKeyVersions/{found['version']}"
                if not found["version"]:
                    request = {"parent": found["key"], "filter": "state=ENABLED", "order_by": "name desc"}
                    versions = client.list_crypto_key_versions(request=request, timeout=TIMEOUT_S, retry=None)
                    newest = next(iter(versions), None)
                    if newest is None:
                        return None
                    name = newest.name
                return client.get_public_key(request={"name": name}, timeout=TIMEOUT_S, retry=None)

        answer = await ask(question, reference, (core.GoogleAPIError, auth.GoogleAuthError, OSError))
        if answer is None:
            raise unavailable(reference, "unable to find an enabled key version in GCP KMS")
        algorithm = _ALGORITHM.fullmatch(answer.algorithm.name)
        if algorithm is None:
            raise bad(reference, "unknown algorithm specified by KMS")
        return Material(
            pem=answer.pem, hash_algorithm=f"sha{algorithm[2]}", pss=algorithm[1].startswith("RSA_SIGN_PSS")
        )
