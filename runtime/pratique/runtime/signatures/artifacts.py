"""Artifacts under verification: a digest, and as much of the content as is at hand.

A signature over a digest needs only that digest; some need another one than the artifact is known by, and
Ed25519 needs the content itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pratique.runtime.ports import Digest

ALGORITHMS: Final = ("sha256", "sha384", "sha512")
MAX_CONTENT_BYTES: Final = 64 << 20
"""Content of a file that is kept in memory, for signatures that need it; larger files are hashed only."""
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a bundle is to be about.

    Attributes:
        digest: the digest it is known by; statements must name it.
        digests: known digests by algorithm.
        content: None where it is not at hand.
    """

    digest: Digest
    digests: Mapping[str, bytes]
    content: bytes | None = field(default=None, repr=False)

    @classmethod
    def of_digest(cls, digest: Digest) -> Artifact:
        """Return the artifact of which no more is known than `digest`."""
        algorithm, _, value = digest.partition(":")
        return cls(digest=digest, digests={algorithm: bytes.fromhex(value)})

    @classmethod
    def of_file(cls, path: Path) -> Artifact:
        """Return the artifact in a file, known by its SHA-256.

        Raises:
            OSError: it cannot be read.
        """
        hashes = {name: hashlib.new(name) for name in ALGORITHMS}
        kept: list[bytes] = []
        size = 0
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                size += len(block)
                if size <= MAX_CONTENT_BYTES:
                    kept.append(block)
                for running in hashes.values():
                    running.update(block)
        return cls(
            digest=Digest(f"sha256:{hashes['sha256'].hexdigest()}"),
            digests={name: running.digest() for name, running in hashes.items()},
            content=b"".join(kept) if size <= MAX_CONTENT_BYTES else None,
        )
