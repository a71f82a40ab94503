"""What goes wrong when CEL is evaluated; mistakes that are found before are `ExpressionError`s."""

from __future__ import annotations

from pratique.grammar.errors import EvaluationError


class CelError(EvaluationError):
    """An expression has no value; the message is cel-go's. `&&`, `||`, `all` and `exists` may swallow it."""

    def __init__(self, message: str, code: str = "cel-error") -> None:
        super().__init__(code, message)


class CostLimitError(EvaluationError):
    """An expression did more than it may. No operator swallows it."""

    def __init__(self) -> None:
        super().__init__("cel-cost", "operation cancelled: actual cost limit exceeded")


def no_such_overload(function: str = "", *types: str) -> CelError:
    """Return the error of a function that does not take these arguments."""
    if not function:
        return CelError("no such overload")
    return CelError(f"no such overload: {function}({', '.join(types)})")


def no_such_key(key: object) -> CelError:
    """Return the error of a map, or of what is no map at all, that has no such key."""
    return CelError(f"no such key: {key}")
