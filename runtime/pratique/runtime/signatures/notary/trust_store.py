"""The certificates that a policy trusts.

References: Kyverno 1.19 `pkg/image/verifiers/cpol/notary` (`combineCerts`, `truststore.go`); sigstore
`cryptoutils.UnmarshalCertificatesFromPEM`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pratique.runtime.signatures.encodings import EncodingError
from pratique.runtime.signatures.notary.certificates import Certificate, CertificateError
from pratique.runtime.signatures.notary.model import Check, NotaryRefusal
from pratique.runtime.signatures.pem import blocks


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Trusted certificates as DER, in the order of the policy: roots, intermediates, or signers themselves.

    A signature is authentic if any certificate of its chain is one of them, byte for byte.
    """

    certificates: tuple[bytes, ...]

    @classmethod
    @lru_cache(maxsize=256)
    def from_pem(cls, cert: str, chain: str = "") -> TrustStore:
        """Return the store of a policy's `certificates.cert` and `certificates.certChain`.

        Text before and between PEM blocks is passed over, text behind the last one is not.

        Raises:
            NotaryRefusal: `TRUST_STORE`, in Kyverno's words; also for no certificate at all (rule R5).
        """
        text = "\n".join(part for part in (cert, chain) if part)
        try:
            found, trailing = blocks(text)
        except EncodingError as error:
            raise _refusal(str(error)) from error
        if trailing:
            raise _refusal("error during PEM decoding")
        if not found:
            raise NotaryRefusal(Check.TRUST_STORE, "no trusted certificates are found to verify authenticity")
        if any(block.label != "CERTIFICATE" for block in found):
            raise _refusal("a PEM block that is no certificate")
        store = cls(tuple(dict.fromkeys(block.der for block in found)))
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


def _refusal(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.TRUST_STORE, f"failed to parse certificates: {text}")
