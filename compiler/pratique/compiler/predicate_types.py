"""Types of statements, as cosign and policies in its tradition name them.

References: sigstore/cosign 3 `cmd/cosign/cli/options/predicate.go`, `pkg/policy/attestation.go`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

SHORT_NAMES: Final = {
    "custom": "https://cosign.sigstore.dev/attestation/v1",
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "spdx": "https://spdx.dev/Document",
    "spdxjson": "https://spdx.dev/Document",
    "cyclonedx": "https://cyclonedx.org/bom",
    "link": "https://in-toto.io/Link/v1",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "openvex": "https://openvex.dev/ns",
}
"""Short name -> predicate type."""


def predicate_type(written: str) -> str:
    """Return the predicate type that a policy means; empty for what is neither a name nor a URI."""
    return SHORT_NAMES.get(written) or (written if urlsplit(written).scheme else "")
