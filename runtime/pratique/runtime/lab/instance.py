"""A whole throwaway Sigstore: the parties that vouch for signatures, and the trust root that names them."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from cryptography import x509

from pratique.runtime.lab.authority import AUTHORITY_LIFE, CertificateAuthority
from pratique.runtime.lab.certificates import der_bytes, pem
from pratique.runtime.lab.ctlog import CtLog
from pratique.runtime.lab.keys import PublicKey, b64, key_id, public_pem, spki
from pratique.runtime.lab.log import Rekor
from pratique.runtime.lab.timestamps import TimestampAuthority

ORGANIZATION = "pratique lab"
DOMAIN = "sigstore.lab.test"


class SigstoreInstance:
    """An instance whose keys follow from `seed` and whose life is laid around `at`.

    Attributes:
        retired_log: a former log; the trust root ends its key's life a day before `at`.
    """

    def __init__(self, seed: str, at: datetime) -> None:
        self.seed = seed
        self.at = at
        self.authority = CertificateAuthority(seed, at, ORGANIZATION)
        self.ctlog = CtLog(seed, f"ctlog.{DOMAIN}")
        self.log = Rekor(seed, "rekor", f"rekor.{DOMAIN}")
        self.retired_log = Rekor(seed, "retired rekor", f"rekor.{DOMAIN}")
        self.timestamps = TimestampAuthority(seed, at, ORGANIZATION, f"timestamps.{DOMAIN}")

    @cached_property
    def stranger(self) -> SigstoreInstance:
        """Return somebody else's instance: the same names everywhere, other keys."""
        return SigstoreInstance(f"{self.seed}/stranger", self.at)

    def trusted_root(self) -> dict[str, Any]:
        """Return the trust root as JSON data.

        References: sigstore `protobuf-specs`, `trustroot.v1.TrustedRoot`.
        """
        start = self.at - AUTHORITY_LIFE[0]
        forever = {"start": _rfc3339(start)}
        ended = forever | {"end": _rfc3339(self.at - timedelta(days=1))}
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [
                _log(self.log.url, self.log.key.public_key(), forever),
                _log(self.retired_log.url, self.retired_log.key.public_key(), ended),
            ],
            "certificateAuthorities": [
                _authority(f"https://fulcio.{DOMAIN}", self.authority.chain, forever),
                # Trusted without an end: only the certificate itself says that it has expired.
                _authority(f"https://fulcio.{DOMAIN}", self.authority.old_chain, forever),
            ],
            "ctlogs": [_log(self.ctlog.url, self.ctlog.key.public_key(), forever)],
            "timestampAuthorities": [
                _authority(self.timestamps.url, self.timestamps.chain, forever),
            ],
        }

    def pem_files(self) -> dict[str, str]:
        """Return the text of each PEM file that policies and other clients need, by file name."""
        return {
            "root.pem": pem(self.authority.root),
            "chain.pem": pem(*self.authority.chain),
            "rekor.pub": public_pem(self.log.key.public_key()),
            "ctlog.pub": public_pem(self.ctlog.key.public_key()),
            "tsa-chain.pem": pem(*self.timestamps.chain),
        }


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _log(url: str, key: PublicKey, valid_for: dict[str, str]) -> dict[str, Any]:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(spki(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": valid_for,
        },
        "logId": {"keyId": b64(key_id(key))},
    }


def _authority(url: str, chain: tuple[x509.Certificate, ...], valid_for: dict[str, str]) -> dict[str, Any]:
    return {
        "subject": {"organization": ORGANIZATION, "commonName": "pratique lab"},
        "uri": url,
        "certChain": {"certificates": [{"rawBytes": b64(der_bytes(c))} for c in chain]},
        "validFor": valid_for,
    }
