"""Keys in AWS KMS: `awskms://[ENDPOINT]/[ID | ARN | alias/NAME]`.

References: sigstore (Go) 1.10 `pkg/signature/kms/aws`; AWS KMS GetPublicKey.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pratique.compiler.quiet import quiet
from pratique.runtime.keys.material import TIMEOUT_S, Material, bad, unavailable
from pratique.runtime.keys.sdk import ask, load

_UUID: Final = "(?:mrk-)?[A-Fa-f0-9]{8}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{4}-?[A-Fa-f0-9]{12}"
_ALIAS: Final = "alias/[A-Za-z0-9/_-]{1,250}"
_REFERENCE: Final = re.compile(
    rf"awskms://(?P<host>[^/]*)/(?P<key>(?:arn:aws(?:-us-gov|-cn)?:kms:(?P<region>[a-z0-9-]+):[0-9]{{12}}:"
    rf"(?:key/{_UUID}|{_ALIAS}))|{_UUID}|{_ALIAS})"
)
_FORMAT: Final = (
    "kms specification should be in the format awskms://[ENDPOINT]/[ID/ALIAS/ARN] (endpoint optional)"
)
_AMAZON: Final = re.compile(
    r"(?:kms(?:-fips)?\.[a-z0-9-]+|(?:[a-z0-9-]+\.)kms\.[a-z0-9-]+\.vpce)\.amazonaws\.com(?:\.cn)?"
)
_ALGORITHM: Final = re.compile(r"(RSASSA_PSS|RSASSA_PKCS1_V1_5|ECDSA)_SHA_(256|384|512)")


class AwsKms:
    """Implements `material.KeyService`; credentials and region come from where AWS's own tools have them.

    DEVIATION: an endpoint in the reference must be one of Amazon's, or the one that the environment sets;
    Kyverno signs requests to any host that the policy names
    (`tests/runtime/keys/test_aws.py::test_r11_endpoints_of_strangers_are_not_asked`).
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        configured = environment.get("AWS_ENDPOINT_URL_KMS") or environment.get("AWS_ENDPOINT_URL") or ""
        self._own_host = urlsplit(configured).netloc

    async def fetch(self, reference: str) -> Material:
        """Return the key (see `material.KeyService`); one request."""
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise bad(reference, _FORMAT)
        host = found["host"]
        if host and host != self._own_host and not _AMAZON.fullmatch(host):
            why = f"{host} is no endpoint of AWS KMS, and AWS_ENDPOINT_URL_KMS does not name it"
            raise bad(reference, why)
        boto3 = load("boto3", "aws", reference)
        config = load("botocore.config", "aws", reference)
        faults = load("botocore.exceptions", "aws", reference)

        def question() -> Any:
            client = boto3.session.Session().client(
                "kms",
                region_name=found["region"],
                endpoint_url=f"https://{host}" if host and host != self._own_host else None,
                config=config.Config(
                    connect_timeout=TIMEOUT_S / 2,
                    read_timeout=TIMEOUT_S,
                    retries={"total_max_attempts": 2},
                ),
            )
            return client.get_public_key(KeyId=found["key"])

        answer = await ask(question, reference, (faults.BotoCoreError, faults.ClientError, OSError))
        return _material(answer, reference)


def _material(answer: Any, reference: str) -> Material:
    """Return the key; its first signing algorithm is that of its signatures, as in sigstore."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    from pratique.runtime.keys.material import pem_of

    algorithms = answer.get("SigningAlgorithms") or [""]
    found = _ALGORITHM.fullmatch(str(algorithms[0]))
    if found is None:
        raise bad(reference, "signing algorithm unsupported")
    try:
        with quiet():
            public = load_der_public_key(answer["PublicKey"])
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise unavailable(reference, "the answer holds no public key") from error
    return Material(pem=pem_of(public), hash_algorithm=f"sha{found[2]}", pss=found[1] == "RSASSA_PSS")
