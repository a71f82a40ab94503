"""The lexer: an expression to tokens, as go-jmespath cuts it.

References: JMESPath specification, "Grammar"; kyverno/go-jmespath `lexer.go`.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.values.json_text import read_json
from pratique.grammar.errors import EvaluationError

IDENTIFIER: Final = "identifier"
QUOTED: Final = "quoted identifier"
NUMBER: Final = "number"
LITERAL: Final = "literal"
END: Final = "end of expression"


class Token(NamedTuple):
    """A token.

    Attributes:
        kind: `IDENTIFIER`, `QUOTED`, `NUMBER`, `LITERAL`, `END`, or the symbol itself.
        value: the name, the number's text, or the value of a literal.
        at: 0-based code point where it starts.
    """

    kind: str
    value: Any
    at: int


_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t\r\n]+)
    | (?P<identifier>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>-?[0-9]+|-)
    | (?P<symbol>\|\||&&|==|!=|<=|>=|\[\?|\[\]|[.*,:{}\[\]()@|<>!&])
    | (?P<quoted>"(?:[^"\\]|\\.)*+")
    | (?P<raw>'(?:[^'\\]|\\'|\\(?!'))*+')
    | (?P<json>`(?:[^`\\]|\\.)*+`)
    """,
    re.VERBOSE | re.DOTALL,
)
_DELIMITERS: Final = {'"': '"', "'": "'", "`": "`"}


def tokenize(text: str) -> list[Token]:
    """Return the tokens of an expression, the last of kind `END`. Linear.

    Raises:
        ExpressionError: `invalid-expression` at the first character that starts no token.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            character = text[position]
            if character in _DELIMITERS:
                raise ExpressionError(
                    "invalid-expression", f"Unclosed delimiter: {character}", offset=position
                )
            raise ExpressionError("invalid-expression", f"Unknown char: {character!a}", offset=position)
        position = match.end()
        match match.lastgroup:
            case "identifier":
                tokens.append(Token(IDENTIFIER, match.group(), match.start()))
            case "number":
                tokens.append(Token(NUMBER, match.group(), match.start()))
            case "symbol":
                tokens.append(Token(match.group(), match.group(), match.start()))
            case "quoted":
                tokens.append(Token(QUOTED, _json(match.group(), match.start()), match.start()))
            case "raw":
                tokens.append(Token(LITERAL, match.group()[1:-1].replace("\\'", "'"), match.start()))
            case _ if match.lastgroup == "json":
                tokens.append(
                    Token(
                        LITERAL, _json(match.group()[1:-1].replace("\\`", "`"), match.start()), match.start()
                    )
                )
    tokens.append(Token(END, "", len(text)))
    return tokens


def _json(text: str, at: int) -> Any:
    try:
        return read_json(text)
    except (ValueError, EvaluationError) as error:
        raise ExpressionError("invalid-expression", f"invalid JSON literal: {error}", offset=at) from error
