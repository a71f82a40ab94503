"""Regular expressions of CEL functions: RE2, in time linear in the text (rule R12)."""

from __future__ import annotations

from typing import Any

from pratique.compiler.cel.errors import CelError
from pratique.compiler.texts import SearchSyntaxError, compile_search


def compiled(pattern: str) -> Any:
    """Return the compiled expression.

    Raises:
        CelError: it is none.
    """
    try:
        return compile_search(pattern)
    except SearchSyntaxError as error:
        raise CelError(str(error)) from error


def search_cost(text: Any, pattern: Any) -> int:
    """Return the cost of searching: a tenth of the text by a quarter of the expression.

    References: cel-go 0.30 `interpreter/runtimecost.go` (`MatchesString`).
    """
    if type(text) is not str or type(pattern) is not str:
        return 0
    return -(-(len(text) + 1) // 10) * -(-len(pattern) // 4)
