"""Whether certificates are revoked: the question, and what is done where nobody can be asked.

Level strict enforces revocation. notation asks OCSP responders and fetches revocation lists; here nothing
opens a socket, so the answer comes from a `RevocationSource` that the caller supplies. Without an answer a
certificate passes only if it names no revocation service: nobody could ever say that it is revoked, and
notation lets it pass as well. One that does name a service is refused, as notation refuses one whose service
does not answer.

References: notation-go 1.3.2, `revocationFinalResult`; notation-core-go 1.3.0, `revocation.ValidateContext`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from pratique.runtime.signatures.notary.certificates import Certificate
from pratique.runtime.signatures.notary.model import Check, NotaryRefusal


class RevocationStatus(Enum):
    """What a source knows of a certificate."""

    GOOD = auto()
    REVOKED = auto()
    UNKNOWN = auto()


class RevocationSource(Protocol):
    """Knows which certificates are revoked at the present time."""

    def status(self, certificate: x509.Certificate, issuer: x509.Certificate) -> RevocationStatus:
        """Return what is known of `certificate`. Does not block and never raises: what fails is `UNKNOWN`."""
        ...


@dataclass(frozen=True, slots=True)
class SuppliedStatuses:
    """Statuses by SHA-256 fingerprint (lower-case hex of the DER); every other certificate is `UNKNOWN`."""

    statuses: Mapping[str, RevocationStatus] = field(default_factory=lambda: MappingProxyType({}))

    def status(self, certificate: x509.Certificate, issuer: x509.Certificate) -> RevocationStatus:
        """Return the supplied status."""
        return self.statuses.get(certificate.fingerprint(hashes.SHA256()).hex(), RevocationStatus.UNKNOWN)


NOTHING_KNOWN: Final = SuppliedStatuses()
"""The default: certificates that name a revocation service are refused."""


def check_revocation(chain: Sequence[Certificate], source: RevocationSource, purpose: str) -> None:
    """Check every certificate of `chain` but the root, which is trusted or not, and never revoked.

    Args:
        chain: leaf first, root last.
        source: what is asked.
        purpose: `signing` or `timestamping`, for the message.

    Raises:
        NotaryRefusal: `REVOKED` or `REVOCATION`, in notation's words; a revoked certificate goes first.
    """
    unknown: Certificate | None = None
    for certificate, issuer in pairwise(chain):
        match source.status(certificate.parsed, issuer.parsed):
            case RevocationStatus.REVOKED:
                text = f"{purpose} certificate with subject {certificate} is revoked"
                raise NotaryRefusal(Check.REVOKED, text)
            case RevocationStatus.UNKNOWN if certificate.names_revocation_service:
                unknown = unknown or certificate
            case RevocationStatus.GOOD | RevocationStatus.UNKNOWN:
                pass
    if unknown is not None:
        text = f"{purpose} certificate with subject {unknown} revocation status is unknown"
        raise NotaryRefusal(Check.REVOCATION, text)
