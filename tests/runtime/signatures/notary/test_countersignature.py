import hashlib
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.lab import der
from pratique.runtime.lab.certificates import der_bytes, pem
from pratique.runtime.lab.keys import derive_ec_key, sign
from pratique.runtime.signatures.notary.certificates import Certificate
from pratique.runtime.signatures.notary.countersignature import check_countersignature
from pratique.runtime.signatures.notary.limits import MAX_TOKEN_BYTES
from pratique.runtime.signatures.notary.model import Check, EnvelopeFormat, NotaryRefusal
from pratique.runtime.signatures.notary.revocation import NOTHING_KNOWN, RevocationStatus, SuppliedStatuses
from pratique.runtime.signatures.notary.signed_data import read_token
from pratique.runtime.signatures.notary.trust_store import TrustStore
from tests.support_notary import (
    AT,
    CODE_SIGNING,
    FORMS,
    LEAF_USAGE,
    LIFE,
    SEED,
    TARGET,
    OddSigner,
    certify,
    constraints,
    name,
    purposes,
    refusal,
    signer,
    stamper,
    usage,
    verify,
)

SIGNED = b"the signature's bytes"
TIME = AT + timedelta(minutes=1)
TSA = stamper()
STORE = TrustStore.from_pem(pem(TSA.root))
YEARS = timedelta(days=3 * 365)


def chain(maker: OddSigner | None = None) -> tuple[Certificate, ...]:
    certificates = (maker or signer()).chain
    return tuple(Certificate.read(c.public_bytes(Encoding.DER)) for c in certificates)


# --- tokens piece by piece ---------------------------------------------------------------------------------

SHA256, SHA1 = "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26"
TST_INFO, CONTENT_TYPE = "1.2.840.113549.1.9.16.1.4", "1.2.840.113549.1.9.3"
MESSAGE_DIGEST, CERTIFICATE_V2 = "1.2.840.113549.1.9.4", "1.2.840.113549.1.9.16.2.47"
STAMPING = (usage(*LEAF_USAGE), purposes(ExtendedKeyUsageOID.TIME_STAMPING, critical=True))
STAMPER = OddSigner(leaf=STAMPING)
STAMPER_STORE = TrustStore.from_pem(STAMPER.trust)


def token(
    *,
    maker: OddSigner = STAMPER,
    at: datetime = TIME,
    version: int = 1,
    policy: str = "1.2.3",
    accuracy: bytes = der.sequence(der.integer(1)),
    imprint: bytes | None = None,
    imprint_algorithm: str = SHA256,
    named: bytes | None = None,
    attributes: dict[str, bytes] | None = None,
    digest_algorithm: str = SHA256,
    signature_algorithm: str = "1.2.840.10045.4.3.2",
    signed_data_version: int = 3,
    signer_version: int = 1,
    signers: int = 1,
    certificates: tuple[x509.Certificate, ...] | None = None,
    content_type: str = TST_INFO,
) -> bytes:
    """Return a timestamp token whose every part a test may replace before it is signed."""
    info = der.sequence(
        der.integer(version),
        der.oid(policy),
        der.sequence(
            der.sequence(der.oid(imprint_algorithm)),
            der.octet_string(hashlib.sha256(SIGNED).digest() if imprint is None else imprint),
        ),
        der.integer(7),
        der.generalized_time(at),
        accuracy,
    )
    leaf = der_bytes(maker.leaf)
    certificate_hash = der.octet_string(hashlib.sha256(named or leaf).digest())
    values = {
        CONTENT_TYPE: der.oid(TST_INFO),
        MESSAGE_DIGEST: der.octet_string(hashlib.sha256(info).digest()),
        CERTIFICATE_V2: der.sequence(der.sequence(der.sequence(certificate_hash))),
        **(attributes or {}),
    }
    pairs = [der.sequence(der.oid(oid), der.set_of(value)) for oid, value in values.items() if value]
    signed = der.set_of(*pairs)
    info_of_signer = der.sequence(
        der.integer(signer_version),
        der.sequence(maker.leaf.issuer.public_bytes(), der.integer(maker.leaf.serial_number)),
        der.sequence(der.oid(digest_algorithm)),
        b"\xa0" + signed[1:],
        der.sequence(der.oid(signature_algorithm)),
        der.octet_string(sign(maker.key, signed)),
    )
    embedded = maker.chain if certificates is None else certificates
    data = der.sequence(
        der.integer(signed_data_version),
        der.set_of(der.sequence(der.oid(SHA256))),
        der.sequence(der.oid(content_type), der.context(0, der.octet_string(info))),
        *([der.context(0, *(der_bytes(c) for c in embedded))] if embedded else []),
        der.element(0x31, info_of_signer * signers),
    )
    return der.sequence(der.oid("1.2.840.113549.1.7.2"), der.context(0, data))


