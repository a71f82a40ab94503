"""The append-only Merkle tree of a transparency log.

References: RFC 6962, section 2.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf that holds `entry`."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class MerkleTree:
    """A growing tree; roots and paths of every size it ever had can be asked for, each in O(log² size).

    INVARIANT: `_levels[k][i]` is the hash of the full subtree over leaves `i·2^k` to `(i + 1)·2^k`.
    """

    _levels: list[list[bytes]] = field(default_factory=lambda: [[]])

    @property
    def size(self) -> int:
        """Return the number of leaves."""
        return len(self._levels[0])

    def append(self, entry: bytes) -> int:
        """Add a leaf and return its index."""
        self._levels[0].append(leaf_hash(entry))
        for height, level in enumerate(self._levels):
            if len(level) % 2:
                break
            if height + 1 == len(self._levels):
                self._levels.append([])
            self._levels[height + 1].append(node_hash(level[-2], level[-1]))
        return self.size - 1

    def root(self, size: int) -> bytes:
        """Return the root hash of the first `size` leaves."""
        return self._subtree(0, size) if size else hashlib.sha256().digest()

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        """Return the audit path of leaf `index` in the tree of the first `size` leaves, leaf to root."""
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _left_size(high - low)
            if index < middle:
                path.append(self._subtree(middle, high))
                high = middle
            else:
                path.append(self._subtree(low, middle))
                low = middle
        return tuple(reversed(path))

    def _subtree(self, low: int, high: int) -> bytes:
        """Return the hash over leaves `low` to `high`; `low` is a multiple of the next power of two."""
        width = high - low
        if width & width - 1 == 0:
            height = width.bit_length() - 1
            return self._levels[height][low >> height]
        middle = low + _left_size(width)
        return node_hash(self._subtree(low, middle), self._subtree(middle, high))


def _left_size(width: int) -> int:
    """Return the largest power of two below `width` (at least 2)."""
    return 1 << (width - 1).bit_length() - 1
