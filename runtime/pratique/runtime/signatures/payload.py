"""The simple signing payload: which image a signature is about, and what was signed along.

References: cosign `specs/SIGNATURE_SPEC.md` section "Payload"; sigstore (Go) `pkg/signature/payload`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.encodings import EncodingError, from_json

MAX_PAYLOAD_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a simple signing payload claims.

    Attributes:
        digest: digest of the image manifest; empty where the payload names none.
        optional: signed pairs in stored order; None where there are none at all. Only text can be demanded by
            a policy, so values of other types are left out.
    """

    digest: str
    optional: tuple[tuple[str, str], ...] | None


def read_claims(payload: bytes) -> Claims:
    """Return the claims of a payload whose signature has been verified already, over these very bytes (C22).

    `critical.type` and `docker-reference` are not looked at, as cosign does not: images of Kubernetes up to
    mid-2023 name a regional mirror there.

    Raises:
        VerificationError: `payload-malformed` for anything but a simple signing document.
    """
    try:
        data = _object(from_json(payload, max_bytes=MAX_PAYLOAD_BYTES), "payload")
        image = _object(_object(data.get("critical"), "critical").get("image"), "critical.image")
        digest = image.get("docker-manifest-digest", "")
        if not isinstance(digest, str):
            raise EncodingError("critical.image.docker-manifest-digest is not a string")
        optional = data.get("optional")
        pairs = None if optional is None else _object(optional, "optional")
    except EncodingError as error:
        raise VerificationError(
            "payload-malformed", f"payload is no simple signing document: {error}"
        ) from error
    if pairs is None:
        return Claims(digest=digest, optional=None)
    return Claims(digest=digest, optional=tuple((k, v) for k, v in pairs.items() if isinstance(v, str)))


def _object(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise EncodingError(f"{name} is not an object")
    return value
