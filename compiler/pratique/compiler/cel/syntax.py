"""Syntax trees of CEL expressions. Macros stay what they are: nothing is expanded into folds.

Every node has the offset (0-based code points) at which people would look for it and a number that is unique
in its tree, under which the checker files what it learns. Nodes are immutable.

References: CEL language definition, "Syntax" and "Macros".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: null, bool, int, uint, double, string or bytes."""

    number: int
    offset: int
    value: Any


@dataclass(frozen=True, slots=True)
class Identifier:
    """A name; with a leading dot it is looked up outside of all macros."""

    number: int
    offset: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or `operand.?field`."""

    number: int
    offset: int
    operand: Expression
    field: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """`has(operand.field)`."""

    number: int
    offset: int
    operand: Expression
    field: str


@dataclass(frozen=True, slots=True)
class Index:
    """`operand[index]`, or `operand[?index]`."""

    number: int
    offset: int
    operand: Expression
    index: Expression
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function or an operator (`_+_`); `target.function(...)` where there is a target."""

    number: int
    offset: int
    function: str
    target: Expression | None
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Logical:
    """`a && b && c` or `a || b || c`."""

    number: int
    offset: int
    is_conjunction: bool
    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Conditional:
    """`condition ? positive : negative`."""

    number: int
    offset: int
    condition: Expression
    positive: Expression
    negative: Expression


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a list; an optional one (`?value`) is left out where it is none."""

    value: Expression
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[a, ?b]`."""

    number: int
    offset: int
    elements: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """`key: value` of a map, or `?key: value`."""

    key: Expression
    value: Expression
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class MapLiteral:
    """`{key: value}`."""

    number: int
    offset: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """`name: value` of an object, or `?name: value`."""

    offset: int
    name: str
    value: Expression
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class StructLiteral:
    """`Type.name{field: value}`."""

    number: int
    offset: int
    type_name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    """A macro over the elements of a list or the keys of a map.

    Attributes:
        macro: `all`, `exists`, `existsOne`, `map`, `filter`, `transformList`, `transformMap` or
            `transformMapEntry`.
        variables: one name, or two: index and element, key and value.
        condition: what elements must satisfy; None where the macro has no condition.
        result: what becomes of an element; None for the macros that only test.
    """

    number: int
    offset: int
    macro: str
    range: Expression
    variables: tuple[str, ...]
    condition: Expression | None
    result: Expression | None


@dataclass(frozen=True, slots=True)
class Bind:
    """`cel.bind(variable, value, body)`; the value is computed when it is first used."""

    number: int
    offset: int
    variable: str
    value: Expression
    body: Expression


@dataclass(frozen=True, slots=True)
class OptionalMap:
    """`target.optMap(variable, body)`, or `optFlatMap`, whose body is an optional itself."""

    number: int
    offset: int
    target: Expression
    variable: str
    body: Expression
    is_flat: bool


Expression: TypeAlias = (
    Literal
    | Identifier
    | Select
    | Presence
    | Index
    | Call
    | Logical
    | Conditional
    | ListLiteral
    | MapLiteral
    | StructLiteral
    | Comprehension
    | Bind
    | OptionalMap
)


def children(node: Expression) -> tuple[Expression, ...]:  # noqa: C901 - one case a node
    """Return the nodes right below a node, in the order of the text."""
    match node:
        case Literal() | Identifier():
            return ()
        case Select() | Presence():
            return (node.operand,)
        case Index():
            return (node.operand, node.index)
        case Call():
            return node.arguments if node.target is None else (node.target, *node.arguments)
        case Logical():
            return node.terms
        case Conditional():
            return (node.condition, node.positive, node.negative)
        case ListLiteral():
            return tuple(element.value for element in node.elements)
        case MapLiteral():
            return tuple(part for entry in node.entries for part in (entry.key, entry.value))
        case StructLiteral():
            return tuple(field.value for field in node.fields)
        case Comprehension():
            parts = (node.range, node.condition, node.result)
            return tuple(part for part in parts if part is not None)
        case Bind():
            return (node.value, node.body)
        case OptionalMap():
            return (node.target, node.body)


def walk(node: Expression) -> Iterator[Expression]:
    """Yield a node and all below it, parents first."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))


def qualified_name(node: Expression) -> str | None:
    """Return `a.b.c` where the node is nothing but such a name, else None."""
    parts: list[str] = []
    while isinstance(node, Select) and not node.is_optional:
        parts.append(node.field)
        node = node.operand
    if not isinstance(node, Identifier):
        return None
    parts.append(node.name)
    return ".".join(reversed(parts))
