"""Verifying keyless signatures: how many a second, and how much more than the bare ECDSA they contain.

Bare means the four signature checks of each signature and nothing else: the issuer's on the certificate, the
logs' on certificate and entry, the signer's on the payload. Genuine signatures, one core, nothing remembered
of a signature between two rounds.
"""

import base64
import json
import lzma
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.anchors import anchors
from pratique.runtime.signatures.chains import build_path
from pratique.runtime.signatures.legacy import verify_signature
from pratique.runtime.signatures.model import StoredSignature
from tests.support_signatures import SHARED, genuine_records, public_good

ROUNDS = 5
TRUST = ir.Trust()
Check = tuple[ec.EllipticCurvePublicKey, bytes, bytes, hashes.HashAlgorithm]


def run() -> Iterator[tuple[str, object]]:
    """Yield (label, figure)."""
    bulk = SHARED / "bulk.jsonl.xz"
    found = list(_collection(bulk) if bulk.exists() else _samples())
    signatures = [(s, d) for s, d in found if _holds(s, d)]
    checks = [check for signature, _ in signatures for check in _bare(signature)]
    bare, whole = _best([lambda: _verify_bare(checks), lambda: _verify_all(signatures)])
    number = len(signatures)
    yield "genuine keyless signatures verified", number
    yield "a second, one core", f"{number / whole:,.0f}"
    yield "CPU for one", f"{whole / number * 1e3:.2f} ms"
    yield "bare ECDSA for one (P-384 once, P-256 three times)", f"{bare / number * 1e3:.2f} ms"
    yield "ratio to bare ECDSA (budget 2)", f"{whole / bare:.2f}"


def _collection(path: Path) -> Iterator[tuple[StoredSignature, Digest]]:
    with lzma.open(path, "rt") as lines:
        for line in lines:
            facts = json.loads(line)
            stored = StoredSignature(
                payload=base64.b64decode(facts["payload"]),
                layer=Digest(""),
                signature=facts["signature"],
                certificate=facts["certificate"],
                bundle=json.dumps(facts["bundle"]),
            )
            yield stored, Digest(facts["digest"])


def _samples() -> Iterator[tuple[StoredSignature, Digest]]:
    records = genuine_records("verified")
    return ((r.stored, r.digest) for r in records * 200 if r.stored.certificate)


def _holds(stored: StoredSignature, digest: Digest) -> bool:
    try:
        _verify_all([(stored, digest)])
    except VerificationError:
        return False
    return True


def _verify_all(signatures: Iterable[tuple[StoredSignature, Digest]]) -> None:
    ready = anchors(TRUST, public_good())
    for stored, digest in signatures:
        verify_signature(stored, ir.AnyIdentity(), TRUST, ready, digest, lambda: datetime.now(UTC))


def _bare(stored: StoredSignature) -> Iterator[Check]:
    """Yield the four checks of a signature, everything about them worked out beforehand."""
    leaf = x509.load_pem_x509_certificate(stored.certificate.encode())
    path = build_path(leaf, public_good().authorities, at=leaf.not_valid_before_utc)
    issuer = path.issuers[0].public_key()
    assert isinstance(issuer, ec.EllipticCurvePublicKey)
    assert leaf.signature_hash_algorithm is not None
    yield issuer, leaf.signature, leaf.tbs_certificate_bytes, leaf.signature_hash_algorithm
    (sct,) = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps).value
    body = leaf.tbs_precertificate_bytes
    milliseconds = round(sct.timestamp.replace(tzinfo=UTC).timestamp() * 1000)
    issuer_id = sha256(_spki(path.issuers[0])).digest()
    covered = struct.pack("!BBQH", 0, 0, milliseconds, 1) + issuer_id + len(body).to_bytes(3, "big") + body
    ct_log = public_good().ct_logs.named(sct.log_id.hex())[0].key.public
    assert isinstance(ct_log, ec.EllipticCurvePublicKey)
    yield ct_log, sct.signature, covered + b"\0\0", hashes.SHA256()
    bundle = json.loads(stored.bundle)
    log = public_good().logs.named(bundle["Payload"]["logID"])[0].key.public
    assert isinstance(log, ec.EllipticCurvePublicKey)
    promise = base64.b64decode(bundle["SignedEntryTimestamp"])
    yield log, promise, rfc8785.dumps(bundle["Payload"]), hashes.SHA256()
    signer = leaf.public_key()
    assert isinstance(signer, ec.EllipticCurvePublicKey)
    assert stored.signature is not None
    yield signer, base64.b64decode(stored.signature), stored.payload, hashes.SHA256()


def _spki(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _verify_bare(checks: Iterable[Check]) -> None:
    for key, signature, data, algorithm in checks:
        key.verify(signature, data, ec.ECDSA(algorithm))


def _best(works: list[Callable[[], None]]) -> list[float]:
    """Return the least CPU seconds of each work, taken in turns so that all meet the same noise."""
    best = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for number, work in enumerate(works):
            start = time.process_time()
            work()
            best[number] = min(best[number], time.process_time() - start)
    return best


if __name__ == "__main__":
    for label, figure in run():
        print(f"{label:<60} {figure}")
