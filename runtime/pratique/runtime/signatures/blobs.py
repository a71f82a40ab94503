"""Signatures of bytes that are no image, as `kubectl sigstore sign` puts them into annotations of a manifest.

Every annotation but the signature is base64 of gzip; the message is a text of manifests, or an archive of
such texts. Whoever sends the object writes them, so everything is bounded (R9).

References: k8s-manifest-sigstore 0.5 `pkg/cosign/verify.go` (`VerifyBlob`), `pkg/util/image.go`
(`GetYAMLsInArtifact`); cosign 3.1 `verify-blob`.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from pratique.grammar.errors import PolicyError, VerificationError
from pratique.grammar.plain_documents import read_plain
from pratique.grammar.source import Source
from pratique.runtime.ports import Digest
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.encodings import EncodingError, from_base64
from pratique.runtime.signatures.keys import VerifyingKey
from pratique.runtime.signatures.legacy import Claimed
from pratique.runtime.signatures.model import StoredBlob
from pratique.runtime.signatures.transparency import match_record, read_record

MAX_BYTES: Final = 4 << 20
"""Of a message, packed or not; objects of the API server are smaller."""
MAX_FILES: Final = 256
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was signed: the very bytes, and the manifests in them."""

    signed: bytes
    manifests: tuple[dict[str, Any], ...] = field(hash=False)


@dataclass(frozen=True, slots=True)
class BlobContent:
    """A blob as the checks of `legacy.verify_layer` look at it."""

    stored: StoredBlob

    @property
    def stamped(self) -> bytes:
        """Return the bytes of the signature."""
        try:
            return from_base64(self.stored.signature)
        except EncodingError as error:
            raise VerificationError("signature-invalid", str(error)) from error

    def match(self, body: str, verifier: pem.Block) -> None:
        """Return if the body of a log entry is about this signature."""
        match_record(
            read_record(body),
            signature=self.stored.signature,
            verifier=verifier,
            payload_sha256=sha256(self.stored.payload).hexdigest(),
        )

    def verify(self, key: VerifyingKey) -> None:
        """Return if `key` has signed the bytes."""
        key.verify(self.stamped, self.stored.payload)

    def claimed(self, image_digest: Digest) -> Claimed:
        """Return what counts as signed along: the digest is that of the bytes."""
        return Claimed(claims=self.stored.claims)


def read_message(text: str | None) -> Message:
    """Return the message of an annotation.

    Raises:
        VerificationError: `manifest-missing`: there is none, or none can be read.
    """
    if text is None:
        raise VerificationError(
            "manifest-missing", "YAML manifest not found for this resource: message not found"
        )
    try:
        signed = _unpacked(text)
        return Message(signed=signed, manifests=tuple(_manifests(signed)))
    except (EncodingError, zlib.error, tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        told = f"YAML manifest not found for this resource: {error}"
        raise VerificationError("manifest-missing", told) from error


def read_text(annotation: str | None) -> str:
    """Return the text of an annotation; empty where there is none.

    Raises:
        VerificationError: `signature-invalid`.
    """
    if annotation is None:
        return ""
    try:
        return _unpacked(annotation).decode()
    except (EncodingError, zlib.error, UnicodeDecodeError) as error:
        raise VerificationError("signature-invalid", f"an annotation cannot be read: {error}") from error


def _unpacked(text: str) -> bytes:
    if len(text) > 2 * MAX_BYTES:
        raise EncodingError("too large")
    packed = from_base64(text)
    return _gunzip(packed) if packed.startswith(_GZIP) else packed


def _gunzip(packed: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    found = reader.decompress(packed, MAX_BYTES + 1)
    if len(found) > MAX_BYTES:
        raise EncodingError("too large")
    if not reader.eof:
        raise EncodingError("cut off")
    return found


def _manifests(signed: bytes) -> Iterator[dict[str, Any]]:
    texts = _files(_gunzip(signed)) if signed.startswith(_GZIP) else [signed.decode()]
    for text in texts:
        try:
            found = read_plain(Source("message", text))
        except PolicyError as error:
            raise EncodingError(error.message) from error
        if found.errors:
            raise EncodingError(found.errors[0].message)
        yield from (each.data for each in found.documents if isinstance(each.data, dict))


def _files(archive: bytes) -> list[str]:
    texts = []
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        for number, member in enumerate(tar):
            if number >= MAX_FILES:
                raise EncodingError(f"more than {MAX_FILES} files")
            file = tar.extractfile(member) if member.isreg() else None
            if file is not None and member.name.endswith((".yaml", ".yml", ".signed")):
                texts.append(file.read().decode())
    return texts
