"""The few pieces that all content of a layout is made of."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pratique.runtime.ports import Digest


def compact(data: Any) -> bytes:
    """Return JSON without spaces, keys in the order given."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(content: bytes) -> Digest:
    """Return the sha256 digest of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def described(media_type: str, content: bytes) -> dict[str, Any]:
    """Return the descriptor of some bytes."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
