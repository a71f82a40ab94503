"""Work that waits at the same time."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def together(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return the results of all, in their order; none waits for another.

    A single one runs as it is, which needs no event loop where nothing is waited for.
    """
    if len(work) == 1:
        return [await work[0]]
    import asyncio

    return await asyncio.gather(*work)
