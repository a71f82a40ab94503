"""Software kits of clouds: optional, imported when a reference needs them, run beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from pratique.runtime.keys.material import TIMEOUT_S, unavailable

T = TypeVar("T")


def load(module: str, extra: str, reference: str) -> Any:
    """Return a module of a kit.

    Raises:
        TransportError: `key-unavailable`: it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        why = f"keys of this kind need an extra that is not installed: pip install 'pratique[{extra}]'"
        raise unavailable(reference, why) from error


async def ask(question: Callable[[], T], reference: str, faults: tuple[type[Exception], ...]) -> T:
    """Return the answer of a blocking call, made in a thread and waited for `2 * TIMEOUT_S` at most.

    Args:
        question: has its own timeouts, since a thread cannot be stopped.
        reference: for messages.
        faults: all that the kit raises; their texts may hold what the other side sent, so only their kind is
            shown.

    Raises:
        TransportError: `key-unavailable`.
    """
    try:
        async with asyncio.timeout(2 * TIMEOUT_S):
            return await asyncio.to_thread(question)
    except TimeoutError as error:
        raise unavailable(reference, f"no answer within {2 * TIMEOUT_S:g} s") from error
    except faults as error:
        raise unavailable(reference, f"the service could not be asked ({_kind(error)})") from error


def _kind(error: Exception) -> str:
    """Return the class of a fault: the service's own code where the kit has one, else its class."""
    response = getattr(error, "response", None)
    code = (response.get("Error") or {}).get("Code") if isinstance(response, dict) else None
    code = code or getattr(error, "status_code", None) or getattr(error, "code", None)
    number = getattr(code, "value", code)
    text = str(number) if isinstance(number, str | int) else ""
    return text[:64] if text and text.isascii() and text.isalnum() else type(error).__name__
