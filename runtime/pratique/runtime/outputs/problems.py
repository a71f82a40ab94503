"""Mistakes and faults as data: what machine-readable formats say where there are no results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pratique.grammar.errors import (
    EvaluationError,
    PolicyError,
    PolicyErrors,
    PratiqueError,
    TransportError,
    VerificationError,
)

PREFIX: Final = "invalid policy"
"""How the message of a mistake in a policy begins, with the name of the policy (or its file) after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why there are no results: `line` and `column` are 1-based, 0 where no text stands behind it."""

    code: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    help: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the problem as plain data; what is not known is left out."""
        place = {"file": self.file, "line": self.line, "column": self.column, "help": self.help}
        known = {key: value for key, value in place.items() if value}
        return {"code": self.code, "message": self.message, **known}


def problems(error: PratiqueError, is_policy: Callable[[str], bool]) -> tuple[Problem, ...]:
    """Return what ended a run, in the order of the error.

    Args:
        error: what was raised.
        is_policy: whether a source of that name was given as a policy, so that mistakes in it make a policy
            invalid.
    """
    match error:
        case PolicyErrors():
            return tuple(_mistake(one, is_policy) for one in error.errors)
        case PolicyError():
            return (_mistake(error, is_policy),)
        case TransportError() | EvaluationError() | VerificationError():
            return (Problem(code=error.code, message=error.message),)
        case _:
            return (Problem(code="usage", message=str(error)),)


def _mistake(error: PolicyError, is_policy: Callable[[str], bool]) -> Problem:
    if error.location is None:
        return Problem(code=error.code, message=error.message, help=error.help)
    message, name = error.message, error.location.source.name
    if is_policy(name) and not message.startswith(PREFIX):
        message = f"{PREFIX} {name}: {message}"
    start, end = error.location.span
    return Problem(
        code=error.code,
        message=message,
        file=name,
        line=start.line,
        column=start.column,
        end_line=end.line,
        end_column=end.column,
        help=error.help,
    )
