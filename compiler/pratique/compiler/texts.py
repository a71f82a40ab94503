"""Tests on texts of the IR (`Exactly`, `Glob`, `Search`): whether a text passes, and what an expression is.

Expressions run on RE2, in time linear in the text whatever the expression (rule R12). Kyverno uses Go's
`regexp`, which is the same language; an error carries the text that Go prints.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Protocol, assert_never

from pratique.compiler import ir
from pratique.grammar import wildcard

MAX_CHARACTERS: Final = 4096
"""Length of an expression; longer ones are refused."""
_MAX_MEMORY: Final = 8 << 20

_GO_TEXTS: Final = (
    # RE2's text in C++, Go's text
    ("missing ]", "missing closing ]"),
    ("missing )", "missing closing )"),
    ("no argument for repetition operator", "missing argument to repetition operator"),
    ("bad repetition operator", "invalid nested repetition operator"),
    ("invalid repetition size", "invalid repeat count"),
    ("invalid perl operator", "invalid or unsupported Perl syntax"),
    ("invalid named capture group", "invalid named capture"),
    ("pattern too large - compile failed", "expression too large"),
)


class SearchSyntaxError(ValueError):
    """An expression does not compile; the message is Go's, for example ``error parsing regexp: ...``."""


class Expression(Protocol):
    """A compiled expression."""

    def search(self, text: str) -> object | None:
        """Return something if the expression is found anywhere in `text`, else None."""
        ...


@lru_cache(maxsize=1024)
def compile_search(text: str) -> Expression:
    """Return the compiled expression; equal texts share one.

    Raises:
        SearchSyntaxError: it is not RE2 syntax, or too large.
    """
    import re2  # type: ignore[import-untyped]

    if len(text) > MAX_CHARACTERS:
        raise SearchSyntaxError("error parsing regexp: expression too large")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        expression: Expression = re2.compile(text, options)
    except re2.error as error:
        raise SearchSyntaxError(f"error parsing regexp: {_as_go(error)}") from error
    except UnicodeEncodeError as error:
        raise SearchSyntaxError("error parsing regexp: invalid UTF-8") from error
    return expression


def _as_go(error: Any) -> str:
    """Turn RE2's `problem: part` into Go's ``problem: `part` ``."""
    cause = error.args[0] if error.args else ""
    text = cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
    if text.startswith("trailing \\"):
        return "trailing backslash at end of expression: ``"
    problem, colon, part = text.partition(": ")
    problem = next((go for re2_text, go in _GO_TEXTS if problem == re2_text), problem)
    return f"{problem}: `{part}`" if colon else problem


def passes(test: ir.Exactly | ir.Glob | ir.Search, text: str) -> bool:
    """Say whether `text` passes one test.

    Raises:
        SearchSyntaxError: the test is an expression that does not compile.
    """
    match test:
        case ir.Exactly():
            return text == test.text
        case ir.Glob():
            return wildcard.matches(test.text, text)
        case ir.Search():
            try:
                return compile_search(test.text).search(text) is not None
            except UnicodeEncodeError:
                return False  # a lone surrogate is no text
        case _:
            assert_never(test)


def accepts(tests: ir.TextTests, text: str) -> bool:
    """Say whether `text` passes every test, or some, as `tests` demands; without tests every text does.

    Raises:
        SearchSyntaxError: an expression that had to be tried does not compile.
    """
    if not tests.tests:
        return True
    judge = all if tests.every else any
    return judge(passes(test, text) for test in tests.tests)
