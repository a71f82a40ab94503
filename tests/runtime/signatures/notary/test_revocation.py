from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from pratique.runtime.signatures.notary.certificates import Certificate
from pratique.runtime.signatures.notary.model import Check
from pratique.runtime.signatures.notary.revocation import (
    NOTHING_KNOWN,
    RevocationSource,
    RevocationStatus,
    SuppliedStatuses,
    check_revocation,
)
from tests.support_notary import (
    CA_EXTENSIONS,
    JWS,
    LEAF_EXTENSIONS,
    TARGET,
    Extension,
    OddSigner,
    refusal,
    verify,
)

GOOD, REVOKED, UNKNOWN = RevocationStatus.GOOD, RevocationStatus.REVOKED, RevocationStatus.UNKNOWN
PLACE = x509.UniformResourceIdentifier("http://pki.lab.invalid")


def access(method: x509.ObjectIdentifier) -> Extension:
    return x509.AuthorityInformationAccess([x509.AccessDescription(method, PLACE)]), False


OCSP = access(AuthorityInformationAccessOID.OCSP)
ISSUERS = access(AuthorityInformationAccessOID.CA_ISSUERS)
LISTS: Extension = (x509.CRLDistributionPoints([x509.DistributionPoint([PLACE], None, None, None)]), False)


def chain(maker: OddSigner) -> tuple[Certificate, ...]:
    return tuple(Certificate.read(c.public_bytes(Encoding.DER)) for c in maker.chain)


@pytest.mark.parametrize("extension", [OCSP, LISTS], ids=["responder", "lists"])
def test_a_named_service_must_have_answered(extension: Extension) -> None:
    leaf = OddSigner(leaf=(*LEAF_EXTENSIONS, extension))
    intermediate = OddSigner(intermediate=(*CA_EXTENSIONS, extension))
    for maker, who in ((leaf, "odd leaf"), (intermediate, "odd intermediate")):
        text = refusal(Check.REVOCATION, verify, maker.sign(TARGET), JWS, maker.trust)
        assert text == f'signing certificate with subject "CN={who},O=odd,C=US" revocation status is unknown'


def test_certificates_that_nobody_can_revoke_pass() -> None:
    maker = OddSigner(leaf=(*LEAF_EXTENSIONS, ISSUERS), root=(*CA_EXTENSIONS, OCSP, LISTS))
    assert verify(maker.sign(TARGET), JWS, maker.trust).target == TARGET


def test_supplied_statuses() -> None:
    maker = OddSigner(leaf=(*LEAF_EXTENSIONS, OCSP), intermediate=(*CA_EXTENSIONS, LISTS))
    leaf, intermediate, _ = certificates = chain(maker)
    known = SuppliedStatuses({leaf.fingerprint: GOOD, intermediate.fingerprint: GOOD})
    check_revocation(certificates, known, "signing")
    assert verify(maker.sign(TARGET), JWS, maker.trust, revocation=known).target == TARGET
    half = SuppliedStatuses({leaf.fingerprint: GOOD})
    assert "odd intermediate" in refusal(Check.REVOCATION, check_revocation, certificates, half, "signing")


@pytest.mark.parametrize("who", [0, 1])
def test_revoked(who: int) -> None:
    """A word that a certificate is revoked counts whether or not it names a service."""
    for extensions in ((), (OCSP,)):
        maker = OddSigner(leaf=(*LEAF_EXTENSIONS, *extensions))
        certificates = chain(maker)
        known = SuppliedStatuses({certificates[who].fingerprint: REVOKED})
        text = refusal(Check.REVOKED, check_revocation, certificates, known, "signing")
        assert text == f"signing certificate with subject {certificates[who]} is revoked"


def test_the_root_is_trusted_or_not_and_never_revoked() -> None:
    certificates = chain(OddSigner())
    check_revocation(certificates, SuppliedStatuses({certificates[-1].fingerprint: REVOKED}), "signing")
    check_revocation(certificates[-1:], NOTHING_KNOWN, "signing")


def test_the_source_is_asked_with_the_issuer() -> None:
    @dataclass
    class Recorder:
        asked: list[tuple[x509.Certificate, x509.Certificate]]

        def status(self, certificate: x509.Certificate, issuer: x509.Certificate) -> RevocationStatus:
            self.asked.append((certificate, issuer))
            return UNKNOWN

    maker = OddSigner()
    recorder = Recorder([])
    source: RevocationSource = recorder
    verify(maker.sign(TARGET), JWS, maker.trust, revocation=source)
    assert recorder.asked == [(maker.leaf, maker.intermediate), (maker.intermediate, maker.root)]
