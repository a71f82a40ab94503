r"""Globs of `matchImageReferences`: a language of its own beside that of classic policies.

`*` and `**` stand for any run of characters, `?` for one, `[abc]`, `[!abc]`, `[a-z]` and `[!a-z]` for one of
a set, `{a,b}` for either, and `\` takes the meaning of what follows away. Nothing separates: all of them
cross `/`. They run on RE2, in time linear in the text (R12).

References: github.com/gobwas/glob 0.2.3 `syntax/lexer`, `syntax/ast`, without separators, as Kyverno 1.19
`pkg/cel/compiler/image.go` compiles them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from pratique.compiler.texts import Expression, SearchSyntaxError, compile_search

_SPECIAL: Final = frozenset(r"\.+*?()|[]{}^$")
_IN_SET: Final = frozenset(r"\]^-[")
_WILD: Final = frozenset("?*[{")


class GlobSyntaxError(ValueError):
    """A glob does not compile."""


@lru_cache(maxsize=1024)
def compile_glob(text: str) -> Expression:
    """Return what finds a text that a glob matches as a whole.

    Raises:
        GlobSyntaxError: it is none.
    """
    try:
        return compile_search(as_expression(text))
    except SearchSyntaxError as error:
        raise GlobSyntaxError("the pattern is too large") from error


def as_expression(text: str) -> str:
    """Return the expression, in RE2 syntax, that is found in the texts that a glob matches as a whole.

    Raises:
        GlobSyntaxError: it is none.
    """
    return rf"(?s)\A{_Reader(text).translated()}\z"


def literal_prefix(text: str) -> str | None:
    """Return what stands before the `*` of a glob that has no other special character; else None."""
    head = text.rstrip("*")
    plain = not any(character in _WILD or character in "\\}" for character in head)
    return head if plain and head != text else None


class _Reader:
    """Translates a glob into an expression of RE2."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def translated(self) -> str:
        found = []
        while self._at < len(self._text):
            found.append(self._item())
        # What is not closed ends with the text.
        return f"(?:{''.join(found)}{')' * self._depth})"

    def _item(self) -> str:
        character = self._take()
        match character:
            case "{":
                self._depth += 1
                return "(?:"
            case "," if self._depth:
                return "|"
            case "}" if self._depth:
                self._depth -= 1
                return ")"
            case "[":
                return self._set()
            case "?":
                return "."
            case "*":
                if self._peek() == "*":
                    self._at += 1
                return ".*"
            case "\\":
                return _quoted(self._take()) if self._at < len(self._text) else ""
            case _:
                return _quoted(character)

    def _set(self) -> str:
        negated = self._peek() == "!"
        if negated:
            self._at += 1
        first = self._take()
        if self._peek() == "-":
            self._at += 1
            last = self._take()
            if last < first:
                text = f"hi character '{last}' should be greater than lo '{first}'"
                raise GlobSyntaxError(text)
            members = f"{_member(first)}-{_member(last)}"
        else:
            self._at -= 1
            members = self._members()
        if self._take() != "]":
            raise GlobSyntaxError("expected close range character")
        return f"[{'^' if negated else ''}{members}]"

    def _members(self) -> str:
        found = []
        while self._peek() not in ("]", ""):
            character = self._take()
            if character == "\\" and self._peek():
                character = self._take()
            found.append(_member(character))
        if not found:
            raise GlobSyntaxError("could not parse range")
        return "".join(found)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._peek()
        if not character:
            raise GlobSyntaxError("unexpected end of input")
        self._at += 1
        return character


def _quoted(character: str) -> str:
    return f"\\{character}" if character in _SPECIAL else character


def _member(character: str) -> str:
    return f"\\{character}" if character in _IN_SET else character
