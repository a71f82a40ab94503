r"""Templates: JSON data with `{{ variables }}` and `$(references)`, compiled once and rendered many times.

A text that is one variable becomes the variable's value, with its type; in any other text values are put in
as text. What is put in is looked through for variables again, so inner variables are replaced first.

References: Kyverno 1.19 `pkg/engine/variables/vars.go`, `pkg/engine/jsonutils`, `pkg/utils/jsonpointer`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pratique.compiler.expressions.context import Reader
from pratique.compiler.expressions.errors import ExpressionError, Path, pointer, shorten
from pratique.compiler.expressions.expression import Expression, compile_expression
from pratique.compiler.expressions.limits import DEFAULT_LIMITS, Limits
from pratique.compiler.expressions.scanning import (
    Found,
    find_variables,
    inside,
    offset_of_expression,
    unescape_variables,
)
from pratique.compiler.expressions.values.json_text import write_json
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.expressions.references import References

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HERE: Final = "@"
_TARGET: Final = "target"


@dataclass(frozen=True, slots=True)
class _Variable:
    """A variable that stands in a text from the start, with its compiled expression (None for `{{ @ }}`)."""

    found: Found
    text: str
    is_shallow: bool
    expression: Expression | None


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Any


@dataclass(frozen=True, slots=True)
class _Text:
    """A text with variables; `is_whole` says that it is a single one."""

    text: str
    path: Path
    variables: tuple[_Variable, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class _Map:
    items: tuple[tuple[str | _Text, _Node], ...]


@dataclass(frozen=True, slots=True)
class _List:
    items: tuple[_Node, ...]


_Node: TypeAlias = _Constant | _Text | _Map | _List


class Template:
    """JSON data with variables, ready for many contexts; immutable."""

    __slots__ = ("_expressions", "_root")

    def __init__(self, root: _Node, expressions: tuple[Expression, ...]) -> None:
        """Use `Template.compile`."""
        self._root = root
        self._expressions = expressions

    @classmethod
    def compile(
        cls, data: Any, path: Path = (), *, at: Path = (), limits: Limits = DEFAULT_LIMITS
    ) -> Template:
        """Return the template of a JSON document.

        Args:
            data: JSON data; references are resolved inside it.
            path: where the document stands in the file, for `ExpressionError.path`.
            at: where the messages of evaluations say that it stands; Kyverno's are relative to the rule, or
                to the key or value of a condition.
            limits: bounds on its expressions.

        Raises:
            ExpressionError: the first mistake, with its path and its offset in the text there.
        """
        compiler = _Compiler(data, path, at, limits)
        return cls(compiler.node(data, ()), tuple(compiler.expressions))

    @property
    def is_constant(self) -> bool:
        """Say whether there is no variable."""
        return isinstance(self._root, _Constant)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Return the expressions that stand in the document from the start."""
        return self._expressions

    def mentions(self, name: str) -> bool:
        """Say whether some expression mentions a context entry and would load it."""
        return any(expression.mentions(name) for expression in self._expressions)

    def render(self, context: Reader, *, missing_as_empty: bool = False) -> Any:
        """Return the document with the values of its variables.

        Constant parts are shared with the template, values with the context: do not change the result.

        Args:
            context: what variables read.
            missing_as_empty: a missing key gives an empty text instead of an error, as older versions of
                Kyverno had it in preconditions.

        Raises:
            EvaluationError: `failed to resolve ... at path ...: ...` for the first variable without a value.
        """
        if isinstance(self._root, _Constant):
            return self._root.value
        return _Rendering(context, missing_as_empty).node(self._root)


