"""Bodies of Rekor v1 log entries, in the canonical form that the log stores and hashes.

`verifier` is the PEM of the certificate or public key that Rekor checked the signature with.

References: Rekor's schemas `pkg/types/*/v0.0.1`; the canonical form of JSON is RFC 8785.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import rfc8785

from pratique.runtime.lab.keys import b64


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryBody:
    """What a log stores: `content` is the canonical JSON whose `kind` and `apiVersion` stand beside it."""

    kind: str
    version: str
    content: bytes


def hashedrekord(sha256_hex: str, signature: bytes, verifier: str) -> EntryBody:
    """Return the entry of a signature over data that is known by its hash: what cosign uploads for images."""
    return _body(
        "hashedrekord",
        {
            "data": {"hash": _sha256(sha256_hex)},
            "signature": {"content": b64(signature), "publicKey": {"content": _pem(verifier)}},
        },
    )


def rekord(sha256_hex: str, signature: bytes, verifier: str) -> EntryBody:
    """Return the older entry of the same facts, as cosign uploaded it until 2021."""
    return _body(
        "rekord",
        {
            "data": {"hash": _sha256(sha256_hex)},
            "signature": {
                "content": b64(signature),
                "format": "x509",
                "publicKey": {"content": _pem(verifier)},
            },
        },
    )


def dsse(envelope: bytes, payload_sha256_hex: str, signature: bytes, verifier: str) -> EntryBody:
    """Return the entry of a DSSE envelope with one signature."""
    return _body(
        "dsse",
        {
            "envelopeHash": _sha256(hashlib.sha256(envelope).hexdigest()),
            "payloadHash": _sha256(payload_sha256_hex),
            "signatures": [{"signature": b64(signature), "verifier": _pem(verifier)}],
        },
    )


def intoto(envelope: bytes, payload_sha256_hex: str, verifier: str) -> EntryBody:
    """Return the older entry of an in-toto envelope, as cosign uploaded it until 2.2."""
    return _body(
        "intoto",
        {
            "content": {
                "hash": _sha256(hashlib.sha256(envelope).hexdigest()),
                "payloadHash": _sha256(payload_sha256_hex),
            },
            "publicKey": _pem(verifier),
        },
    )


def _body(kind: str, spec: dict[str, Any]) -> EntryBody:
    version = "0.0.1"
    content = rfc8785.dumps({"apiVersion": version, "kind": kind, "spec": spec})
    return EntryBody(kind=kind, version=version, content=content)


def _sha256(value: str) -> dict[str, str]:
    return {"algorithm": "sha256", "value": value}


def _pem(verifier: str) -> str:
    return b64(verifier.encode())
