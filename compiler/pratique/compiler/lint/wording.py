"""Small words of messages."""

from __future__ import annotations

from collections.abc import Sequence


def quoted(texts: Sequence[str]) -> str:
    """Return texts in backquotes, joined as in a sentence."""
    marked = [f"`{text}`" for text in texts]
    return marked[0] if len(marked) == 1 else f"{', '.join(marked[:-1])} and {marked[-1]}"
