"""Parses CEL expressions: a Pratt parser for the operators, the rest by descent.

References: CEL language definition, "Syntax"; cel-go 0.30 `parser/parser.go` (limits, macros).
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.cel.macros import MacroCall, Macros
from pratique.compiler.cel.syntax import (
    Call,
    Conditional,
    Element,
    Entry,
    Expression,
    Field,
    Identifier,
    Index,
    ListLiteral,
    Literal,
    Logical,
    MapLiteral,
    Select,
    StructLiteral,
    children,
    qualified_name,
)
from pratique.compiler.cel.tokens import RESERVED, Token, syntax_error, tokens
from pratique.compiler.expressions.errors import ExpressionError, shorten
from pratique.compiler.expressions.values.numbers import INT_MAX

MAX_CHARACTERS: Final = 100_000
"""Length of an expression (cel-go's default)."""

MAX_DEPTH: Final = 200
"""Nodes inside each other; cel-go's limit is 250 rules of its grammar, which are a little finer."""

_PRECEDENCE: Final = {
    "?": 1,
    "||": 2,
    "&&": 3,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "%"), 6),
}


def parse(text: str, macros: Macros) -> Expression:
    """Return the tree of an expression.

    Raises:
        ExpressionError: `cel-syntax` with the place of the first mistake, or `cel-too-large`.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"expression code point size exceeds limit: size: {len(text)}, limit {MAX_CHARACTERS}"
        raise ExpressionError("cel-too-large", message)
    parser = _Parser(text, macros)
    node = parser.expression(0)
    parser.finish()
    _check_depth(node)
    return node


def _check_depth(node: Expression) -> None:
    """Refuse trees that would exhaust the stack of whoever walks them; long chains nest to the left."""
    level: list[Expression] = [node]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in children(parent)]
        if not level:
            return
    raise _too_deep(level[0].offset)


def _too_deep(offset: int) -> ExpressionError:
    message = f"expression recursion limit exceeded: {MAX_DEPTH}"
    return ExpressionError("cel-too-large", message, offset=offset)


class _Parser:
    def __init__(self, text: str, macros: Macros) -> None:
        self._tokens = list(tokens(text))
        self._position = 0
        self._macros = macros
        self._numbers = 0
        self._depth = 0

    # --- tokens ----------------------------------------------------------------------------------------

    def _next(self) -> Token:
        token = self._tokens[self._position]
        self._position += 1
        return token

    def _accept(self, mark: str) -> Token | None:
        token = self._tokens[self._position]
        if token.kind == "mark" and token.text == mark:
            self._position += 1
            return token
        return None

    def _expect(self, mark: str) -> Token:
        token = self._accept(mark)
        if token is None:
            raise self._mismatch(f"expecting '{mark}'")
        return token

    def _mismatch(self, expectation: str) -> ExpressionError:
        token = self._tokens[self._position]
        found = "the end of the expression" if token.kind == "end" else f"'{shorten(token.text)}'"
        return syntax_error(f"Syntax error: mismatched input {found} {expectation}", token.offset)

    def finish(self) -> None:
        """Raise an `ExpressionError` unless everything has been read."""
        if self._tokens[self._position].kind != "end":
            raise self._mismatch("expecting an operator or the end of the expression")

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    # --- operators -------------------------------------------------------------------------------------

    def expression(self, minimum: int) -> Expression:
        """Read an expression whose operators bind at least as closely as `minimum`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _too_deep(self._tokens[self._position].offset)
        left = self._operand()
        while True:
            token = self._tokens[self._position]
            precedence = _PRECEDENCE.get(token.text, 0) if token.kind == "mark" else 0
            if precedence == 0 or precedence < minimum:
                self._depth -= 1
                return left
            self._position += 1
            if precedence == 1:
                positive = self.expression(2)
                self._expect(":")
                left = Conditional(self._number(), token.offset, left, positive, self.expression(1))
                continue
            right = self.expression(precedence + 1)
            if precedence in (2, 3):
                left = self._joined(token, left, right)
            else:
                name = f"@{token.text}" if token.text == "in" else f"_{token.text}_"
                left = Call(self._number(), token.offset, name, None, (left, right))

    def _joined(self, token: Token, left: Expression, right: Expression) -> Logical:
        is_conjunction = token.text == "&&"
        # `a && b && c` is one node, so that its depth does not grow with its length.
        if isinstance(left, Logical) and left.is_conjunction == is_conjunction:
            return Logical(left.number, left.offset, is_conjunction, (*left.terms, right))
        return Logical(self._number(), token.offset, is_conjunction, (left, right))

    def _operand(self) -> Expression:  # noqa: C901 - few frames a level: the depth of the stack is bounded
        signs: list[Token] = []
        while (token := self._next()).kind == "mark" and token.text in ("!", "-"):
            signs.append(token)
        if token.kind == "literal":
            negative = bool(signs) and signs[-1].text == "-" and type(token.value) in (int, float)
            if negative:
                signs.pop()
            node: Expression = Literal(self._number(), token.offset, self._constant(token, negative))
        elif token.text == "(" and token.kind == "mark":
            node = self.expression(0)
            self._expect(")")
        else:
            node = self._primary(token)
        while (token := self._tokens[self._position]).kind == "mark":
            if token.text == ".":
                self._position += 1
                is_optional = self._accept("?") is not None
                name = self._field_name()
                if not is_optional and self._accept("("):
                    node = self._call(name, node)
                else:
                    node = Select(self._number(), name.offset, node, name.text, is_optional)
            elif token.text == "[":
                self._position += 1
                is_optional = self._accept("?") is not None
                index = self.expression(0)
                self._expect("]")
                node = Index(self._number(), token.offset, node, index, is_optional)
            elif token.text == "{" and (name_of_type := qualified_name(node)) is not None:
                self._position += 1
                node = self._struct(name_of_type, node.offset)
            else:
                break
        while signs:
            token = signs.pop()
            if signs and signs[-1].text == token.text:
                signs.pop()  # two of a kind undo each other
            else:
                node = Call(self._number(), token.offset, f"{token.text}_", None, (node,))
        return node

    # --- primaries -------------------------------------------------------------------------------------

    def _field_name(self) -> Token:
        token = self._tokens[self._position]
        if token.kind != "name":
            raise self._mismatch("expecting a name")
        self._position += 1
        return token

    def _primary(self, token: Token) -> Expression:
        if token.kind == "name":
            return self._name(token, token.text)
        if token.kind == "mark" and token.text == "[":
            return self._list(token)
        if token.kind == "mark" and token.text == "{":
            return self._map(token)
        if token.kind == "mark" and token.text == ".":
            name = self._field_name()
            return self._name(name, f".{name.text}")
        self._position -= 1
        raise self._mismatch("expecting a value")

    @staticmethod
    def _constant(token: Token, negative: bool) -> object:
        value = token.value
        if negative:
            return -value
        if type(value) is int and value > INT_MAX:
            raise syntax_error("invalid int literal", token.offset)
        return value

    def _name(self, token: Token, name: str) -> Expression:
        if token.text in RESERVED:
            raise syntax_error(f"reserved identifier: {token.text}", token.offset)
        if self._accept("("):
            return self._call(Token("name", name, token.offset), None)
        return Identifier(self._number(), token.offset, name)

    def _call(self, name: Token, target: Expression | None) -> Expression:
        arguments: list[Expression] = []
        if not self._accept(")"):
            while True:
                arguments.append(self.expression(0))
                if not self._accept(","):
                    break
            self._expect(")")
        number, has_target = self._number(), target is not None
        for count in (len(arguments), -1):
            macro = self._macros.get((name.text, count, has_target))
            if macro is not None:
                call = MacroCall(number, name.offset, name.text, target, tuple(arguments), self._number)
                node = macro(call)
                if node is not None:
                    return node
        return Call(number, name.offset, name.text, target, tuple(arguments))

    # --- aggregates ------------------------------------------------------------------------------------

    def _list(self, start: Token) -> Expression:
        elements: list[Element] = []
        while not self._accept("]"):
            is_optional = self._accept("?") is not None
            elements.append(Element(self.expression(0), is_optional))
            if not self._accept(","):
                self._expect("]")
                break
        return ListLiteral(self._number(), start.offset, tuple(elements))

    def _map(self, start: Token) -> Expression:
        entries: list[Entry] = []
        while not self._accept("}"):
            is_optional = self._accept("?") is not None
            key = self.expression(0)
            self._expect(":")
            entries.append(Entry(key, self.expression(0), is_optional))
            if not self._accept(","):
                self._expect("}")
                break
        return MapLiteral(self._number(), start.offset, tuple(entries))

    def _struct(self, type_name: str, offset: int) -> Expression:
        fields: list[Field] = []
        while not self._accept("}"):
            is_optional = self._accept("?") is not None
            name = self._field_name()
            self._expect(":")
            fields.append(Field(name.offset, name.text, self.expression(0), is_optional))
            if not self._accept(","):
                self._expect("}")
                break
        return StructLiteral(self._number(), offset, type_name, tuple(fields))
