"""A certificate transparency log: its promise to publish a certificate, embedded in that certificate.

References: RFC 6962, sections 3.2 and 3.3.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from cryptography import x509

from pratique.runtime.lab import der
from pratique.runtime.lab.keys import PrivateKey, PublicKey, derive_key, key_id, sign, spki

SCT_LIST_OID = "1.3.6.1.4.1.11129.2.4.2"

_V1 = b"\x00"
_CERTIFICATE_TIMESTAMP = b"\x00"
_PRECERTIFICATE_ENTRY = b"\x00\x01"
_NO_EXTENSIONS = b"\x00\x00"
_SHA256_ECDSA = b"\x04\x03"


class CtLog:
    """A log with its own key, derived from `seed`."""

    def __init__(self, seed: str, host: str) -> None:
        self.key: PrivateKey = derive_key(seed, "ctlog")
        self.url = f"https://{host}"

    @property
    def log_id(self) -> bytes:
        """Return the log's identity: SHA-256 of its public key."""
        return key_id(self.key.public_key())

    def promise(self, precertificate: x509.Certificate, issuer: PublicKey, at: datetime) -> bytes:
        """Return the signed certificate timestamp for a certificate that has none yet.

        `precertificate` has no poison extension: its signed part is just what remains of the final
        certificate once the timestamps are taken out.
        """
        timestamp = int(at.timestamp() * 1000).to_bytes(8, "big")
        tbs = precertificate.tbs_certificate_bytes
        entry = hashlib.sha256(spki(issuer)).digest() + len(tbs).to_bytes(3, "big") + tbs
        head = _V1 + _CERTIFICATE_TIMESTAMP + timestamp + _PRECERTIFICATE_ENTRY
        signature = sign(self.key, head + entry + _NO_EXTENSIONS)
        return _V1 + self.log_id + timestamp + _NO_EXTENSIONS + _SHA256_ECDSA + _vector(signature)


def sct_list(*scts: bytes) -> bytes:
    """Return the value of the certificate extension that carries the timestamps."""
    return der.octet_string(_vector(b"".join(_vector(sct) for sct in scts)))


def _vector(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
