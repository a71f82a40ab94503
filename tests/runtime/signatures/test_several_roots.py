"""Several trust roots beside each other, and roots that are past or lack a part."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.signatures.model import StoredSignature, VerifiedSignature
from pratique.runtime.signatures.root_report import root_json, root_text
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_signatures import DIGEST, T0, Instance, public_pem

ACME, OTHER = Instance("acme"), Instance("other")
NOW = T0 + timedelta(days=30)
KEYLESS, ANY = ir.AnyIdentity(), ir.Trust()


def root_of(document: bytes, name: str, change: Callable[[dict[str, Any]], None] | None = None) -> TrustRoot:
    value = json.loads(document)
    if change:
        change(value)
    return TrustRoot.from_json(json.dumps(value).encode(), name)


A, B = root_of(ACME.trusted_root(), "a"), root_of(OTHER.trusted_root(), "b")


def judge(
    stored: StoredSignature, *roots: TrustRoot, trust: ir.Trust = ANY, at: datetime = NOW
) -> VerifiedSignature:
    verifier = Verifier(lambda: roots, lambda: at)
    verifier.prepare(KEYLESS, trust)
    return verifier.verify(stored, KEYLESS, trust, DIGEST)


def test_the_root_that_vouched_is_named_where_there_was_a_choice() -> None:
    assert judge(ACME.signature(), A).root == ""
    assert judge(ACME.signature(), A, B).root == "a"
    assert judge(OTHER.signature(), A, B).root == "b"
    assert judge(OTHER.signature(), B, A).root == "b"


def test_a_stranger_to_all_is_refused_by_each() -> None:
    stranger = Instance("stranger").signature()
    with pytest.raises(VerificationError) as alone:
        judge(stranger, A)
    with pytest.raises(VerificationError) as caught:
        judge(stranger, A, B)
    assert caught.value.code == alone.value.code
    # Both roots say the same, so it is said once.
    assert caught.value.message == alone.value.message


def test_the_root_that_knows_the_signer_speaks_first() -> None:
    stored = replace(OTHER.signature(), signature="MEUCIQ==")
    with pytest.raises(VerificationError) as alone:
        judge(stored, B)
    with pytest.raises(VerificationError) as caught:
        judge(stored, A, B)
    assert alone.value.code in (caught.value.code, "log-entry-mismatch")
    assert "by the root " in caught.value.message or caught.value.message == alone.value.message


@pytest.mark.parametrize("part", ["tlogs", "ctlogs"])
def test_the_authority_of_one_root_never_stands_beside_the_log_of_another(part: str) -> None:
    """Together the two roots hold all that the signature needs; neither does alone."""
    other = json.loads(OTHER.trusted_root())

    def swap(document: dict[str, Any]) -> None:
        document[part] = other[part]

    without = root_of(ACME.trusted_root(), "without", swap)
    theirs = json.loads(ACME.trusted_root())[part]

    def lend(document: dict[str, Any]) -> None:
        document[part] = theirs

    lender = root_of(OTHER.trusted_root(), "lender", lend)
    for roots in ((without, lender), (lender, without)):
        with pytest.raises(VerificationError):
            judge(ACME.signature(), *roots)
    assert judge(ACME.signature(), without, lender, A).root == A.name


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("certificateAuthorities", "failed to get roots from fulcio"),
        ("tlogs", "failed to load Rekor public keys"),
        ("ctlogs", "failed to load CTLogs public keys"),
    ],
)
def test_r5_a_root_that_lacks_what_is_asked_for_is_an_error_with_a_cure(part: str, text: str) -> None:
    lacking = root_of(ACME.trusted_root(), "lacking", lambda document: document.update({part: []}))
    with pytest.raises(TransportError, match=rf"^{text}: the trust root lacking has none") as caught:
        judge(ACME.signature(), lacking)
    assert caught.value.code == "trust-unavailable"
    assert "Give a --trusted-root that has them" in caught.value.message
    assert judge(ACME.signature(), lacking, A).root == "a"  # another that has it is enough


def test_a_root_without_authorities_and_logs_is_none() -> None:
    with pytest.raises(TransportError, match="neither a certificate authority nor a transparency log"):
        root_of(ACME.trusted_root(), "empty", lambda d: d.update({"certificateAuthorities": [], "tlogs": []}))


PAST = {"start": "2020-01-01T00:00:00Z", "end": (T0 + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_f17_a_past_root_still_proves_what_is_of_its_time() -> None:
    past = root_of(ACME.trusted_root(ca=PAST, log=PAST, ct=PAST), "past")
    assert past.is_past(NOW)
    assert not past.is_past(T0)
    assert judge(ACME.signature(), past).identity


def test_f17_a_past_root_does_not_know_and_must_not_say_fail() -> None:
    past = root_of(ACME.trusted_root(ca=PAST, log=PAST, ct=PAST), "past")
    with pytest.raises(TransportError, match="the trust root past is out of date") as caught:
        judge(OTHER.signature(), past)
    assert caught.value.code == "trust-stale"
    assert "pratique root update" in caught.value.message
    with pytest.raises(VerificationError):  # in its time it could know
        judge(OTHER.signature(), past, at=T0)


def test_c17_a_root_of_which_one_log_has_ended_is_not_past() -> None:
    early = {"start": "2020-01-01T00:00:00Z", "end": "2020-06-01T00:00:00Z"}
    ended = root_of(ACME.trusted_root(log=early), "ended")
    assert not ended.is_past(NOW)
    with pytest.raises(VerificationError) as caught:
        judge(ACME.signature(), ended)
    assert caught.value.code == "log-key-expired"


@pytest.mark.parametrize(
    "off", [timedelta(minutes=-10), timedelta(minutes=10), timedelta(days=-730), timedelta(days=730)]
)
def test_f22_what_is_logged_is_judged_at_the_time_of_the_log(off: timedelta) -> None:
    assert judge(ACME.signature(), A, at=NOW + off).identity


def test_f22_a_clock_that_is_decades_ahead_makes_no_fail() -> None:
    later = datetime(2090, 1, 1, tzinfo=UTC)
    assert judge(ACME.signature(), A, at=later).identity
    with pytest.raises(TransportError, match="set the clock of this machine if it is wrong"):
        judge(OTHER.signature(), A, at=later)


def test_r3_the_version_is_that_of_all_roots_in_their_order() -> None:
    anyone = ir.TextTests(tests=(ir.Exactly(text="x"),))
    attestor = ir.Attestor(signer=ir.IdentitySigner(issuer=anyone, subject=anyone), trust=ANY)
    versions = [Verifier(lambda r=r: r).version(attestor) for r in (A, (A,), (A, B), (B, A), B)]  # type: ignore[misc]
    assert versions[0] == versions[1] == A.version
    assert len(set(versions)) == 4


def test_roots_are_read_only_when_something_needs_them() -> None:
    verifier = Verifier(lambda: (A, B))
    verifier.prepare(ir.KeySigner(key=public_pem(ACME.log_key)), ACME.unlogged())
    assert not verifier.roots_used
    verifier.prepare(KEYLESS, ANY)
    assert verifier.roots_used == (A, B)


def test_a_root_is_shown_with_what_has_ended() -> None:
    past = root_of(ACME.trusted_root(ca=PAST), "past")
    shown = root_json(past, NOW)
    assert shown["outOfDate"] is True
    assert [(e["kind"], e["inUse"]) for e in shown["entries"]] == [
        ("certificate authority", False),
        ("transparency log", True),
        ("certificate log", True),
    ]
    text = root_text(past, NOW)
    assert "everything in it has ended" in text
    assert "  ended   certificate authority CN=acme root, from 2020-01-01T00:00:00Z to 2024-03-02" in text
    assert "  in use  transparency log https://log.test, from 2020-01-01T00:00:00Z\n" in text
    assert "to come" in root_text(past, datetime(2019, 1, 1, tzinfo=UTC))


def test_names_in_a_root_cannot_drive_a_terminal() -> None:
    def name(document: dict[str, Any]) -> None:
        document["tlogs"][0]["baseUrl"] = "https://log\x1b[2J\n"

    text = root_text(root_of(ACME.trusted_root(), "a", name), NOW)
    assert "\x1b" not in text
    assert text.count("\n") == 4


# --- roots that policies bring along --------------------------------------------------------------------

OWN = ir.Trust(trusted_root=ACME.trusted_root().decode())


def test_the_root_of_a_policy_takes_the_place_of_all_others() -> None:
    found = judge(ACME.signature(), B, trust=OWN)
    assert found.root == ""
    assert judge(ACME.signature(), A, B, trust=OWN).root == ""
    with pytest.raises(VerificationError):
        judge(OTHER.signature(), B, trust=OWN)


def test_no_other_root_is_read_then() -> None:
    def unread() -> TrustRoot:
        raise AssertionError

    verifier = Verifier(unread, lambda: NOW)
    verifier.prepare(KEYLESS, OWN)
    assert verifier.verify(ACME.signature(), KEYLESS, OWN, DIGEST).image_digest == DIGEST
    assert verifier.version(ir.Attestor(signer=ir.IdentitySigner(), trust=OWN)) == ""


@pytest.mark.parametrize("text", ["", "{", "{}", '{"tlogs": 1}', "\ud800"])
def test_a_root_that_is_none_trusts_nobody(text: str) -> None:
    with pytest.raises(VerificationError) as caught:
        judge(ACME.signature(), A, trust=ir.Trust(trusted_root=text))
    assert caught.value.code == "bad-trusted-root"
    assert "parsing inline trustedRoot JSON" in caught.value.message
