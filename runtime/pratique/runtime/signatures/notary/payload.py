"""What is signed: the descriptor of an artifact.

References: Notary Project signature specification 1.1, "Payload"; OCI image specification 1.1, descriptor.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pratique.runtime.ports import Digest
from pratique.runtime.signatures.notary.limits import MAX_DEPTH, MAX_PAYLOAD_BYTES
from pratique.runtime.signatures.notary.model import PAYLOAD_TYPE, Check, NotaryRefusal, Target
from pratique.runtime.signatures.notary.wording import quoted
from pratique.runtime.strict_json import StrictJsonError, parse

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_MAX_SIZE: Final = 1 << 63


def read_payload(payload: bytes, content_type: str) -> tuple[Target, tuple[tuple[str, str], ...]]:
    """Return the signed target and the signer's annotations, in signed order.

    Members that the specification does not know are passed over, as they describe nothing that is checked.

    Raises:
        NotaryRefusal: `PAYLOAD`.
    """
    if content_type != PAYLOAD_TYPE:
        raise _refusal(f"payload content type {quoted(content_type)} not supported")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise _refusal(f"payload of more than {MAX_PAYLOAD_BYTES} bytes")
    try:
        document = parse(payload, MAX_DEPTH)
    except StrictJsonError as error:
        raise _refusal(f"payload is not JSON: {error}") from error
    target = document.get("targetArtifact") if isinstance(document, dict) else None
    if not isinstance(target, dict):
        raise _refusal("payload has no targetArtifact")
    media_type, digest, size = target.get("mediaType"), target.get("digest"), target.get("size")
    if not isinstance(media_type, str) or not media_type:
        raise _refusal("targetArtifact has no mediaType")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise _refusal("targetArtifact has no digest")
    # bool is an int in Python.
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < _MAX_SIZE:
        raise _refusal("targetArtifact has no size")
    return Target(media_type=media_type, digest=Digest(digest), size=size), _annotations(target)


def _annotations(target: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    annotations = target.get("annotations")
    if annotations is None:
        return ()
    if not isinstance(annotations, dict) or not all(isinstance(v, str) for v in annotations.values()):
        raise _refusal("annotations of targetArtifact are not texts")
    return tuple(annotations.items())


def _refusal(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.PAYLOAD, text)
