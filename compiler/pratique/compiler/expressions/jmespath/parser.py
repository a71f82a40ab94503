"""The parser: a top-down operator precedence parser over the tokens, bounded in nesting.

References: kyverno/go-jmespath `parser.go` (binding powers, what it accepts: a comma between arguments and
between the pairs of a hash may be missing); Pratt, "Top down operator precedence", POPL 1973.
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.jmespath import syntax
from pratique.compiler.expressions.jmespath.syntax import Node
from pratique.compiler.expressions.jmespath.tokens import (
    END,
    IDENTIFIER,
    LITERAL,
    NUMBER,
    QUOTED,
    Token,
    tokenize,
)
from pratique.compiler.expressions.limits import DEFAULT_LIMITS, Limits
from pratique.compiler.expressions.values.numbers import INT_MAX, INT_MIN

_COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")
_POWERS: Final = {
    "|": 1,
    "||": 2,
    "&&": 3,
    **dict.fromkeys(_COMPARISONS, 5),
    "[]": 9,
    "*": 20,
    "[?": 21,
    ".": 40,
    "!": 45,
    "{": 50,
    "[": 55,
    "(": 60,
}
"""How strongly a token binds what stands on its left; 0 for all others."""
_ENDS_PROJECTION: Final = 10


def parse(text: str, limits: Limits = DEFAULT_LIMITS) -> Node:
    """Return the syntax tree of an expression.

    Raises:
        ExpressionError: `invalid-expression`, `expression-too-long`, `expression-too-deep`, with the offset.
    """
    if len(text) > limits.max_expression_bytes or (
        not text.isascii() and len(text.encode("utf-8", "replace")) > limits.max_expression_bytes
    ):
        raise ExpressionError(
            "expression-too-long",
            f"the expression is longer than {limits.max_expression_bytes} bytes",
            offset=min(len(text), limits.max_expression_bytes),
        )
    if not text.strip():
        raise ExpressionError("invalid-expression", "the expression is empty")
    return _Parser(tokenize(text), limits.max_nesting).parse()


class _Parser:
    def __init__(self, tokens: list[Token], max_nesting: int) -> None:
        self._tokens = tokens
        self._position = 0
        self._nesting = 0
        self._max_nesting = max_nesting

    def parse(self) -> Node:
        node = self._expression(0)
        token = self._current
        if token.kind != END:
            raise self._error(f"Unexpected token at the end of the expression: {token.value}", token)
        return node

    # --- tokens ----------------------------------------------------------------------------------------

    @property
    def _current(self) -> Token:
        return self._tokens[self._position]

    @property
    def _following(self) -> Token:
        return self._tokens[min(self._position + 1, len(self._tokens) - 1)]

    def _advance(self) -> Token:
        token = self._tokens[self._position]
        if token.kind != END:
            self._position += 1
        return token

    def _expect(self, kind: str) -> None:
        token = self._advance()
        if token.kind != kind:
            raise self._error(f"Expected `{kind}`, received: {_show(token)}", token)

    @staticmethod
    def _error(message: str, token: Token) -> ExpressionError:
        return ExpressionError("invalid-expression", message, offset=token.at)

    # --- expressions -----------------------------------------------------------------------------------

    def _expression(self, power: int) -> Node:
        # INVARIANT: every recursion of the parser passes here, so nesting bounds the stack.
        self._nesting += 1
        if self._nesting > self._max_nesting:
            raise ExpressionError(
                "expression-too-deep",
                f"the expression is nested deeper than {self._max_nesting} levels",
                offset=self._current.at,
            )
        node = self._prefix(self._advance())
        while power < _POWERS.get(self._current.kind, 0):
            node = self._infix(self._advance(), node)
        self._nesting -= 1
        return node

    def _prefix(self, token: Token) -> Node:  # noqa: C901 - one case a token
        at = token.at
        match token.kind:
            case "literal":
                return syntax.Literal(value=token.value, at=at)
            case "identifier":
                return syntax.Field(name=token.value, at=at)
            case "quoted identifier":
                if self._current.kind == "(":
                    raise self._error("Can't have quoted identifier as function Name.", token)
                return syntax.Field(name=token.value, callable=False, at=at)
            case "@":
                return syntax.Current(at=at)
            case "*":
                right = syntax.Current(at=at) if self._current.kind == "]" else self._projected(_POWERS["*"])
                return syntax.ValueProjection(left=syntax.Current(at=at), right=right, at=at)
            case "[?":
                return self._filter(syntax.Current(at=at), token)
            case "[]":
                flat = syntax.Flatten(operand=syntax.Current(at=at), at=at)
                return syntax.Projection(left=flat, right=self._projected(_POWERS["[]"]), at=at)
            case "[":
                return self._bracket_prefix(token)
            case "{":
                return self._hash(token)
            case "&":
                return syntax.Reference(operand=self._expression(0), at=at)
            case "!":
                return syntax.Not(operand=self._expression(_POWERS["!"]), at=at)
            case "(":
                node = self._expression(0)
                self._expect(")")
                return node
            case "end of expression":
                raise self._error("Incomplete expression", token)
            case _:
                raise self._error(f"Invalid token: {_show(token)}", token)

    def _infix(self, token: Token, left: Node) -> Node:  # noqa: C901 - one case a token
        at = token.at
        match token.kind:
            case ".":
                if self._current.kind == "*":
                    self._advance()
                    return syntax.ValueProjection(left=left, right=self._projected(_POWERS["."]), at=at)
                return syntax.Subexpression(left=left, right=self._behind_dot(_POWERS["."]), at=at)
            case "|":
                return syntax.Pipe(left=left, right=self._expression(_POWERS["|"]), at=at)
            case "||":
                return syntax.Or(left=left, right=self._expression(_POWERS["||"]), at=at)
            case "&&":
                return syntax.And(left=left, right=self._expression(_POWERS["&&"]), at=at)
            case "(":
                return self._call(left, token)
            case "[?":
                return self._filter(left, token)
            case "[]":
                flat = syntax.Flatten(operand=left, at=at)
                return syntax.Projection(left=flat, right=self._projected(_POWERS["[]"]), at=at)
            case "[":
                return self._bracket_infix(left, token)
            case "==" | "!=" | "<" | "<=" | ">" | ">=":
                right = self._expression(_POWERS[token.kind])
                return syntax.Comparison(operator=token.kind, left=left, right=right, at=at)
            case _:
                raise self._error(f"Unexpected token: {_show(token)}", token)

    def _call(self, name: Node, token: Token) -> Node:
        if not isinstance(name, syntax.Field) or not name.callable:
            raise self._error("Only a name can be called", token)
        arguments: list[Node] = []
        while self._current.kind != ")":
            arguments.append(self._expression(0))
            if self._current.kind == ",":
                self._advance()
        self._expect(")")
        return syntax.Call(name=name.name, arguments=tuple(arguments), at=name.at)

    # --- brackets --------------------------------------------------------------------------------------

    def _bracket_prefix(self, token: Token) -> Node:
        kind = self._current.kind
        if kind in (NUMBER, ":"):
            return self._index(syntax.Current(at=token.at), token)
        if kind == "*" and self._following.kind == "]":
            self._advance()
            self._advance()
            right = self._projected(_POWERS["*"])
            return syntax.Projection(left=syntax.Current(at=token.at), right=right, at=token.at)
        return self._list(token)

    def _bracket_infix(self, left: Node, token: Token) -> Node:
        if self._current.kind in (NUMBER, ":"):
            return self._index(left, token)
        self._expect("*")
        self._expect("]")
        return syntax.Projection(left=left, right=self._projected(_POWERS["*"]), at=token.at)

    def _index(self, left: Node, token: Token) -> Node:
        if self._current.kind == ":" or self._following.kind == ":":
            part = self._slice(token)
            sliced = syntax.Subexpression(left=left, right=part, at=token.at)
            return syntax.Projection(left=sliced, right=self._projected(_POWERS["*"]), at=token.at)
        index = syntax.Index(index=self._integer(), at=token.at)
        self._expect("]")
        return syntax.Subexpression(left=left, right=index, at=token.at)

    def _slice(self, token: Token) -> Node:
        parts: list[int | None] = [None, None, None]
        index = 0
        while self._current.kind != "]" and index < len(parts):
            if self._current.kind == ":":
                index += 1
                self._advance()
            elif self._current.kind == NUMBER:
                parts[index] = self._integer()
            else:
                raise self._error(
                    f"Expected `:` or a number, received: {_show(self._current)}", self._current
                )
        self._expect("]")
        return syntax.Slice(start=parts[0], stop=parts[1], step=parts[2], at=token.at)

    def _integer(self) -> int:
        token = self._advance()
        if token.kind != NUMBER:
            raise self._error(f"Expected a number, received: {_show(token)}", token)
        if token.value == "-" or len(token.value) > 20 or not INT_MIN <= int(token.value) <= INT_MAX:
            raise self._error(f"{token.value} is no index", token)
        return int(token.value)

    def _filter(self, left: Node, token: Token) -> Node:
        condition = self._expression(0)
        self._expect("]")
        right: Node = syntax.Current(at=token.at)
        if self._current.kind != "[]":
            right = self._projected(_POWERS["[?"])
        return syntax.Filter(left=left, condition=condition, right=right, at=token.at)

    def _list(self, token: Token) -> Node:
        items = [self._expression(0)]
        while self._current.kind != "]":
            self._expect(",")
            items.append(self._expression(0))
        self._expect("]")
        return syntax.MultiSelectList(items=tuple(items), at=token.at)

    def _hash(self, token: Token) -> Node:
        items: list[tuple[str, Node]] = []
        while True:
            key = self._advance()
            if key.kind not in (IDENTIFIER, QUOTED):
                raise self._error("Expected a name or a quoted name", key)
            self._expect(":")
            items.append((key.value, self._expression(0)))
            if self._current.kind == ",":
                self._advance()
            elif self._current.kind == "}":
                self._advance()
                return syntax.MultiSelectHash(items=tuple(items), at=token.at)

    # --- what follows a dot or a projection ------------------------------------------------------------

    def _behind_dot(self, power: int) -> Node:
        token = self._current
        if token.kind in (IDENTIFIER, QUOTED, "*"):
            return self._expression(power)
        if token.kind == "[":
            return self._list(self._advance())
        if token.kind == "{":
            return self._hash(self._advance())
        raise self._error("Expected identifier, lbracket, or lbrace", token)

    def _projected(self, power: int) -> Node:
        token = self._current
        if _POWERS.get(token.kind, 0) < _ENDS_PROJECTION:
            return syntax.Current(at=token.at)
        if token.kind in ("[", "[?"):
            return self._expression(power)
        if token.kind == ".":
            self._advance()
            return self._behind_dot(power)
        raise self._error(f"Unexpected token: {_show(token)}", token)


def _show(token: Token) -> str:
    return token.kind if token.kind in (END, LITERAL) else f"`{token.value}`"
