"""Anchors: keys of patterns and overlays such as `(image)` or `=(tag)`, which say how their value counts.

References: Kyverno 1.19 `pkg/engine/anchor/anchor.go`.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

_ANCHOR: Final = re.compile(r"([+<=X^])?\((.+)\)")

CONDITION: Final = ""
GLOBAL: Final = "<"
NEGATION: Final = "X"
ADDITION: Final = "+"
EQUALITY: Final = "="
EXISTENCE: Final = "^"


class Anchor(NamedTuple):
    """An anchored key: its modifier (empty for a condition), and the key inside the parentheses."""

    modifier: str
    key: str

    def __str__(self) -> str:
        """Return the key as patterns write it."""
        return f"{self.modifier}({self.key})"


def parse_anchor(key: str) -> Anchor | None:
    """Return the anchor that a key is; None for plain keys."""
    if "(" not in key:
        return None
    match = _ANCHOR.fullmatch(key.strip())
    return Anchor(match[1] or "", match[2]) if match else None


def has_anchors(data: Any) -> bool:
    """Say whether some key inside `data` is an anchor; `+(key)` does not count, as in Kyverno."""
    pending = [data]
    while pending:
        value = pending.pop()
        if value.__class__ is dict:
            for key in value:
                anchor = parse_anchor(key)
                if anchor is not None and anchor.modifier != ADDITION:
                    return True
            pending += value.values()
        elif value.__class__ is list:
            pending += value
    return False
