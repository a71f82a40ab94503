"""The one door through which functions ask the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pratique.compiler.cel.errors import CelError
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run


def ask(run: Run, question: Any, problem: str = "") -> Any:
    """Return the answer to a question.

    Args:
        run: the evaluation that asks.
        question: see `cel.questions`.
        problem: stands before the reason where there is no answer.

    Raises:
        CelError: there is no answer; the expression may go on without (`||`).
    """
    answer = run.world.ask
    if answer is None:
        raise CelError(f"{problem}nobody can be asked here")
    try:
        return answer(question)
    except EvaluationError as error:
        raise CelError(f"{problem}{error.message}", error.code) from error


def checked(check: Callable[[], None], problem: str = "") -> None:
    """Do a check of what becomes part of a request.

    Raises:
        CelError: it does not hold.
    """
    try:
        check()
    except EvaluationError as error:
        raise CelError(f"{problem}{error.message}", error.code) from error
