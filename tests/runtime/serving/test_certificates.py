"""Renewal, step by step, and what clients make of each."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from pratique.runtime.admission.listening import server_tls
from pratique.runtime.pem_files import load_pair
from pratique.runtime.serving.certificates import Durations, Material, UnreadableMaterial, expires, step

NAMES = ["pratique.pratique.svc", "127.0.0.1"]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def count(material: Material) -> int:
    return len(x509.load_pem_x509_certificates(material.authorities))


def trusts(authorities: bytes, material: Material, now: datetime) -> bool:
    """Say whether a strict client that trusts `authorities` accepts the server's certificate."""
    store = x509.verification.Store(x509.load_pem_x509_certificates(authorities))
    leaf = x509.load_pem_x509_certificate(material.certificate)
    verifier = (
        x509.verification.PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(NAMES[0]))
    )
    try:
        verifier.verify(leaf, [])
    except x509.verification.VerificationError:
        return False
    return True


def test_a_first_certificate_is_trusted_and_left_alone() -> None:
    made = step(None, NAMES, NOW)
    assert trusts(made.authorities, made, NOW)
    assert count(made) == 1
    assert step(made, NAMES, NOW + DAY) is made
    assert "PRIVATE" not in repr(made)


def test_f28_whoever_heard_of_the_last_step_trusts_the_next_one() -> None:
    """For three years, looked at every day: clients know the bundle of the day before."""
    durations = Durations()
    made = step(None, NAMES, NOW)
    now, known, authorities, leaves = NOW, made.authorities, {made.authorities}, {made.certificate}
    for _ in range(3 * 365):
        now += DAY
        after = step(made, NAMES, now, durations)
        assert trusts(known, after, now)
        assert trusts(after.authorities, made, now)
        made, known = after, after.authorities
        authorities.add(made.authorities)
        leaves.add(made.certificate)
    assert len(leaves) > 10
    assert len(authorities) >= 7
    assert count(made) <= 2


def test_f28_a_new_authority_does_not_sign_before_everybody_heard_of_it() -> None:
    durations = Durations()
    due = NOW + durations.authority - durations.leaf + DAY
    made = step(step(None, NAMES, NOW), NAMES, due - 2 * DAY)
    added = step(made, NAMES, due)
    assert (count(added), added.certificate) == (2, made.certificate)
    assert step(added, NAMES, due + durations.settle / 2) is added
    signed = step(added, NAMES, due + durations.settle)
    assert signed.certificate != made.certificate
    assert count(signed) == 2
    assert step(signed, NAMES, due + durations.settle * 1.5) is signed
    alone = step(signed, NAMES, due + durations.settle * 2)
    assert (count(alone), alone.certificate) == (1, signed.certificate)
    assert trusts(alone.authorities, alone, due + DAY)


def test_another_name_is_another_certificate_of_the_same_authority() -> None:
    made = step(None, NAMES, NOW)
    other = step(made, ["webhook.example", NAMES[0]], NOW)
    assert (other.authorities == made.authorities, other.certificate == made.certificate) == (True, False)


def test_f28_what_is_over_is_made_anew() -> None:
    made = step(None, NAMES, NOW)
    later = NOW + 400 * DAY
    after = step(made, NAMES, later)
    assert trusts(after.authorities, after, later)
    assert expires(after.certificate) > later


@pytest.mark.parametrize("field", ["authorities", "authority_key", "certificate"])
def test_what_cannot_be_read_is_made_anew(field: str) -> None:
    made = step(None, NAMES, NOW)
    parts = {name: getattr(made, name) for name in Material.__slots__} | {field: b"nonsense"}
    after = step(Material(**parts), NAMES, NOW)
    assert trusts(after.authorities, after, NOW)


def test_keys_that_do_not_fit_are_made_anew() -> None:
    made, other = step(None, NAMES, NOW), step(None, NAMES, NOW)
    mixed = Material(
        authorities=made.authorities,
        authority_key=other.authority_key,
        certificate=made.certificate,
        key=made.key,
    )
    assert trusts(step(mixed, NAMES, NOW).authorities, step(mixed, NAMES, NOW), NOW) is False
    after = step(mixed, NAMES, NOW)
    assert trusts(after.authorities, after, NOW)


def test_no_certificate_has_no_end() -> None:
    with pytest.raises(UnreadableMaterial):
        expires(b"")


def test_python_s_own_client_accepts_it(tmp_path: Path) -> None:
    made = step(None, NAMES, datetime.now(UTC))
    server = server_tls()
    load_pair(server, made.certificate, made.key)
    client = ssl.create_default_context(cadata=made.authorities.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def answer() -> None:
        with server.wrap_socket(theirs, server_side=True) as line:
            line.sendall(b"x")

    thread = threading.Thread(target=answer)
    thread.start()
    with client.wrap_socket(ours, server_hostname=NAMES[0]) as line:
        assert line.recv(1) == b"x"
    thread.join()
    assert list(tmp_path.iterdir()) == []
