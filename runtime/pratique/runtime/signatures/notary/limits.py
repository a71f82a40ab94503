"""Bounds on everything that comes from a registry, each checked before it costs anything (rule R9).

References: CVE-2023-33957, CVE-2023-33958, CVE-2023-42813 to CVE-2023-42816 (threats K17, N1, N2).
"""

from __future__ import annotations

from typing import Final

MAX_REFERRERS: Final = 50
"""Referrers of one digest, of whatever type; Kyverno 1.19 refuses more."""
MAX_ENVELOPE_BYTES: Final = 1 << 20
"""Bytes of one envelope; real ones have some ten thousand. Kyverno reads up to 10,000,000."""
MAX_STATEMENT_BYTES: Final = 10_000_000
"""Bytes of an attestation's document, as in Kyverno 1.19."""

MAX_PAYLOAD_BYTES: Final = 1 << 16
"""Bytes of the signed descriptor with its annotations."""
MAX_CERTIFICATES: Final = 10
"""Certificates of one chain."""
MAX_CERTIFICATE_BYTES: Final = 1 << 14
"""Bytes of one certificate in DER; this bounds its names too (threat N3)."""
MAX_TOKEN_BYTES: Final = 1 << 16
"""Bytes of an RFC 3161 token."""
MAX_DEPTH: Final = 16
"""Nesting of objects and lists in JSON and CBOR; envelopes need 3."""
MAX_ITEMS: Final = 1 << 10
"""Data items of one CBOR document; envelopes need about 40."""

MAX_SHOWN: Final = 1 << 10
"""Characters of one foreign text inside a message."""
