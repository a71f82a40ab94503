"""Coroutines run at once: what waits for nothing needs no event loop, whose import costs time."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class NotYetError(Exception):
    """The evaluation has to wait for something, and must be started again where it can."""


def run_now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns without ever waiting.

    Raises:
        NotYetError: it would wait, or says so itself. It is closed then, and had changed nothing.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    coroutine.close()
    raise NotYetError
