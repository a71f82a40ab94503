"""What is signed about an image: cosign's simple signing payload, and in-toto statements.

References: cosign `specs/SIGNATURE_SPEC.md`; in-toto attestation framework v1, "Statement".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Set
from typing import Any

from pratique.runtime.lab.faults import MANY_SUBJECTS, Fault
from pratique.runtime.lab.oci import compact
from pratique.runtime.ports import Digest, Repository

STATEMENT_V0 = "https://in-toto.io/Statement/v0.1"
STATEMENT_V1 = "https://in-toto.io/Statement/v1"


def simple_signing(
    reference: str, digest: Digest, annotations: Mapping[str, str], faults: Set[Fault]
) -> bytes:
    """Return cosign's payload; `reference` is what it names as `docker-reference`."""
    return compact(
        {
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": _claimed(digest, faults)},
                "type": "cosign container image signature",
            },
            "optional": dict(sorted(annotations.items())) or None,
        }
    )


def statement(
    version: str,
    subject: Mapping[str, Any],
    digest: Digest,
    predicate_type: str,
    predicate: Any,
    faults: Set[Fault],
) -> bytes:
    """Return an in-toto statement; `subject` is what it says of the image besides the digest."""
    if Fault.NOT_A_STATEMENT in faults:
        return b"This is no statement."
    subjects = [{**subject, **_subject(_claimed(digest, faults))}]
    if Fault.NO_SUBJECT in faults:
        subjects = []
    if Fault.MANY_SUBJECTS in faults:
        others = (hashlib.sha256(b"subject %d" % n).hexdigest() for n in range(1, MANY_SUBJECTS))
        subjects = [*(_subject(f"sha256:{other}") for other in others), *subjects]
    return compact(
        {"_type": version, "subject": subjects, "predicateType": predicate_type, "predicate": predicate}
    )


def claimed_bytes(manifest: bytes, faults: Set[Fault]) -> bytes:
    """Return the bytes that a message bundle is about: the manifest itself."""
    return b"Not the manifest." if Fault.WRONG_DIGEST in faults else manifest


def docker_reference(repository: Repository) -> str:
    """Return the name under which cosign signs images of a repository."""
    registry = "index.docker.io" if repository.registry == "docker.io" else repository.registry
    return f"{registry}/{repository.path}"


def _claimed(digest: Digest, faults: Set[Fault]) -> str:
    if Fault.WRONG_DIGEST in faults:
        return f"sha256:{hashlib.sha256(f'not {digest}'.encode()).hexdigest()}"
    return digest


def _subject(digest: str) -> dict[str, Any]:
    algorithm, _, value = digest.partition(":")
    return {"digest": {algorithm: value}}
