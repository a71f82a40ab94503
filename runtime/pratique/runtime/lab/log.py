"""A transparency log as Rekor v1 presents itself: promise, inclusion proof and checkpoint for each entry.

References: RFC 6962; C2SP `signed-note` and `tlog-checkpoint`; Rekor's `LogEntryAnon`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import rfc8785

from pratique.runtime.lab.entries import EntryBody
from pratique.runtime.lab.keys import PrivateKey, b64, derive_bytes, derive_key, key_id, sign
from pratique.runtime.lab.merkle import MerkleTree

SHARD_START = 4000
"""Entries of earlier shards. As in Rekor, a log index counts them and the index of a proof does not."""

STRANGERS = 5
"""Entries of other people before the first of the lab, so that every inclusion proof has hashes in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """The proof that a leaf is in a tree.

    Attributes:
        index: place in the tree, from 0.
        size: leaves of the tree.
        hashes: audit path, leaf to root.
        checkpoint: signed note over origin, size and root.
    """

    index: int
    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """An entry with all that the log said about it.

    Attributes:
        index: place among the entries of all shards.
        integrated_at: seconds since the epoch.
        promise: signed entry timestamp (SET).
    """

    body: EntryBody
    index: int
    log_id: bytes
    integrated_at: int
    promise: bytes
    proof: InclusionProof


class Rekor:
    """A log with its own key, derived from `seed` and `name`. Two logs of one host differ in `tree_id`."""

    def __init__(self, seed: str, name: str, host: str) -> None:
        self.key: PrivateKey = derive_key(seed, name)
        self.url = f"https://{host}"
        self._host = host
        tree_id = int.from_bytes(derive_bytes(seed, f"{name}/tree", 7), "big")
        self._origin = f"{host} - {tree_id}"
        self._tree = MerkleTree()
        for number in range(STRANGERS):
            self._tree.append(derive_bytes(seed, f"{name}/stranger/{number}", 64))

    @property
    def log_id(self) -> bytes:
        """Return the log's identity: SHA-256 of its public key."""
        return key_id(self.key.public_key())

    def append(self, body: EntryBody, at: datetime) -> LogEntry:
        """Add an entry and return it with promise, proof and the checkpoint of the tree right after."""
        position = self._tree.append(body.content)
        size = self._tree.size
        root = self._tree.root(size)
        proof = InclusionProof(
            index=position,
            size=size,
            root=root,
            hashes=self._tree.path(position, size),
            checkpoint=self.checkpoint(size, root, self.key),
        )
        index = SHARD_START + position
        integrated_at = int(at.timestamp())
        return LogEntry(
            body=body,
            index=index,
            log_id=self.log_id,
            integrated_at=integrated_at,
            promise=sign(self.key, promised(body.content, integrated_at, self.log_id, index)),
            proof=proof,
        )

    def checkpoint(self, size: int, root: bytes, key: PrivateKey) -> str:
        """Return the checkpoint over `size` and `root` in the log's name, signed with `key`."""
        note = f"{self._origin}\n{size}\n{b64(root)}\n"
        signature = self.log_id[:4] + sign(key, note.encode())
        return f"{note}\n\u2014 {self._host} {b64(signature)}\n"


def promised(content: bytes, integrated_at: int, log_id: bytes, index: int) -> bytes:
    """Return the bytes that a signed entry timestamp signs."""
    return rfc8785.dumps(
        {"body": b64(content), "integratedTime": integrated_at, "logID": log_id.hex(), "logIndex": index}
    )
