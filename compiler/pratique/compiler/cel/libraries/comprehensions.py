"""Libraries of macros alone: `cel.bind`, and macros with two variables (Kubernetes from 1.32 on)."""

from __future__ import annotations

from typing import Final

from pratique.compiler.cel import macros
from pratique.compiler.cel.environment import Library

BINDINGS: Final = Library(macros=macros.BINDINGS)
TWO_VARIABLES: Final = Library(macros=macros.TWO_VARIABLES)
