"""Small words of messages."""

from __future__ import annotations

from collections.abc import Sequence


def quoted(texts: Sequence[str]) -> str:
    """Return texts in backquotes, joined as in a sentence."""
    return joined([f"`{text}`" for text in texts])


def joined(texts: Sequence[str]) -> str:
    """Return texts as an enumeration in a sentence."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
