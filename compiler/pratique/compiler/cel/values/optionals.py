"""Values that may be absent."""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.cel.errors import CelError


class Optional:
    """`optional.of(value)`; there is one `NONE`."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def value(self) -> Any:
        """Return what it holds.

        Raises:
            CelError: it holds nothing.
        """
        if self is NONE:
            raise CelError("optional.none() dereference")
        return self._value

    def __repr__(self) -> str:
        return "optional.none()" if self is NONE else f"optional({self._value!r})"


NONE: Final = Optional(None)
