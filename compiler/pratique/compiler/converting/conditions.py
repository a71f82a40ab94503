"""Comparisons of preconditions and of attestations as expressions, and expressions read back as comparisons.

What is translated: keys that are one variable with a path (`{{ builder.id }}`, perhaps with `|| ''`) beside
constant texts, booleans and numbers. A translation is exact unless the type of the value matters
(`is_exact`): Kyverno's operators compare `"5s"` with 5, and elements of lists.

References: Kyverno 1.19 `pkg/engine/variables/operator`; CEL, "Equality" and "Macros".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from pratique.compiler.cel import syntax as cel
from pratique.compiler.cel.environments import image_environment
from pratique.compiler.converting.formulas import is_name
from pratique.compiler.converting.identities import expression_of
from pratique.compiler.converting.references import literal
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.jmespath import syntax as jmes
from pratique.compiler.expressions.jmespath.parser import parse
from pratique.compiler.expressions.scanning import find_variables, inside
from pratique.grammar.wildcard import contains_wildcard

_NUMERIC: Final = re.compile(r"(?:[-+.0-9][-+0-9.eEinumkKMGTPhsµ]*)?")
"""The beginnings of numbers, quantities and durations, and of other texts."""
_ORDERS: Final = {
    "GreaterThan": ">",
    "GreaterThanOrEquals": ">=",
    "LessThan": "<",
    "LessThanOrEquals": "<=",
}


@dataclass(frozen=True, slots=True)
class Path:
    """A value: the names on the way to it, and whether it may be missing, which then is an empty text."""

    names: tuple[str, ...]
    may_be_missing: bool = False


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison; `operator` is `==`, `!=`, an order, `matches`, `!matches`, `in` or `!in`."""

    path: Path
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Joined:
    """Tests joined by "and" (`every`) or by "or"."""

    every: bool
    parts: tuple[Tree, ...]


Tree: TypeAlias = Test | Joined


