"""Policies with one keyless attestor, for the tests of rules about attestors."""

from __future__ import annotations

import json
from typing import Any

GOOD: dict[str, Any] = {
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*",
    "rekor": {"url": "https://rekor.sigstore.dev"},
}


def attestor(**entry: Any) -> str:
    """Return a `verifyImages` with one attestor entry, such as `keys={...}`."""
    block = [{"imageReferences": ["ghcr.io/acme/*"], "attestors": [{"entries": [entry]}]}]
    return f"verifyImages: {json.dumps(block)}\n"


def keyless(**changes: Any) -> str:
    """Return a `verifyImages` with a good keyless attestor, changed; None takes a setting away."""
    merged = GOOD | changes
    return attestor(keyless={key: value for key, value in merged.items() if value is not None})