class _Compiler:
    def __init__(self, document: Any, path: Path, at: Path, limits: Limits) -> None:
        self.expressions: list[Expression] = []
        self._document = document
        self._references: References | None = None
        self._path = path
        self._at = at
        self._limits = limits

    def node(self, value: Any, path: Path) -> _Node:
        if len(path) > self._limits.max_data_depth:
            raise ExpressionError("data-too-deep", "the data is nested too deep", path=self._path + path)
        match value:
            case str():
                return self._text(value, path)
            case list():
                items = tuple(self.node(item, (*path, index)) for index, item in enumerate(value))
                if all(isinstance(item, _Constant) for item in items):
                    return _Constant([item.value for item in items if isinstance(item, _Constant)])
                return _List(items)
            case dict():
                return self._map(value, path)
            case _:
                return _Constant(value)

    def _map(self, value: dict[str, Any], path: Path) -> _Node:
        items: list[tuple[str | _Text, _Node]] = []
        is_constant = True
        for key, item in value.items():
            name = self._text(key, path)
            node = self.node(item, (*path, key))
            is_constant = is_constant and isinstance(name, _Constant) and isinstance(node, _Constant)
            items.append((name.value if isinstance(name, _Constant) else name, node))
        if is_constant:
            return _Constant({key: node.value for key, node in items if isinstance(node, _Constant)})
        return _Map(tuple(items))

    def _text(self, text: str, path: Path) -> _Constant | _Text:
        full = self._path + path
        if "$(" in text:
            text = self._resolved(text, path)
        found = find_variables(text)
        if not found:
            return _Constant(unescape_variables(text))
        if len(found) > self._limits.max_substitutions:
            raise ExpressionError("too-many-variables", "the text holds too many variables", path=full)
        variables = tuple(self._variable(variable, full) for variable in found)
        is_whole = len(found) == 1 and found[0].text == text
        return _Text(text, self._at + path, variables, is_whole)

    def _resolved(self, text: str, path: Path) -> str:
        if self._references is None:
            from pratique.compiler.expressions.references import References

            self._references = References(self._document)
        try:
            return self._references.resolve(text, path)
        except ExpressionError as error:
            raise error.within(self._path + path) from None

    def _variable(self, found: Found, path: Path) -> _Variable:
        text, is_shallow = inside(found.text)
        if text == _HERE:
            return _Variable(found, text, is_shallow, None)
        try:
            expression = compile_expression(text, self._limits)
        except ExpressionError as error:
            raise error.within(path, offset_of_expression(found)) from None
        self.expressions.append(expression)
        return _Variable(found, text, is_shallow, expression)


