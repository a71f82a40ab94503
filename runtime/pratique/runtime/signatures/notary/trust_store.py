"""The certificates that a policy trusts.

References: Kyverno 1.19 `pkg/image/verifiers/cpol/notary` (`combineCerts`, `truststore.go`); sigstore
`cryptoutils.UnmarshalCertificatesFromPEM`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pratique.runtime.signatures.notary.certificates import Certificate, CertificateError
from pratique.runtime.signatures.notary.limits import MAX_STORE_BYTES, MAX_STORE_CERTIFICATES
from pratique.runtime.signatures.notary.model import Check, NotaryRefusal

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----([^-]*)-----END \1-----")


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Trusted certificates as DER, in the order of the policy: roots, intermediates, or signers themselves.

    A signature is authentic if any certificate of its chain is one of them, byte for byte.
    """

    certificates: tuple[bytes, ...]

    @classmethod
    def from_pem(cls, cert: str, chain: str = "") -> TrustStore:
        """Return the store of a policy's `certificates.cert` and `certificates.certChain`.

        Text before and between PEM blocks is passed over, text behind the last one is not.

        Raises:
            NotaryRefusal: `TRUST_STORE`, in Kyverno's words; also for no certificate at all (rule R5).
        """
        text = "\n".join(part for part in (cert, chain) if part).strip()
        if len(text) > MAX_STORE_BYTES:
            raise _refusal(f"PEM of more than {MAX_STORE_BYTES} characters")
        ders, end = [], 0
        for block in _BLOCK.finditer(text):
            if block[1] != "CERTIFICATE":
                raise _refusal(f"PEM block of type {block[1]} among certificates")
            ders.append(_decode(block[2]))
            end = block.end()
        if text[end:].strip():
            raise _refusal("error during PEM decoding")
        if not ders:
            raise NotaryRefusal(Check.TRUST_STORE, "no trusted certificates are found to verify authenticity")
        if len(ders) > MAX_STORE_CERTIFICATES:
            raise _refusal(f"more than {MAX_STORE_CERTIFICATES} certificates")
        store = cls(tuple(dict.fromkeys(ders)))
        try:
            store.load()
        except CertificateError as error:
            raise _refusal(str(error)) from error
        return store

    def load(self) -> tuple[Certificate, ...]:
        """Return the certificates, read once per process.

        Raises:
            CertificateError: one of them is malformed.
        """
        return _load(self.certificates)

    def anchor(self, chain: Sequence[Certificate]) -> Certificate | None:
        """Return the first certificate of `chain` that is trusted, leaf first; None if none is."""
        return next((certificate for certificate in chain if certificate.der in self.certificates), None)


@lru_cache(maxsize=256)
def _load(ders: tuple[bytes, ...]) -> tuple[Certificate, ...]:
    return tuple(Certificate.read(der) for der in ders)


def _decode(body: str) -> bytes:
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal("error during PEM decoding") from error


def _refusal(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.TRUST_STORE, f"failed to parse certificates: {text}")