def check(stamp: bytes, store: TrustStore = STAMPER_STORE) -> datetime:
    return check_countersignature(stamp, SIGNED, chain(), store, NOTHING_KNOWN)


def test_pieces_make_a_good_token() -> None:
    assert check(token()) == TIME


def test_token_of_the_lab() -> None:
    stamp = TSA.stamp(SIGNED, TIME)[9:]
    assert check_countersignature(stamp, SIGNED, chain(), STORE, NOTHING_KNOWN) == TIME


@pytest.mark.parametrize("form", FORMS)
def test_envelope_outlives_its_certificates(form: EnvelopeFormat) -> None:
    envelope = signer().sign(TARGET, form=form, stamper=TSA)
    later = AT + YEARS
    refusal(Check.VALIDITY, verify, envelope, form, None, later)
    verified = verify(envelope, form, now=later, tsa_store=STORE)
    assert verified.stamped_at == TIME


@pytest.mark.parametrize("form", FORMS)
def test_a_store_demands_a_timestamp(form: EnvelopeFormat) -> None:
    text = refusal(Check.TIMESTAMP, lambda: verify(signer().sign(TARGET, form=form), form, tsa_store=STORE))
    assert text == "no timestamp countersignature was found in the signature envelope"


@pytest.mark.parametrize("form", FORMS)
def test_timestamp_of_another_signature(form: EnvelopeFormat) -> None:
    """A token is bound to the bytes it stamps, so it cannot be moved to another envelope."""
    mine = signer()
    stolen = TSA.stamp(b"another signature", TIME)

    class Thief:
        def stamp(self, data: bytes, at: datetime) -> bytes:
            return stolen

    envelope = mine.sign(TARGET, form=form, stamper=Thief())  # type: ignore[arg-type]
    text = refusal(Check.TIMESTAMP, lambda: verify(envelope, form, tsa_store=STORE))
    assert text.endswith("mismatched message")


def test_foreign_authority() -> None:
    stranger = TrustStore.from_pem(pem(stamper("other").root))
    stamp = TSA.stamp(SIGNED, TIME)[9:]
    refusal(Check.TIMESTAMP, check_countersignature, stamp, SIGNED, chain(), stranger, NOTHING_KNOWN)


def test_impostor() -> None:
    """Threat C20: the trusted certificate is named and embedded, another key signed."""
    stamp = TSA.stamp(SIGNED, TIME, impostor=stamper("other"))[9:]
    refusal(Check.TIMESTAMP, check_countersignature, stamp, SIGNED, chain(), STORE, NOTHING_KNOWN)


def test_signed_name_and_unsigned_name_must_agree() -> None:
    """The signature is checked by issuer and serial, which nothing signs; the profile by the signed hash."""
    good, other = STAMPER, TSA.signer.certificate
    stamp = token(named=der_bytes(other), certificates=(*good.chain, other))
    both = TrustStore.from_pem(good.trust, pem(TSA.root))
    assert "signing certificate not found" in refusal(Check.TIMESTAMP, check, stamp, both)


@pytest.mark.parametrize("algorithm", [der.sequence(der.oid(SHA256)), b""], ids=["stated", "left out"])
def test_hash_of_the_certificate(algorithm: bytes) -> None:
    digest = der.octet_string(hashlib.sha256(der_bytes(STAMPER.leaf)).digest())
    value = der.sequence(der.sequence(der.sequence(algorithm, digest)))
    assert check(token(attributes={CERTIFICATE_V2: value})) == TIME


def test_longer_hash_of_the_certificate() -> None:
    algorithm = der.sequence(der.oid("2.16.840.1.101.3.4.2.3"))
    digest = der.octet_string(hashlib.sha512(der_bytes(STAMPER.leaf)).digest())
    value = der.sequence(der.sequence(der.sequence(algorithm, digest)))
    assert check(token(attributes={CERTIFICATE_V2: value})) == TIME


