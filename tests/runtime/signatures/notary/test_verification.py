import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.lab.certificates import pem
from pratique.runtime.lab.keys import KeyType
from pratique.runtime.lab.notary import AGENT as AGENT_TEXT
from pratique.runtime.lab.notary import NotaryFault, NotarySigner
from pratique.runtime.lab.oci import compact
from pratique.runtime.ports import Digest, Manifest, Repository
from pratique.runtime.signatures.notary.cbor import Tag, decode, encode
from pratique.runtime.signatures.notary.limits import MAX_ENVELOPE_BYTES
from pratique.runtime.signatures.notary.model import (
    Check,
    EnvelopeFormat,
    NotaryRefusal,
    SigningScheme,
    Target,
)
from pratique.runtime.signatures.notary.trust_store import TrustStore
from pratique.runtime.signatures.notary.verification import (
    check_integrity,
    check_target,
    read_envelope,
    verify_envelope,
)
from tests.support_notary import (
    AT,
    COSE,
    FORMS,
    JWS,
    QUICK_KINDS,
    SEED,
    TARGET,
    digest_of,
    refusal,
    signer,
    stamper,
    verify,
)

TRUST = TrustStore.from_pem(signer().trust)
TSA = TrustStore.from_pem(pem(stamper().root))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", QUICK_KINDS)
def test_what_a_signature_proves(kind: KeyType, form: EnvelopeFormat) -> None:
    maker = NotarySigner(SEED, AT, kind=kind)
    expiry = AT + timedelta(days=7)
    envelope = maker.sign(TARGET, form=form, expiry=expiry, annotations={"build": "7", "a": ""})
    found = verify(envelope, form, maker.trust)
    chain = check_integrity(read_envelope(envelope, form))
    assert found.target == TARGET
    assert found.annotations == (("build", "7"), ("a", ""))
    assert found.subject == "CN=builder,O=pratique lab,ST=WA,C=US"
    assert (found.certificate, found.anchor) == (chain[0].fingerprint, chain[-1].fingerprint)
    assert found.key == chain[0].key_fingerprint
    assert (found.scheme, found.signing_time, found.expiry) == (SigningScheme.X509, AT, expiry)
    assert found.stamped_at is None
    check_target(found, TARGET)


