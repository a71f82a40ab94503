"""How much of an input is read before it is refused (rule R9). All sizes are in bytes."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on one input file. The defaults fit policies.

    Attributes:
        max_bytes: of the file.
        max_document_bytes: of one document. (The API server takes objects of about 1.5 MiB.)
        max_documents: in the file.
        max_depth: of lists and mappings inside each other, aliases followed.
        max_aliases: uses of an anchor in one document.
        max_nodes: scalars, lists and mappings of one document, aliases followed.
        max_scalar_bytes: of one scalar.
        max_errors: reported for one file; reading ends there.
    """

    max_bytes: int = 10 * MIB
    max_document_bytes: int = MIB
    max_documents: int = 10_000
    max_depth: int = 64
    max_aliases: int = 1_000
    max_nodes: int = 100_000
    max_scalar_bytes: int = 64 * 1024
    max_errors: int = 100


POLICY_LIMITS = Limits()
RESOURCE_LIMITS = Limits(
    max_bytes=64 * MIB,
    max_document_bytes=64 * MIB,
    max_documents=100_000,
    max_nodes=2_000_000,
    max_scalar_bytes=MIB,
)
"""For resources: a dump of a cluster is one `List`, and a ConfigMap may hold a file of 1 MiB."""


def show_size(size: int) -> str:
    """Return a number of bytes as people write it."""
    for unit, factor in (("MiB", MIB), ("KiB", 1024)):
        if size >= factor and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"
