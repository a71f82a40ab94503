"""What a service says of a key, and how its faults read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pratique.grammar.errors import TransportError, VerificationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

UNAVAILABLE: Final = "key-unavailable"
TIMEOUT_S: Final = 10.0
"""Seconds for one question to a key management service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A public key.

    Attributes:
        pem: one PEM block.
        hash_algorithm: that of all signatures by the key, where the service fixes it; else empty.
        pss: signatures are RSA-PSS.
    """

    pem: str
    hash_algorithm: str = ""
    pss: bool = False


class KeyService(Protocol):
    """One kind of references."""

    async def fetch(self, reference: str) -> Material:
        """Return the key that a reference of this kind leads to.

        Raises:
            VerificationError: `bad-key`: the reference is malformed, or leads to no public key.
            TransportError: `key-unavailable`.
        """
        ...


def bad(reference: str, why: str) -> VerificationError:
    """Return the error for a reference that can never lead to a key, in Kyverno's words."""
    return VerificationError("bad-key", f"failed to load public key from {reference}: {why}")


def unavailable(reference: str, why: str, *, cure: str = "") -> TransportError:
    """Return the error for a key that could not be had: an outage, never a failure of the image.

    Args:
        reference: as the policy writes it.
        why: nothing that a remote side sent.
        cure: what the user can do.
    """
    text = f"failed to load public key from {reference}: {why}"
    return TransportError(UNAVAILABLE, f"{text}; {cure}" if cure else text, detail=text)


def pem_of(public: PublicKeyTypes) -> str:
    """Return a key of `cryptography` as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
