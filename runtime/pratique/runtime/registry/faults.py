"""The stable codes of what can go wrong between pratique and an image store, and how messages read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pratique.grammar.errors import NotFoundError, TransportError


class FaultCode(StrEnum):
    """Class of a fault: one fault, one code. Meaning and cure of each are in `docs/reasons.md`."""

    IMAGE_NOT_FOUND = "image-not-found"
    BLOB_NOT_FOUND = "blob-not-found"
    AUTH = "registry-auth"
    TOKEN = "registry-token"  # noqa: S105
    THROTTLED = "registry-throttled"
    UNAVAILABLE = "registry-unavailable"
    UNREACHABLE = "registry-unreachable"
    TIMEOUT = "registry-timeout"
    TLS = "registry-tls"
    RESPONSE = "registry-response"
    REDIRECT_REFUSED = "redirect-refused"
    TOO_LARGE = "too-large"
    BAD_MANIFEST = "bad-manifest"
    AMBIGUOUS_MANIFEST = "ambiguous-manifest"
    DIGEST_MISMATCH = "digest-mismatch"
    UNSUPPORTED_DIGEST = "unsupported-digest"
    BAD_REFERENCE = "bad-reference"
    BAD_LAYOUT = "bad-layout"
    OFFLINE = "offline"


TRANSIENT = frozenset(
    {
        FaultCode.IMAGE_NOT_FOUND,
        FaultCode.BLOB_NOT_FOUND,
        FaultCode.AUTH,
        FaultCode.TOKEN,
        FaultCode.THROTTLED,
        FaultCode.UNAVAILABLE,
        FaultCode.UNREACHABLE,
        FaultCode.TIMEOUT,
        FaultCode.TLS,
    }
)
"""Faults of one place that another place may not have: after them a mirror gives way to the origin. The
others mean that content or protocol is wrong, which is no reason to look for a nicer answer elsewhere."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is being done and where: the part that all messages about it share.

    Attributes:
        place: host with optional port, or `layout PATH`.
        what: for example `manifest app:v1`.
    """

    place: str
    what: str

    def text(self, text: str) -> str:
        """Return the message `place: what: text`."""
        return f"{self.place}: {self.what}: {text}"

    def fault(self, code: FaultCode, text: str, *, detail: str = "") -> TransportError:
        """Return the error `place: what: text`; no text has a remote body or credentials in it."""
        return TransportError(code.value, self.text(text), detail=detail)

    def missing(self, code: FaultCode, text: str = "not found", *, detail: str = "") -> NotFoundError:
        """Return the error for what the other side says is not there."""
        return NotFoundError(code.value, self.text(text), detail=detail)