SHORT_HASH = der.octet_string(hashlib.sha1(der_bytes(STAMPER.leaf)).digest())


@pytest.mark.parametrize(
    "stamp",
    [
        token(version=2),
        token(imprint=b"\x00" * 32),
        token(imprint=hashlib.sha1(SIGNED).digest(), imprint_algorithm=SHA1),
        token(accuracy=der.sequence(der.integer(-1))),
        token(accuracy=der.sequence(der.integer(10**9))),
        token(accuracy=der.sequence(der.integer(1 << 70))),
        token(attributes={CERTIFICATE_V2: b""}),
        token(attributes={CERTIFICATE_V2: der.sequence()}),
        token(attributes={CERTIFICATE_V2: der.sequence(der.sequence())}),
        token(attributes={CERTIFICATE_V2: der.sequence(der.sequence(der.sequence()))}),
        token(
            attributes={
                CERTIFICATE_V2: der.sequence(
                    der.sequence(der.sequence(der.sequence(der.oid(SHA1)), SHORT_HASH))
                )
            }
        ),
        token(attributes={CONTENT_TYPE: b""}),
        token(attributes={CONTENT_TYPE: der.oid("1.2.840.113549.1.7.1")}),
        token(attributes={MESSAGE_DIGEST: b""}),
        token(attributes={MESSAGE_DIGEST: der.octet_string(b"\x00" * 32)}),
        token(named=b"another"),
        token(digest_algorithm=SHA1),
        token(signature_algorithm="1.2.840.10045.4.1"),
        token(signed_data_version=1),
        token(signer_version=3),
        token(signers=0),
        token(signers=2),
        token(certificates=()),
        token(certificates=(STAMPER.leaf,)),
        token(content_type="1.2.840.113549.1.7.1"),
        token()[:-1],
        token() + b"\x00",
        b"\x30\x80" + token()[4:] + b"\x00\x00",
        b"\x30\x00",
        b"garbage",
        b"\x30" * (MAX_TOKEN_BYTES + 1),
    ],
)
def test_tokens_that_do_not_hold(stamp: bytes) -> None:
    refusal(Check.TIMESTAMP, check, stamp)


def test_certificates_in_any_order() -> None:
    """Real authorities do not sort them, although DER asks for it; nothing signs their order."""
    certificates = sorted(der_bytes(c) for c in STAMPER.chain)
    ordered, turned = (b"".join(x) for x in (certificates, certificates[::-1]))
    stamp = token(certificates=STAMPER.chain)
    position = min(stamp.index(c) for c in certificates)
    for content in (ordered, turned):
        assert check(stamp[:position] + content + stamp[position + len(content) :]) == TIME


@pytest.mark.parametrize(
    "extensions",
    [
        (usage(*LEAF_USAGE), purposes(ExtendedKeyUsageOID.TIME_STAMPING)),
        (usage(*LEAF_USAGE), purposes(CODE_SIGNING, critical=True)),
        (usage(*LEAF_USAGE, "key_agreement"), purposes(ExtendedKeyUsageOID.TIME_STAMPING, critical=True)),
    ],
)
def test_profile_of_the_authority(extensions: tuple[tuple[x509.ExtensionType, bool], ...]) -> None:
    maker = OddSigner(leaf=extensions)
    refusal(Check.TIMESTAMP, check, token(maker=maker), TrustStore.from_pem(maker.trust))


def test_profile_of_the_authoritys_issuer() -> None:
    """More than CMS readers ask for: an issuer must say that it may sign certificates."""
    maker = OddSigner(leaf=STAMPING, intermediate=(constraints(True),))
    text = refusal(Check.TIMESTAMP, check, token(maker=maker), TrustStore.from_pem(maker.trust))
    assert text.endswith("key usage extension must be present")


def test_authority_must_have_been_valid_then() -> None:
    hour = timedelta(hours=1)
    for level in ("leaf", "intermediate", "root"):
        maker = OddSigner(leaf=STAMPING, life={level: (hour, hour)})
        store = TrustStore.from_pem(maker.trust)
        assert check(token(maker=maker), store) == TIME
        # Stamped within the signer's life but outside the authority's.
        refusal(Check.TIMESTAMP, check, token(maker=maker, at=AT + 2 * hour), store)
        refusal(Check.TIMESTAMP, check, token(maker=maker, at=AT - 2 * hour), store)


