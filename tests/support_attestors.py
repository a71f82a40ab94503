"""Policies with one keyless attestor, for the tests of rules about attestors."""

from __future__ import annotations

import json
from typing import Any

GOOD: dict[str, Any] = {
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*",
    "rekor": {"url": "https://rekor.sigstore.dev"},
}


PEM = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR+G9FlLjf3TGLVrcMzkTZUPw4
o7BrZWXl0Ta0NqxuBxP9ULS4eoGJ6Ka7oM3FrcV4uA8SQhRuZQ9EVDhiXQ==
-----END PUBLIC KEY-----
"""
OTHER_PEM = PEM.replace("XQ==", "YQ==")


def verify(**fields: Any) -> str:
    """Return a `verifyImages` with one entry about `ghcr.io/acme/*`."""
    return f"verifyImages: {json.dumps([{'imageReferences': ['ghcr.io/acme/*'], **fields}])}\n"


def attestor(**entry: Any) -> str:
    """Return a `verifyImages` with one attestor entry, such as `keys={...}`."""
    return verify(attestors=[{"entries": [entry]}])


def signer(subject: str = GOOD["subject"], **more: Any) -> dict[str, Any]:
    """Return a keyless entry of a set of attestors."""
    return {"keyless": {**GOOD, "subject": subject}, **more}


def holder(*pems: str, **more: Any) -> dict[str, Any]:
    """Return an entry of a set of attestors with one or more keys."""
    return {"keys": {"publicKeys": "".join(pems or (PEM,))}, **more}


def some_of(*entries: dict[str, Any], count: int | None = None) -> dict[str, Any]:
    """Return a set of attestors."""
    return {"entries": list(entries), **({"count": count} if count else {})}


def keyless(**changes: Any) -> str:
    """Return a `verifyImages` with a good keyless attestor, changed; None takes a setting away."""
    merged = GOOD | changes
    return attestor(keyless={key: value for key, value in merged.items() if value is not None})
