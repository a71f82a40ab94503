"""Base64.

References: cel-go 0.30 `ext/encoders.go`; Go 1.26 `encoding/base64`.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError

_BAD: Final = re.compile(r"[^A-Za-z0-9+/]")


def _decode(text: str) -> bytes:
    compact = text.replace("\n", "").replace("\r", "")
    bare = compact.rstrip("=")
    bad = _BAD.search(bare)
    if bad is None and len(compact) - len(bare) in (0, -len(bare) % 4):
        try:
            return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        except binascii.Error:
            pass
    position = bad.start() if bad else len(bare)
    raise CelError(f"illegal base64 data at input byte {position}")


def _by_length(value: Any) -> int:
    return len(value) // 10


LIBRARY: Final = Library(
    overloads=(
        overload("base64.decode(string) -> bytes", _decode, cost=_by_length),
        overload(
            "base64.encode(bytes) -> string", lambda data: base64.b64encode(data).decode(), cost=_by_length
        ),
    )
)