class UntranslatableError(Exception):
    """A comparison that cannot be said.

    Attributes:
        what: it, in a few words.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


# --- from conditions -----------------------------------------------------------------------------------


def of_blocks(blocks: Sequence[Mapping[str, Any]]) -> Tree:
    """Return what blocks of conditions say, all of which must hold.

    Raises:
        UntranslatableError: something in them cannot be said.
    """
    return _joined(True, [_of_block(block) for block in blocks])


def of_preconditions(data: Any) -> Tree:
    """Return what preconditions or deny conditions say: a block, or a bare list of comparisons (old form).

    Raises:
        UntranslatableError: something in them cannot be said.
    """
    return _of_block({"all": data}) if isinstance(data, list) else _of_block(data)


def _of_block(block: Mapping[str, Any]) -> Tree:
    parts: list[Tree] = []
    if block.get("any"):
        parts.append(_joined(False, [_test(each) for each in block["any"]]))
    parts += [_test(each) for each in block.get("all") or ()]
    return _joined(True, parts)


def _joined(every: bool, parts: Sequence[Tree]) -> Tree:
    flat: list[Tree] = []
    for part in parts:
        flat += part.parts if isinstance(part, Joined) and part.every is every else (part,)
    return flat[0] if len(flat) == 1 else Joined(every, tuple(flat))


def _test(condition: Mapping[str, Any]) -> Test:
    operator, value = condition.get("operator"), condition.get("value")
    path = _path(condition.get("key"))
    if (isinstance(value, str) and "{{" in value) or (isinstance(value, list) and "{{" in repr(value)):
        raise UntranslatableError(f"the variable in {value!r}")
    match operator, value:
        case "Equals" | "NotEquals", str():
            is_not = "" if operator == "Equals" else "!"
            if contains_wildcard(value):
                return Test(path, f"{is_not}matches", expression_of(value))
            return Test(path, f"{is_not or '='}=", value)
        case "Equals" | "NotEquals", bool() | int() | float():
            return Test(path, "==" if operator == "Equals" else "!=", value)
        case (("AnyIn" | "AllIn" | "In" | "AnyNotIn" | "AllNotIn" | "NotIn"), [*values]) if values and all(
            isinstance(each, str) for each in values
        ):
            is_not = "!" if "Not" in operator else ""
            if any(map(contains_wildcard, values)):
                return Test(path, f"{is_not}matches", "|".join(map(expression_of, values)))
            return Test(path, f"{is_not}in", tuple(values))
        case str(), int() | float() if operator in _ORDERS and not isinstance(value, bool):
            return Test(path, _ORDERS[operator], value)
        case _:
            raise UntranslatableError(f"{operator} with {value!r}")


def _path(key: Any) -> Path:
    found = find_variables(key) if isinstance(key, str) else []
    if len(found) != 1 or found[0].text != key.strip():
        raise UntranslatableError(f"the key {key!r}")
    try:
        tree = parse(inside(found[0].text).expression)
    except ExpressionError as error:
        raise UntranslatableError(f"the key {key!r}") from error
    if isinstance(tree, jmes.Or) and isinstance(tree.right, jmes.Literal) and tree.right.value == "":
        return Path(tuple(_names(tree.left, key)), may_be_missing=True)
    return Path(tuple(_names(tree, key)))


def _names(node: jmes.Node, key: str) -> Iterator[str]:
    match node:
        case jmes.Field(name=name):
            yield name
        case jmes.Subexpression(left=left, right=right):
            yield from _names(left, key)
            yield from _names(right, key)
        case _:
            raise UntranslatableError(f"the key {key!r}")


def together(one: Tree, other: Tree) -> Tree:
    """Return what holds where both do."""
    return _joined(True, [one, other])


def is_exact(tree: Tree) -> bool:
    """Say whether a translation is equal whatever the types of the values that are compared."""
    match tree:
        case Joined(parts=parts):
            return all(map(is_exact, parts))
        case Test(operator="==", value=bool()):
            return True
        case Test(operator="==", value=str() as text):
            return not _NUMERIC.fullmatch(text) or not text
        case Test(operator="matches", value=str() as text):
            head = re.split(r"(?<!\\)\.", text.removeprefix("^"), maxsplit=1)[0].replace("\\", "")
            return "|" not in text and not _NUMERIC.fullmatch(head)
        case _:
            return False


def plain(expression: str) -> str:
    """Return a text that an expression matches which `identities.expression_of` has made of a glob."""
    return re.sub(r"\\(.)|\.\*|\.", lambda match: match[1] or "x", expression)


def foreign(expression: str, *, is_rewritten: bool) -> str:
    """Return why an expression of Kubernetes means something else in Kyverno; empty if it does not.

    Args:
        expression: a match condition of a webhook.
        is_rewritten: paths into Pods are rewritten for their controllers.
    """
    try:
        root = compiled(expression)
    except ExpressionError as error:
        return error.message
    names = {each.name for each in cel.walk(root) if isinstance(each, cel.Identifier)}
    if "oldObject" in names or "authorizer" in names:
        return (
            "`oldObject` is null for Kubernetes where it is an empty map here, and there is no `authorizer`"
        )
    if is_rewritten and re.search(r"object\.(spec|metadata(?!\.namespace\b))", expression):
        return "autogen rewrites its paths for controllers"
    return ""


# --- to expressions ------------------------------------------------------------------------------------


def written(tree: Tree, roots: Mapping[str, str]) -> str:
    """Return a tree as an expression.

    Args:
        tree: what must hold.
        roots: expressions for what the first names of paths stand for; that under the empty name holds all
            others.

    Raises:
        UntranslatableError: a path starts from something else.
    """
    match tree:
        case Joined(every=every, parts=()):
            return "true" if every else "false"
        case Joined(every=every, parts=parts):
            texts = (written(part, roots) for part in parts)
            return (" && " if every else " || ").join(
                f"({text})" if isinstance(part, Joined) else text
                for part, text in zip(parts, texts, strict=True)
            )
        case Test(path=path, operator=operator, value=value):
            return _written(_at(path, roots), operator, value)


def _nested(tree: Tree, roots: Mapping[str, str]) -> str:
    text = written(tree, roots)
    return f"({text})" if isinstance(tree, Joined) else text


def _written(key: str, operator: str, value: Any) -> str:
    match operator:
        case "matches":
            return f"{key}.matches({literal(value)})"
        case "!matches":
            return f"!{key}.matches({literal(value)})"
        case "in":
            return f"{key} in {_constant(value)}"
        case "!in":
            return f"!({key} in {_constant(value)})"
        case _:
            return f"{key} {operator} {_constant(value)}"


def _constant(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return literal(value)
        case tuple():
            return f"[{', '.join(map(_constant, value))}]"
        case _:
            return repr(value)


def _at(path: Path, roots: Mapping[str, str]) -> str:
    names = path.names
    for length in range(min(2, len(names)), 0, -1):
        root = roots.get(".".join(names[:length]))
        if root is not None:
            return _reached(root, names[length:], path.may_be_missing)
    if "" not in roots:
        raise UntranslatableError(f"the variable {'.'.join(names)}")
    return _reached(roots[""], names, path.may_be_missing)


def _reached(root: str, names: Sequence[str], may_be_missing: bool) -> str:
    text = root
    for number, name in enumerate(names):
        is_field = is_name(name)
        # Autogen looks for `object.metadata` and `object.spec`, which are always there.
        if may_be_missing and not (root == "object" and number == 0):
            text += f".?{name}" if is_field else f"[?{literal(name)}]"
        else:
            text += f".{name}" if is_field else f"[{literal(name)}]"
    return f"{text}.orValue('')" if may_be_missing else text


# --- from expressions ----------------------------------------------------------------------------------


class UnreadableError(Exception):
    """An expression is none that `written` writes."""


@lru_cache(maxsize=256)
def compiled(text: str) -> cel.Expression:
    """Return the tree of an expression of a policy about images.

    Raises:
        ExpressionError: it does not compile.
    """
    return image_environment("").compile(text).root


def read(
    node: cel.Expression, roots: Mapping[str, cel.Expression], of: Mapping[str, tuple[str, ...]]
) -> Tree:
    """Return what an expression says, in the terms of conditions.

    Args:
        node: the expression.
        roots: expressions of the roots, compiled, by any name.
        of: what each root stands for in paths.

    Raises:
        UnreadableError: it says something else.
    """
    return _Reader(roots, of).tree(node)


@dataclass(frozen=True, slots=True)
class _Reader:
    roots: Mapping[str, cel.Expression]
    of: Mapping[str, tuple[str, ...]]

    def tree(self, node: cel.Expression) -> Tree:
        match node:
            case cel.Literal(value=bool() as value):
                return Joined(value, ())
            case cel.Logical(is_conjunction=every, terms=terms):
                return _joined(every, [self.tree(term) for term in terms])
            case cel.Call(function="!_", arguments=(inner,)):
                test = self.tree(inner)
                if isinstance(test, Test) and test.operator in ("matches", "in"):
                    return Test(test.path, f"!{test.operator}", test.value)
                raise UnreadableError
            case cel.Call(
                function="matches", target=target, arguments=(cel.Literal(value=str() as text),)
            ) if target:
                return Test(self._path(target), "matches", text)
            case cel.Call(function="@in", arguments=(key, cel.ListLiteral(elements=elements))):
                return Test(self._path(key), "in", tuple(_value(each.value) for each in elements))
            case cel.Call(function=function, arguments=(key, value)):
                operator = function.strip("_")
                if function != f"_{operator}_" or operator not in ("==", "!=", "<", "<=", ">", ">="):
                    raise UnreadableError
                return Test(self._path(key), operator, _value(value))
            case _:
                raise UnreadableError

    def _path(self, node: cel.Expression) -> Path:
        for name, root in self.roots.items():
            if same(node, root):
                return Path(self.of[name])
        match node:
            case cel.Call(function="@orValue", arguments=(target, cel.Literal(value=""))):
                return Path(tuple(self._names(target, is_optional=True)), may_be_missing=True)
            case _:
                return Path(tuple(self._names(node, is_optional=False)))

    def _names(self, node: cel.Expression, *, is_optional: bool) -> list[str]:
        for name, root in self.roots.items():
            if same(node, root):
                return list(self.of[name])
        match node:
            case cel.Select(is_optional=False) if is_optional:
                return self._names(node, is_optional=False)  # what is always there
            case cel.Select(operand=operand, field=field) if node.is_optional is is_optional:
                return [*self._names(operand, is_optional=is_optional), field]
            case cel.Index(operand=operand, index=cel.Literal(value=str() as field)) if (
                node.is_optional is is_optional
            ):
                return [*self._names(operand, is_optional=is_optional), field]
            case _:
                raise UnreadableError


def _value(node: cel.Expression) -> Any:
    match node:
        case cel.Literal(value=value):
            return value
        case cel.Call(function="-_", arguments=(cel.Literal(value=value),)):
            return -value
        case _:
            raise UnreadableError


def same(one: cel.Expression, other: cel.Expression) -> bool:
    """Say whether two trees are one expression, wherever they stand."""
    if type(one) is not type(other):
        return False
    mine, theirs = cel.children(one), cel.children(other)
    return _own(one) == _own(other) and len(mine) == len(theirs) and all(map(same, mine, theirs))


def _own(node: cel.Expression) -> tuple[Any, ...]:
    """Return what a node says besides the nodes below it."""
    hidden = ("number", "offset")
    parts = (getattr(node, name) for name in node.__slots__ if name not in hidden)
    return tuple(part for part in parts if isinstance(part, str | bool | int | float | bytes | type(None)))
