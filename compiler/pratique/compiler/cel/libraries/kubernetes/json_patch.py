"""`jsonpatch.escapeKey(text)`.

References: Kubernetes 1.36 `apiserver/pkg/cel/library/jsonpatch.go`; RFC 6901 section 3.
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library

_ESCAPES: Final = {ord("/"): "~1", ord("~"): "~0"}

LIBRARY: Final = Library(
    overloads=(
        overload(
            "jsonpatch.escapeKey(string) -> string",
            lambda key: key.translate(_ESCAPES),
            cost=lambda key: len(key) // 10,
        ),
    )
)