_EXPECTED = {
    NotaryFault.WRONG_DIGEST: Check.TARGET,
    NotaryFault.TAMPERED_PAYLOAD: Check.SIGNATURE,
    NotaryFault.TAMPERED_SIGNATURE: Check.SIGNATURE,
    NotaryFault.EXPIRED: Check.EXPIRY,
    NotaryFault.EXPIRED_CERTIFICATE: Check.VALIDITY,
    NotaryFault.FOREIGN_ROOT: Check.AUTHENTICITY,
    NotaryFault.WRONG_USAGE: Check.CHAIN,
    NotaryFault.NO_INTERMEDIATE: Check.CHAIN,
    NotaryFault.REVOCABLE: Check.REVOCATION,
    NotaryFault.WRONG_ALGORITHM: Check.SIGNATURE,
    NotaryFault.UNKNOWN_CRITICAL: Check.HEADERS,
    NotaryFault.NOT_CRITICAL: Check.HEADERS,
    NotaryFault.PLUGIN: Check.PLUGIN,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", NotaryFault)
def test_each_fault_is_refused_by_its_own_check(fault: NotaryFault, form: EnvelopeFormat) -> None:
    maker = signer(faults={fault})
    envelope = maker.sign(TARGET, form=form)
    refusal(_EXPECTED[fault], lambda: check_target(verify(envelope, form, maker.trust), TARGET))


def _bare(form: EnvelopeFormat) -> bytes:
    """Return an envelope without the agent, which nothing signs."""
    whole = signer().sign(TARGET, form=form, stamper=stamper())
    agent = AGENT_TEXT.encode()
    return whole.replace(agent, b"") if form is JWS else whole


GOOD = {form: _bare(form) for form in FORMS}
AGENT = {form: GOOD[form].find(b"io.cncf.notary.signingAgent") for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_a_changed_byte_never_changes_what_is_proved(form: EnvelopeFormat, data: st.DataObject) -> None:
    """One byte is changed, cut out or put in. Only the agent's text, which is not signed, may differ."""
    good = GOOD[form]
    place = data.draw(st.integers(min_value=0, max_value=len(good) - 1))
    piece = data.draw(st.binary(max_size=2))
    changed = good[:place] + piece + good[place + 1 :]
    if changed == good:
        return
    try:
        found = verify_envelope(changed, form, trust_store=TRUST, now=AT, tsa_store=TSA)
    except NotaryRefusal:
        return
    assert found == verify_envelope(good, form, trust_store=TRUST, now=AT, tsa_store=TSA)
    before, after = read_envelope(good, form), read_envelope(changed, form)
    assert (after.signed, after.payload, after.signature) == (before.signed, before.payload, before.signature)
    assert after.certificates == before.certificates


@pytest.mark.parametrize("form", FORMS)
@given(place=st.integers(min_value=0), change=st.integers(min_value=1, max_value=255))
def test_a_changed_byte_is_refused(form: EnvelopeFormat, place: int, change: int) -> None:
    """Everywhere but in the agent's name and text, and in the note on the timestamp's algorithm."""
    good = GOOD[form]
    place %= len(good)
    if AGENT[form] - 2 <= place < AGENT[form] + 60:
        return
    changed = good[:place] + bytes((good[place] ^ change,)) + good[place + 1 :]
    # Without a store for timestamps the token is not read, so it is asked for here.
    try:
        verify_envelope(changed, form, trust_store=TRUST, now=AT, tsa_store=TSA)
    except NotaryRefusal:
        return
    token, other = read_envelope(good, form).token, read_envelope(changed, form).token
    assert sum(a != b for a, b in zip(token, other, strict=True)) == 1


@pytest.mark.parametrize("form", FORMS)
@given(data=st.binary(max_size=500))
def test_arbitrary_bytes_are_refused(form: EnvelopeFormat, data: bytes) -> None:
    with pytest.raises(NotaryRefusal):
        verify_envelope(data, form, trust_store=TRUST, now=AT)


@pytest.mark.parametrize("form", FORMS)
def test_parts_of_two_signatures_do_not_mix(form: EnvelopeFormat) -> None:
    """Payload, header, signature and chain of another good signature are no part of this one."""
    other_target = Target(media_type=TARGET.media_type, digest=digest_of(b"other"), size=5)
    mine = signer().sign(TARGET, form=form)
    other = signer(name="other").sign(other_target, form=form, expiry=AT + timedelta(days=1))
    verify(other, form)
    if form is JWS:
        ours, theirs = json.loads(mine), json.loads(other)
        mixed = [compact({**ours, name: theirs[name]}) for name in ours]
    else:
        left, right = decode(mine), decode(other)
        assert isinstance(left, Tag)
        assert isinstance(right, Tag)
        a: Any = left.value
        b: Any = right.value
        mixed = [encode(Tag(18, [*a[:i], b[i], *a[i + 1 :]])) for i in range(4)]
    assert len(mixed) == 4
    for envelope in mixed:
        refusal(Check.SIGNATURE, verify, envelope, form)


@pytest.mark.parametrize("form", FORMS)
def test_signing_authorities_have_their_own_store(form: EnvelopeFormat) -> None:
    """The trust policy of Kyverno has none, so that it refuses such signatures whoever made them."""
    maker = signer()
    envelope = maker.sign(TARGET, form=form, scheme=SigningScheme.SIGNING_AUTHORITY)
    text = refusal(Check.AUTHENTICITY, verify, envelope, form)
    assert text == "no trusted certificates are found to verify authenticity"
    # The authority vouches for the time, so its certificates may have expired since.
    later = AT + timedelta(days=3650)
    found = verify(envelope, form, now=later, signing_authorities=TrustStore.from_pem(maker.trust))
    assert (found.scheme, found.signing_time) == (SigningScheme.SIGNING_AUTHORITY, AT)
    stranger = TrustStore.from_pem(pem(stamper().root))
    refusal(Check.AUTHENTICITY, lambda: verify(envelope, form, signing_authorities=stranger))


def test_signing_authority_outside_its_life() -> None:
    maker = signer(faults={NotaryFault.EXPIRED_CERTIFICATE})
    envelope = maker.sign(TARGET, scheme=SigningScheme.SIGNING_AUTHORITY)
    store = TrustStore.from_pem(maker.trust)
    text = refusal(Check.VALIDITY, lambda: verify(envelope, JWS, signing_authorities=store))
    assert text.startswith('certificate "CN=builder,O=pratique lab,ST=WA,C=US" was not valid when')


@pytest.mark.parametrize("form", FORMS)
def test_expiry_is_exclusive(form: EnvelopeFormat) -> None:
    expiry = AT + timedelta(days=2)
    envelope = signer().sign(TARGET, form=form, expiry=expiry)
    assert verify(envelope, form, now=expiry - timedelta(microseconds=1)).expiry == expiry
    text = refusal(Check.EXPIRY, verify, envelope, form, None, expiry)
    assert text == 'digital signature has expired on "Wed, 25 Nov 2026 12:00:00 +0000"'


def test_a_timestamp_does_not_renew_an_expired_signature() -> None:
    envelope = signer().sign(TARGET, stamper=stamper(), faults={NotaryFault.EXPIRED})
    refusal(Check.EXPIRY, lambda: verify(envelope, JWS, tsa_store=TSA))


@pytest.mark.parametrize(
    ("media_type", "words"),
    [
        ("", 'media type ""'),
        ("application/json", 'media type "application/json"'),
        ("application/jose+json; charset=utf-8", "not supported"),
        ("APPLICATION/COSE", "not supported"),
        ("\x1b[31m" * 1000, "\\x1b[31m"),
    ],
)
def test_other_media_types(media_type: str, words: str) -> None:
    text = refusal(Check.ENVELOPE, verify, GOOD[JWS], media_type)
    assert words in text
    assert text.isprintable()


def test_formats_are_not_guessed() -> None:
    refusal(Check.ENVELOPE, verify, GOOD[JWS], COSE)
    refusal(Check.ENVELOPE, verify, GOOD[COSE], JWS)


@pytest.mark.parametrize("form", FORMS)
def test_size_is_bounded(form: EnvelopeFormat) -> None:
    assert refusal(Check.ENVELOPE, verify, b"", form) == "signature envelope is not present"
    assert "more than" in refusal(Check.ENVELOPE, verify, b" " * (MAX_ENVELOPE_BYTES + 1), form)


def test_empty_store_trusts_nothing() -> None:
    """Rule R5."""
    with pytest.raises(NotaryRefusal) as caught:
        verify_envelope(GOOD[JWS], JWS, trust_store=TrustStore(()), now=AT)
    assert caught.value.code == Check.AUTHENTICITY


@pytest.mark.parametrize(
    "other",
    [
        Target(media_type=TARGET.media_type, digest=Digest("sha256:" + "b" * 64), size=TARGET.size),
        Target(media_type=TARGET.media_type, digest=TARGET.digest, size=TARGET.size + 1),
        Target(media_type="x/y", digest=TARGET.digest, size=TARGET.size),
    ],
)
def test_n4_target_of_another_artifact(other: Target) -> None:
    """Threat N4: digest, size and media type of the manifest under test are those that were signed."""
    found = verify(GOOD[JWS], JWS)
    assert refusal(Check.TARGET, check_target, found, other) == "content descriptor mismatch"


def test_target_of_a_manifest() -> None:
    body = b'{"schemaVersion":2}'
    manifest = Manifest(Repository("r", "a"), digest_of(body), "x/y", body, {})
    assert Target.of(manifest) == Target(media_type="x/y", digest=digest_of(body), size=len(body))
