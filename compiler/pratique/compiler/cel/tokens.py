"""Splits a CEL expression into tokens.

References: CEL language definition, "Syntax"; cel-go 0.30 `parser/gen/CEL.g4`, `parser/unescape.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from pratique.compiler.cel.values.numbers import Uint
from pratique.compiler.expressions.errors import ExpressionError, shorten
from pratique.compiler.expressions.values.numbers import INT_MAX

_UINT_MAX: Final = 2**64 - 1

_TOKEN = re.compile(
    r"""(?P<blank>[\t\ \r\n\f]+|//[^\n]*)
    | (?P<text>[rR](?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n\r]*'|"[^"\n\r]*")
       | [bB][rR](?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n\r]*'|"[^"\n\r]*")
       | [bB]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
                |'(?:\\.|[^\\'\n\r])*'|"(?:\\.|[^\\"\n\r])*"))
    | (?P<double>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    | (?P<integer>(?:0x[0-9a-fA-F]+|[0-9]+)[uU]?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark>&&|\|\||==|!=|<=|>=|[-+*/%!<>?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)

_ESCAPES: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
_CODE_LENGTHS: Final = {"x": 2, "X": 2, "u": 4, "U": 8}

KEYWORDS: Final = {"true": True, "false": False, "null": None}
RESERVED: Final = frozenset(
    ("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
     "package", "namespace", "return", "var", "void", "while")
)  # fmt: skip
"""Names that no variable can have; they may stand behind a dot."""


class Token(NamedTuple):
    """A token.

    Attributes:
        kind: `literal`, `name`, `mark` or `end`.
        text: as it is written; empty at the end.
        value: of a literal.
    """

    kind: str
    text: str
    offset: int
    value: Any = None


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of an expression, then one of kind `end`.

    Raises:
        ExpressionError: `cel-syntax`: a character or literal that CEL does not know.
    """
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind, written = match.lastgroup, match[0]
        if kind == "name":
            if written in KEYWORDS:
                yield Token("literal", written, position, KEYWORDS[written])
            else:
                yield Token("mark" if written == "in" else "name", written, position)
        elif kind == "mark":
            yield Token("mark", written, position)
        elif kind == "text":
            yield Token("literal", written, position, _text(written, position))
        elif kind == "double":
            yield Token("literal", written, position, float(written))
        elif kind == "integer":
            yield Token("literal", written, position, _integer(written, position))
        position = match.end()
    yield Token("end", "", position)


def syntax_error(message: str, offset: int) -> ExpressionError:
    """Return a mistake in the syntax of an expression."""
    return ExpressionError("cel-syntax", message, offset=offset)


def _unreadable(text: str, position: int) -> ExpressionError:
    if text[position] in "'\"":
        return syntax_error("the text is not closed", position)
    return syntax_error(f"unexpected character {text[position]!r}", position)


def _integer(written: str, offset: int) -> int:
    digits = written.rstrip("uU")
    value = int(digits, 16 if digits.startswith("0x") else 10) if len(digits) <= 64 else _UINT_MAX + 1
    if len(digits) < len(written):
        if value > _UINT_MAX:
            raise syntax_error("invalid uint literal", offset)
        return Uint(value)
    # -9223372036854775808 is a literal too: the parser sees the sign.
    if value > INT_MAX + 1:
        raise syntax_error("invalid int literal", offset)
    return value


def _text(written: str, offset: int) -> str | bytes:
    quote = min(position for position in (written.find("'"), written.find('"')) if position >= 0)
    prefix, rest = written[:quote].lower(), written[quote:]
    width = 3 if len(rest) >= 6 and rest[:3] in ("'''", '"""') else 1
    body, start = rest[width:-width], offset + quote + width
    is_bytes = "b" in prefix
    if "r" in prefix or "\\" not in body:
        return body.encode(errors="surrogatepass") if is_bytes else body
    return _unescaped_bytes(body, start) if is_bytes else _unescaped(body, start)


def _unescaped(body: str, start: int) -> str:
    parts: list[str] = []
    for piece in _pieces(body, start, is_bytes=False):
        if isinstance(piece, int):
            if 0xD800 <= piece < 0xE000 or piece > 0x10FFFF:
                raise syntax_error("invalid unicode code point", start)
            parts.append(chr(piece))
        else:
            parts.append(piece)
    return "".join(parts)


def _unescaped_bytes(body: str, start: int) -> bytes:
    return b"".join(
        bytes((piece & 0xFF,)) if isinstance(piece, int) else piece.encode(errors="surrogatepass")
        for piece in _pieces(body, start, is_bytes=True)
    )


def _pieces(body: str, start: int, *, is_bytes: bool) -> Iterator[str | int]:
    """Yield literal text and the numbers of escaped characters."""
    position = 0
    while position < len(body):
        escape = body.find("\\", position)
        if escape < 0:
            yield body[position:]
            return
        if escape > position:
            yield body[position:escape]
        letter = body[escape + 1 : escape + 2]
        if letter in _ESCAPES:
            yield _ESCAPES[letter]
            position = escape + 2
            continue
        if letter in _CODE_LENGTHS and not (is_bytes and letter in "uU"):
            digits, base = body[escape + 2 : escape + 2 + _CODE_LENGTHS[letter]], 16
            is_whole = len(digits) == _CODE_LENGTHS[letter] and re.fullmatch("[0-9a-fA-F]+", digits)
            position = escape + 2 + len(digits)
        else:
            digits, base = body[escape + 1 : escape + 4], 8
            is_whole = re.fullmatch("[0-3][0-7]{2}", digits)
            position = escape + 1 + len(digits)
        if not is_whole:
            raise syntax_error(f"unknown escape {shorten(body[escape : escape + 2])!r}", start + escape)
        yield int(digits, base)
