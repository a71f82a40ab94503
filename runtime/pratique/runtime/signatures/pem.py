"""PEM texts: their blocks, read strictly and within limits.

References: RFC 7468. Where this reader is stricter than Go's `encoding/pem` (a damaged block is an error, not
skipped), a text is refused that Kyverno would use in part.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from pratique.runtime.signatures.encodings import EncodingError, from_base64

MAX_CHARACTERS: Final = 1 << 18
MAX_BLOCKS: Final = 64

_BEGIN: Final = "-----BEGIN "
_DASHES: Final = "-----"


@dataclass(frozen=True, slots=True)
class Block:
    """One block: the label between the dashes, such as `PUBLIC KEY`, and the decoded content."""

    label: str
    der: bytes


def blocks(text: str) -> tuple[tuple[Block, ...], bool]:
    """Return the blocks of `text` in order, and whether anything but space follows the last one.

    Text before a block is skipped, as certificates often carry a description there.

    Raises:
        EncodingError: a block is damaged, or there is too much; the text itself is never quoted, since it may
            hold a private key.
    """
    if len(text) > MAX_CHARACTERS:
        raise EncodingError("PEM text too long")
    found: list[Block] = []
    position = 0
    while (start := text.find(_BEGIN, position)) >= 0:
        if len(found) == MAX_BLOCKS:
            raise EncodingError("too many PEM blocks")
        label_end = text.find(_DASHES, start + len(_BEGIN))
        label = text[start + len(_BEGIN) : label_end]
        end = f"-----END {label}-----"
        stop = text.find(end, label_end)
        if label_end < 0 or stop < 0 or "\n" in label:
            raise EncodingError("error during PEM decoding")
        content = "".join(text[label_end + len(_DASHES) : stop].split())
        try:
            found.append(Block(label, from_base64(content)))
        except EncodingError as error:
            raise EncodingError("error during PEM decoding") from error
        position = stop + len(end)
    return tuple(found), bool(text[position:].strip())


def holds_private_key(text: str) -> bool:
    """Say whether `text` looks as if it held a private key, which no message may repeat."""
    return "PRIVATE KEY-----" in text


def armour(label: str, der: bytes) -> str:
    """Return `der` as one PEM block with 64 characters a line."""
    body = base64.b64encode(der).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    return f"{_BEGIN}{label}-----\n{lines}\n-----END {label}-----\n"