def test_authority_may_be_revoked() -> None:
    certificates = chain(STAMPER)

    def statuses(status: RevocationStatus) -> SuppliedStatuses:
        return SuppliedStatuses({certificates[0].fingerprint: status})

    revoked = statuses(RevocationStatus.REVOKED)
    text = refusal(Check.REVOKED, check_countersignature, token(), SIGNED, chain(), STAMPER_STORE, revoked)
    assert text == 'timestamping certificate with subject "CN=odd leaf,O=odd,C=US" is revoked'


# --- the range of the time ---------------------------------------------------------------------------------


def with_life(before: timedelta, after: timedelta) -> tuple[Certificate, ...]:
    return chain(OddSigner(life={"leaf": (before, after)}))


@pytest.mark.parametrize(
    ("accuracy", "policy", "margin"),
    [
        (der.sequence(der.integer(5)), "1.2.3", timedelta(seconds=5)),
        (der.sequence(der.element(0x80, b"\x01")), "1.2.3", timedelta(milliseconds=1)),
        (der.sequence(der.element(0x81, b"\x01")), "1.2.3", timedelta(microseconds=1)),
        (b"", "1.2.3", timedelta()),
        (b"", "0.4.0.2023.1.1", timedelta(seconds=1)),
    ],
    ids=["seconds", "milliseconds", "microseconds", "none", "none under the baseline policy"],
)
def test_accuracy_counts_against_the_signer(accuracy: bytes, policy: str, margin: timedelta) -> None:
    """The whole range in which the time may lie must be in the life of every certificate."""
    second = timedelta(seconds=1)
    certificates = with_life(timedelta(), 10 * second)
    end = AT + 10 * second
    room = timedelta(seconds=-(-margin // second))

    def checked(at: datetime) -> datetime:
        stamp = token(at=at, accuracy=accuracy, policy=policy)
        return check_countersignature(stamp, SIGNED, certificates, STAMPER_STORE, NOTHING_KNOWN)

    assert checked(AT + room) == AT + room
    assert checked(end - room) == end - room
    if margin:
        assert "can be before" in refusal(Check.VALIDITY, checked, AT + room - second)
        assert "can be after" in refusal(Check.VALIDITY, checked, end - room + second)


@pytest.mark.parametrize("at", [AT - LIFE[0] - timedelta(minutes=1), AT + LIFE[1] + timedelta(minutes=1)])
def test_stamped_outside_the_signers_life(at: datetime) -> None:
    stamp = TSA.stamp(SIGNED, at)[9:]
    refusal(Check.VALIDITY, check_countersignature, stamp, SIGNED, chain(), STORE, NOTHING_KNOWN)


# --- hostile bytes -----------------------------------------------------------------------------------------

# Without the root, whose copy in the token nobody reads.
GOOD = token(certificates=(STAMPER.leaf, STAMPER.intermediate))
UNSIGNED_NOTE = GOOD.rindex(der.oid("1.2.840.10045.4.3.2"))


@given(st.integers(min_value=0, max_value=len(GOOD) - 1), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_is_refused(place: int, change: int) -> None:
    damaged = GOOD[:place] + bytes((GOOD[place] ^ change,)) + GOOD[place + 1 :]
    if UNSIGNED_NOTE <= place < UNSIGNED_NOTE + 10:
        return  # The name of the signature's algorithm is not signed; what follows from it is.
    with pytest.raises(NotaryRefusal):
        check(damaged)


@given(st.binary(max_size=600))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(NotaryRefusal):
        check(data)


def test_self_made_certificate_in_the_authoritys_name() -> None:
    key = derive_ec_key(SEED, "odd/leaf")
    forged = certify(name("odd leaf"), key.public_key(), name("odd intermediate"), key, STAMPING, at=AT)
    stamp = token(certificates=(forged, STAMPER.intermediate, STAMPER.root))
    refusal(Check.TIMESTAMP, check, stamp)


def test_response_is_the_token_with_a_status() -> None:
    response = read_token(GOOD).response
    assert sorted(response[-len(GOOD) :]) == sorted(GOOD)
    assert response[-len(GOOD) - 5 : -len(GOOD)] == bytes.fromhex("3003020100")
