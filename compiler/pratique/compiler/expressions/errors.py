"""What goes wrong in expressions: at compile time with a place, at evaluation time with Kyverno's wording."""

from __future__ import annotations

from typing import Final, TypeAlias

from pratique.grammar.errors import EvaluationError, PratiqueError

Path: TypeAlias = tuple[str | int, ...]
"""Route of keys and indices into a JSON document."""

MAX_SHOWN: Final = 200
"""Code points of foreign text that one message quotes."""


class ExpressionError(PratiqueError):
    """A mistake in an expression, a template or a condition, found when it is compiled.

    Attributes:
        code: stable identifier in kebab case, for example `unknown-function`.
        message: one sentence, without position.
        path: where the text stands in the document that was compiled.
        offset: 0-based code point inside that text.
    """

    def __init__(self, code: str, message: str, *, path: Path = (), offset: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path
        self.offset = offset

    def within(self, path: Path, offset: int = 0) -> ExpressionError:
        """Return the same mistake as seen from a document that holds its text at `offset` of `path`."""
        return ExpressionError(self.code, self.message, path=(*path, *self.path), offset=self.offset + offset)

    def __str__(self) -> str:
        place = pointer(self.path)
        return f"{place + ': ' if place else ''}error[{self.code}]: {self.message} (at offset {self.offset})"


class UnknownKeyError(Exception):
    """A map has no such key: Kyverno's one error that most forms of expressions swallow.

    It never leaves the package: at its border it becomes an `EvaluationError` with code `unknown-key`.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f'Unknown key "{shorten(self.key)}" in path'


def as_evaluation_error(error: UnknownKeyError) -> EvaluationError:
    """Return the error that the callers of this package see for a missing key."""
    return EvaluationError("unknown-key", str(error))


def pointer(path: Path) -> str:
    r"""Return a path as Kyverno's messages write it: `/spec/0/image`, a slash inside a key as `\/`."""
    return "".join("/" + str(part).replace("/", "\\/") for part in path)


def shorten(text: str) -> str:
    """Return `text` cut to what one message may quote."""
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
