"""Kyverno's wildcards: `*` is any run of characters, `?` is exactly one; both cross every separator.

Whole text, case sensitive, no escape, no character classes. The empty pattern matches the empty text only.

References: Kyverno 1.19 (`ext/wildcard`, go-wildcard 1.0.3).
"""

from __future__ import annotations

import re
from functools import lru_cache

_WILDCARD = re.compile(r"[*?]")


class Wildcard:
    """A pattern made ready for many texts; immutable.

    Attributes:
        pattern: the text of the pattern.
        prefix: what every matching text starts with.
        suffix: what every matching text ends with.
        is_literal: the pattern holds neither `*` nor `?`, and so matches itself only.
    """

    __slots__ = ("_middle", "_min_length", "_stars", "is_literal", "pattern", "prefix", "suffix")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.is_literal = not contains_wildcard(pattern)
        self.prefix = literal_prefix(pattern)
        self.suffix = literal_suffix(pattern)
        first, *rest = pattern.split("*")
        self._stars = bool(rest)
        self._min_length = len(pattern) - len(rest)
        self._middle = (first, tuple(part for part in rest[:-1] if part), rest[-1] if rest else "")

    def matches(self, text: str) -> bool:
        """Say whether the whole text matches. O(len(text) * longest run with `?`), without backtracking."""
        if self.is_literal:
            return text == self.pattern
        if len(text) < self._min_length or not text.startswith(self.prefix) or not text.endswith(self.suffix):
            return False
        first, middle, last = self._middle
        if not self._stars:
            return len(text) == len(first) and _fits(first, text, 0)
        end = len(text) - len(last)
        if not _fits(first, text, 0) or not _fits(last, text, end):
            return False
        # Leftmost places are as good as any: what lies between stars may be arbitrary.
        start = len(first)
        for part in middle:
            start = _find(part, text, start, end)
            if start < 0:
                return False
            start += len(part)
        return start <= end

    def __repr__(self) -> str:
        return f"Wildcard({self.pattern!r})"


@lru_cache(maxsize=4096)
def compile_wildcard(pattern: str) -> Wildcard:
    """Return the compiled pattern; equal patterns share one."""
    return Wildcard(pattern)


def matches(pattern: str, text: str) -> bool:
    """Say whether the whole text matches the pattern."""
    return compile_wildcard(pattern).matches(text)


def contains_wildcard(pattern: str) -> bool:
    """Say whether the pattern holds `*` or `?`."""
    return "*" in pattern or "?" in pattern


def is_literal(pattern: str) -> bool:
    """Say whether the pattern matches itself only."""
    return not contains_wildcard(pattern)


def literal_prefix(pattern: str) -> str:
    """Return what every matching text starts with: the pattern up to its first wildcard."""
    match = _WILDCARD.search(pattern)
    return pattern[: match.start()] if match else pattern


def literal_suffix(pattern: str) -> str:
    """Return what every matching text ends with: the pattern behind its last wildcard."""
    return pattern[max(pattern.rfind("*"), pattern.rfind("?")) + 1 :]


def _fits(part: str, text: str, start: int) -> bool:
    """Say whether `part` (literals and `?`) stands in `text` at `start`; the text is long enough."""
    if "?" not in part:
        return text.startswith(part, start)
    return all(p in ("?", text[start + i]) for i, p in enumerate(part))


def _find(part: str, text: str, start: int, end: int) -> int:
    """Return the first place of `part` in `text[start:end]`, or -1."""
    if "?" not in part:
        return text.find(part, start, end)
    return next((i for i in range(start, end - len(part) + 1) if _fits(part, text, i)), -1)