class _Rendering:
    """One rendering of a template."""

    def __init__(self, context: Reader, missing_as_empty: bool) -> None:
        self._context = context
        self._limits = context.environment.limits
        self._missing_as_empty = missing_as_empty
        self._is_delete = context.operation == "DELETE"
        # INVARIANT: both bound what values that hold variables can do, themselves included: their own
        # expansion inside each other, and all of it together.
        self._depth = 0
        self._substitutions_left = self._limits.max_substitutions

    def node(self, node: _Node) -> Any:
        match node:
            case _Constant():
                return node.value
            case _Text():
                return self._compiled_text(node)
            case _List():
                return [self.node(item) for item in node.items]
            case _Map():
                return {self._key(key): self.node(item) for key, item in node.items}

    def _key(self, key: str | _Text) -> str:
        if isinstance(key, str):
            return key
        name = self._compiled_text(key)
        if name is None:
            return key.text
        if not isinstance(name, str):
            raise EvaluationError(
                "invalid-key", f'expected string after substituting variables in key "{shorten(key.text)}"'
            )
        return name

    # --- texts -----------------------------------------------------------------------------------------

    def _compiled_text(self, node: _Text) -> Any:
        if node.is_whole:
            (variable,) = node.variables
            return self._expanded(self._value(variable.text, variable.expression, node.path), node.path)
        return self._text(node.text, node.path, node.variables)

    def _text(self, text: str, path: Path, known: tuple[_Variable, ...] = ()) -> Any:
        """Replace variables until there are none; `known` are those of the first round."""
        for _ in range(self._limits.max_expansions):
            found = [variable.found for variable in known] if known else find_variables(text)
            if not found:
                break
            if not known:
                self._substitutions_left -= len(found)
            if self._substitutions_left < 0:
                raise EvaluationError("too-many-variables", "the values of variables hold too many variables")
            original, is_shallow = text, False
            for index, variable in enumerate(found):
                if known:
                    expression_text, is_shallow = known[index].text, known[index].is_shallow
                    value = self._value(expression_text, known[index].expression, path)
                else:
                    expression_text, is_shallow = inside(variable.text)
                    value = self._value(expression_text, None, path)
                if original == variable.text:
                    return self._expanded(value, path)
                text = self._replaced(text, variable, value, is_shallow)
            known = ()
            if is_shallow:
                break
        else:
            raise EvaluationError(
                "expansion-too-deep", f"the variables at path {pointer(path)} expand without end"
            )
        return unescape_variables(text)

    def _replaced(self, text: str, variable: Found, value: Any, is_shallow: bool) -> str:
        limit = self._limits.max_context_bytes
        inserted = value
        if not isinstance(value, str):
            inserted = write_json(value, max_bytes=limit, max_depth=self._limits.max_data_depth, padded=True)
        if is_shallow:
            inserted = inserted.replace("{{", "\\{{")
        if len(text) + len(inserted) > limit:
            raise EvaluationError("context-too-large", "a text with variables becomes too large")
        return text.replace(variable.prefix + variable.text, variable.prefix + inserted, 1)

    def _expanded(self, value: Any, path: Path) -> Any:
        """Return the value of a whole text: texts inside maps and lists are looked through for variables."""
        if isinstance(value, dict | list) and _holds_variables(value):
            return self._inner(value, path)
        return value

    def _inner(self, value: Any, path: Path) -> Any:
        self._depth += 1
        if self._depth > self._limits.max_data_depth:
            raise EvaluationError(
                "expansion-too-deep", f"the variables at path {pointer(path[:8])} expand without end"
            )
        expanded = self._expanded_parts(value, path)
        self._depth -= 1
        return expanded

    def _expanded_parts(self, value: Any, path: Path) -> Any:
        match value:
            case str():
                return self._text(value, path) if "{{" in value else value
            case list():
                return [self._inner(item, (*path, index)) for index, item in enumerate(value)]
            case dict():
                renamed: dict[str, Any] = {}
                for key, item in value.items():
                    name = self._text(key, path) if "{{" in key else key
                    if name is None:
                        name = key
                    if not isinstance(name, str):
                        raise EvaluationError(
                            "invalid-key",
                            f'expected string after substituting variables in key "{shorten(key)}"',
                        )
                    renamed[name] = self._inner(item, (*path, key))
                return renamed
            case _:
                return value

    # --- values ----------------------------------------------------------------------------------------

    def _value(self, text: str, expression: Expression | None, path: Path) -> Any:
        if text == _HERE:
            text, expression = self._here(path), None
        if self._is_delete and "request.object" in text:
            text, expression = text.replace("request.object", "request.oldObject"), None
        try:
            return self._context.query(expression or self._compiled(text))
        except EvaluationError as error:
            if self._missing_as_empty and error.code == "unknown-key":
                return ""
            raise EvaluationError(
                error.code, f"failed to resolve {shorten(text)} at path {pointer(path)}: {error.message}"
            ) from error

    def _compiled(self, text: str) -> Expression:
        if not text:
            raise EvaluationError("invalid-expression", "invalid query (nil)")
        try:
            return compile_expression(text, self._limits)
        except ExpressionError as error:
            if error.code == "unknown-function":
                raise EvaluationError(error.code, f"JMESPath query failed: {error.message}") from error
            raise EvaluationError(
                error.code, f"incorrect query {shorten(text)}: SyntaxError: {error.message}"
            ) from error

    def _here(self, path: Path) -> str:
        """Return the expression for the same place in the resource; the path loses its first two parts."""
        parts = [str(part) for part in path]
        if "foreach" in parts:
            parts = parts[parts.index("foreach") + 1 :]
        parts = parts[2:] if len(parts) > 2 else []
        try:
            self._context.query(compile_expression(_TARGET))
            expression = _TARGET
        except EvaluationError:
            expression = "request.object"
        for part in parts:
            if part.isascii() and part.isdigit():
                expression += f"[{part}]"
            else:
                expression += f".{part if _IDENTIFIER.fullmatch(part) else json.dumps(part)}"
        return expression


def _holds_variables(value: Any) -> bool:
    """Say whether some text or key inside a value may hold a variable. Linear."""
    pending = [value]
    while pending:
        value = pending.pop()
        if value.__class__ is str:
            if "{{" in value:
                return True
        elif value.__class__ is dict:
            pending += value
            pending += value.values()
        elif value.__class__ is list:
            pending += value
    return False
