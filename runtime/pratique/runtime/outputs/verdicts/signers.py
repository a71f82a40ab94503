"""Who signed what: the signatures that reason trees tell of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pratique.runtime.decision import Reason

_IDENTITY = ("digest", "key", "signer", "issuer", "signed at", "log index", "root")


class Signature(NamedTuple):
    """A signature whose cryptography holds, whether or not a policy accepts it.

    Attributes:
        what: the predicate type of a signed statement; empty for a signature of the image itself.
        digest: that it is about.
        key: fingerprint of the signer's key.
        signer: subjects of the certificate; empty for a bare key.
        issuer: who vouches for the signer.
        signed_at: ISO 8601, as a transparency log or a timestamp authority saw it; empty for unknown.
        log_index: of the log entry; empty for none.
        root: the trust root that proves it.
    """

    what: str
    digest: str
    key: str
    signer: str
    issuer: str
    signed_at: str
    log_index: str
    root: str


def signatures(reason: Reason, what: str = "") -> Iterator[tuple[Signature, bool]]:
    """Yield the signatures in a reason tree, each with whether the policy accepts it there."""
    details = dict(reason.details)
    if reason.code == "attestation":
        what = details.get("type", "")
    if "digest" in details and ("key" in details or "signer" in details):
        yield Signature(what, *(details.get(name, "") for name in _IDENTITY)), reason.met
    for child in reason.children:
        yield from signatures(child, what)
