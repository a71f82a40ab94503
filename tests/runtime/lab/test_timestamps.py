import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

from pratique.runtime.lab.certificates import pem
from pratique.runtime.lab.keys import flip_last_bit
from pratique.runtime.lab.timestamps import TimestampAuthority

AT = datetime(2023, 4, 1, 12, tzinfo=UTC)
STAMPED = datetime(2023, 4, 1, 12, 0, 2, tzinfo=UTC)
OURS = TimestampAuthority("seed", AT, "lab", "tsa.lab.test")
STRANGER = TimestampAuthority("stranger", AT, "lab", "tsa.lab.test")

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs the openssl program on PATH")


def accepts(response: bytes, data: bytes) -> bool:
    """Ask rfc3161_client, which trusts our authority."""
    verifier = (
        VerifierBuilder().tsa_certificate(OURS.signer.certificate).add_root_certificate(OURS.root).build()
    )
    try:
        return verifier.verify_message(decode_timestamp_response(response), data)
    except VerificationError:
        return False


def test_good_stamp() -> None:
    response = OURS.stamp(b"data", STAMPED)
    assert accepts(response, b"data")
    assert not accepts(response, b"date")


def test_what_it_says() -> None:
    info = decode_timestamp_response(OURS.stamp(b"data", STAMPED)).tst_info
    assert info.gen_time == STAMPED
    assert info.policy.dotted_string == "1.3.6.1.4.1.57264.2"
    assert info.version == 1
    assert info.message_imprint.message.hex().startswith("3a6eb0790f39ac87")


def test_flipped_bit_is_refused() -> None:
    assert not accepts(flip_last_bit(OURS.stamp(b"data", STAMPED)), b"data")


def test_stranger_is_refused() -> None:
    assert not accepts(STRANGER.stamp(b"data", STAMPED), b"data")


def test_impostor_is_refused() -> None:
    response = OURS.stamp(b"data", STAMPED, impostor=STRANGER)
    assert not accepts(response, b"data")
    embedded = decode_timestamp_response(response).signed_data.certificates
    assert len(embedded) == 2


def test_serials_tell_stamps_apart() -> None:
    one, two = OURS.stamp(b"data", STAMPED), OURS.stamp(b"data", STAMPED, serial=1)
    assert one != two
    assert accepts(two, b"data")
    assert OURS.stamp(b"data", STAMPED) == one


def test_certificates() -> None:
    signer, root = OURS.chain
    signer.verify_directly_issued_by(root)
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert list(usage.value) == [ExtendedKeyUsageOID.TIME_STAMPING]


def openssl_verifies(folder: Path, response: bytes, data: bytes) -> subprocess.CompletedProcess[str]:
    for name, content in {
        "response": response,
        "data": data,
        "root.pem": pem(OURS.root).encode(),
        "signer.pem": pem(OURS.signer.certificate).encode(),
    }.items():
        (folder / name).write_bytes(content)
    assert OPENSSL
    trust = ("-CAfile", "root.pem", "-untrusted", "signer.pem")
    return subprocess.run(
        [OPENSSL, "ts", "-verify", "-data", "data", "-in", "response", *trust],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@needs_openssl
def test_openssl_accepts_the_stamp(tmp_path: Path) -> None:
    done = openssl_verifies(tmp_path, OURS.stamp(b"data", STAMPED), b"data")
    assert (done.returncode, done.stdout) == (0, "Verification: OK\n")


@needs_openssl
@pytest.mark.parametrize(
    ("response", "data"),
    [
        (OURS.stamp(b"data", STAMPED), b"date"),
        (flip_last_bit(OURS.stamp(b"data", STAMPED)), b"data"),
        (STRANGER.stamp(b"data", STAMPED), b"data"),
        (OURS.stamp(b"data", STAMPED, impostor=STRANGER), b"data"),
    ],
    ids=["other-data", "flipped", "stranger", "impostor"],
)
def test_openssl_refuses_the_rest(response: bytes, data: bytes, tmp_path: Path) -> None:
    assert openssl_verifies(tmp_path, response, data).returncode != 0
