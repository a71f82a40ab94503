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

    __slots__ = (
        "_first",
        "_last",
        "_middle",
        "_min_length",
        "_stars",
        "is_literal",
        "pattern",
        "prefix",
        "suffix",
    )

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.is_literal = not contains_wildcard(pattern)
        self.prefix = literal_prefix(pattern)
        self.suffix = literal_suffix(pattern)
        first, *rest = pattern.split("*")
        self._stars = len(rest)
        self._min_length = len(pattern) - len(rest)
        self._first = _Part(first)
        self._middle = tuple(_Part(part) for part in rest[:-1] if part)
        self._last = _Part(rest[-1] if rest else "")

    def matches(self, text: str) -> bool:
        """Say whether the whole text matches; at most len(text) * len(pattern) steps."""
        if self.is_literal:
            return text == self.pattern
        if len(text) < self._min_length or not text.startswith(self.prefix) or not text.endswith(self.suffix):
            return False
        if not self._stars:
            return len(text) == self._first.length and self._first.stands_at(text, 0)
        end = len(text) - self._last.length
        if not self._first.stands_at(text, 0) or not self._last.stands_at(text, end):
            return False
        # Leftmost places are as good as any: what lies between stars may be arbitrary.
        start = self._first.length
        for part in self._middle:
            start = part.end_in(text, start, end)
            if start < 0:
                return False
        return True

    def __repr__(self) -> str:
        return f"Wildcard({self.pattern!r})"


class _Part:
    """What stands between two stars: characters and `?`."""

    __slots__ = ("_expression", "_text", "length")

    def __init__(self, text: str) -> None:
        self.length = len(text)
        self._text = text
        self._expression: re.Pattern[str] | None = None
        if "?" in text:
            pieces = "".join("." if character == "?" else re.escape(character) for character in text)
            self._expression = re.compile(pieces, re.DOTALL)

    def stands_at(self, text: str, start: int) -> bool:
        if self._expression is None:
            return text.startswith(self._text, start)
        return self._expression.match(text, start) is not None

    def end_in(self, text: str, start: int, end: int) -> int:
        """Return the end of its first place in `text[start:end]`, or -1."""
        if self._expression is None:
            found = text.find(self._text, start, end)
            return found + self.length if found >= 0 else -1
        match = self._expression.search(text, start, end)
        return match.end() if match else -1


@lru_cache(maxsize=4096)
def compile_wildcard(pattern: str) -> Wildcard:
    """Return the compiled pattern; equal patterns share one."""
    return Wildcard(pattern)


def matches(pattern: str, text: str) -> bool:
    """Say whether the whole text matches the pattern."""
    return pattern in ("*", text) or compile_wildcard(pattern).matches(text)


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
