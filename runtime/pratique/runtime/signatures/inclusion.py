"""Inclusion proofs: that an entry is in the tree whose root a log has signed.

References: RFC 9162, section 2.1.3; C2SP `signed-note` and `tlog-checkpoint`; Rekor v1 writes origins as
`HOST - TREE`, and Rekor v2 as the host alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.encodings import EncodingError, from_base64
from pratique.runtime.signatures.logs import LogKey

MAX_HASHES: Final = 64
"""Hashes of one proof: a tree of 2^63 leaves has no more."""
MAX_CHECKPOINT_CHARACTERS: Final = 1 << 14
MAX_CHECKPOINT_SIGNATURES: Final = 32
"""The log's own and those of witnesses."""

_DASH: Final = "\N{EM DASH} "
_TREE: Final = re.compile(r" - [0-9]{1,20}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH_BYTES: Final = 32
_HINT_BYTES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """A proof as it is stored; nothing of it believed.

    Attributes:
        log_index: place of the entry among the leaves of the tree.
        hashes: audit path, from the leaf's sibling up.
        checkpoint: signed note with origin, size and root of the tree.
    """

    log_index: int
    tree_size: int
    root_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checkpoint:
    """A signed note, read but not believed; each signature is name, key hint and signature."""

    covered: bytes
    origin: str
    tree_size: int
    root_hash: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]


def verify_inclusion(body: bytes, proof: InclusionProof, log: LogKey) -> None:
    """Return if `body` is an entry of a tree that `log` signed.

    Raises:
        VerificationError: `inclusion-proof-invalid`, `checkpoint-malformed`, `checkpoint-invalid`,
            `checkpoint-mismatch` where proof and checkpoint speak of different trees.
    """
    root = _root(sha256(b"\0" + body).digest(), proof)
    if root != proof.root_hash:
        raise VerificationError("inclusion-proof-invalid", "the inclusion proof does not lead to its root")
    checkpoint = _read(proof.checkpoint)
    _verify(checkpoint, log)
    if checkpoint.root_hash != proof.root_hash:
        text = "the root hash of the inclusion proof is not the checkpoint's"
        raise VerificationError("checkpoint-mismatch", text)
    if checkpoint.tree_size != proof.tree_size:
        text = (
            f"the tree size of the inclusion proof is {proof.tree_size},"
            f" the checkpoint's is {checkpoint.tree_size}"
        )
        raise VerificationError("checkpoint-mismatch", text)


def _root(leaf: bytes, proof: InclusionProof) -> bytes:
    """Return the root that a proof leads to (RFC 9162, section 2.1.3.2)."""
    if not 0 <= proof.log_index < proof.tree_size:
        text = f"entry {proof.log_index} cannot be in a tree of {proof.tree_size}"
        raise VerificationError("inclusion-proof-invalid", text)
    place, last, root = proof.log_index, proof.tree_size - 1, leaf
    for sibling in proof.hashes:
        if last == 0 or len(sibling) != _HASH_BYTES:
            raise VerificationError("inclusion-proof-invalid", "the inclusion proof has a hash too many")
        if place & 1 or place == last:
            root = sha256(b"\1" + sibling + root).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            root = sha256(b"\1" + root + sibling).digest()
        place, last = place >> 1, last >> 1
    if last:
        raise VerificationError("inclusion-proof-invalid", "the inclusion proof is too short")
    return root


def _read(text: str) -> _Checkpoint:
    try:
        if len(text) > MAX_CHECKPOINT_CHARACTERS:
            raise EncodingError("too long")
        note, blank, signatures = text.rpartition("\n\n")
        lines = note.split("\n")
        if not blank or len(lines) < 3:
            raise EncodingError("not a signed note of three lines")
        origin, size, root = lines[:3]
        if not origin or not _SIZE.fullmatch(size):
            raise EncodingError("no origin or no tree size")
        return _Checkpoint(
            covered=f"{note}\n".encode(),
            origin=origin,
            tree_size=int(size),
            root_hash=from_base64(root),
            signatures=tuple(_signatures(signatures)),
        )
    except (EncodingError, UnicodeEncodeError) as error:
        raise VerificationError("checkpoint-malformed", f"malformed checkpoint: {error}") from error


def _signatures(text: str) -> Iterator[tuple[str, bytes, bytes]]:
    lines = text.removesuffix("\n").split("\n")
    if not text.endswith("\n") or len(lines) > MAX_CHECKPOINT_SIGNATURES:
        raise EncodingError(f"not 1 to {MAX_CHECKPOINT_SIGNATURES} lines of signatures")
    for line in lines:
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        raw = from_base64(encoded)
        if not line.startswith(_DASH) or not space or not name or len(raw) <= _HINT_BYTES:
            raise EncodingError("a line is no signature")
        yield name, raw[:_HINT_BYTES], raw[_HINT_BYTES:]


def _verify(checkpoint: _Checkpoint, log: LogKey) -> None:
    """Return if the log signed the checkpoint, under the name that its origin says.

    INVARIANT: a line with the hint of the log's key must hold; one that does not spoils the checkpoint even
    next to one that does.
    """
    own = [
        (name, sig) for name, hint, sig in checkpoint.signatures if hint.hex() == log.id[: 2 * _HINT_BYTES]
    ]
    if not own:
        raise VerificationError("checkpoint-invalid", "the checkpoint is not signed by the log's key")
    for name, signature in own:
        rest = checkpoint.origin.removeprefix(name)
        tree = bool(_TREE.fullmatch(rest))
        if not checkpoint.origin.startswith(name) or (rest and not tree):
            raise VerificationError("checkpoint-invalid", "the checkpoint's origin is not who signed it")
        if not tree and log.url and urlsplit(log.url).hostname != checkpoint.origin.partition("/")[0]:
            raise VerificationError("checkpoint-invalid", "the checkpoint's origin is not the log's host")
        try:
            log.key.verify(signature, checkpoint.covered)
        except VerificationError as error:
            text = "the checkpoint's signature does not hold"
            raise VerificationError("checkpoint-invalid", text) from error
