"""The syntax tree of an expression. Every node knows where it starts (`at`, 0-based code points)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, assert_never


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """`@`, and the value that an expression starts from."""

    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The value of a key; `callable` says that the name was written without quotes."""

    name: str
    callable: bool = True
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A JSON value written into the expression."""

    value: Any = field(hash=False)
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """`[n]` of a list."""

    index: int
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """`[start:stop:step]` of a list."""

    start: int | None
    stop: int | None
    step: int | None
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subexpression:
    """`left.right`: a missing key on the left stays an error."""

    left: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipe:
    """`left | right`: a missing key becomes null."""

    left: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """`left || right`."""

    left: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """`left && right`."""

    left: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """`!operand`."""

    operand: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`left operator right`, the operator one of `==`, `!=`, `<`, `<=`, `>`, `>=`."""

    operator: str
    left: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """`left[*].right`, `left[].right` (flattened first) and `left[a:b].right`."""

    left: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueProjection:
    """`left.*.right`: over the values of a map."""

    left: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """`left[?condition].right`."""

    left: Node
    condition: Node
    right: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten:
    """`operand[]` without what is projected from it."""

    operand: Node
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiSelectList:
    """`[a, b]`."""

    items: tuple[Node, ...]
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiSelectHash:
    """`{name: a, "other name": b}`."""

    items: tuple[tuple[str, Node], ...]
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`name(arguments)`."""

    name: str
    arguments: tuple[Node, ...]
    at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """`&operand`: an expression as an argument of a function."""

    operand: Node
    at: int = 0


Node: TypeAlias = (
    Current
    | Field
    | Literal
    | Index
    | Slice
    | Subexpression
    | Pipe
    | Or
    | And
    | Not
    | Comparison
    | Projection
    | ValueProjection
    | Filter
    | Flatten
    | MultiSelectList
    | MultiSelectHash
    | Call
    | Reference
)


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below, in the order of the text."""
    match node:
        case Current() | Field() | Literal() | Index() | Slice():
            return ()
        case Subexpression() | Pipe() | Or() | And() | Comparison() | Projection() | ValueProjection():
            return (node.left, node.right)
        case Filter():
            return (node.left, node.condition, node.right)
        case Not() | Flatten() | Reference():
            return (node.operand,)
        case MultiSelectList():
            return node.items
        case MultiSelectHash():
            return tuple(item for _, item in node.items)
        case Call():
            return node.arguments
        case _:
            assert_never(node)


def walk(root: Node) -> Iterator[Node]:
    """Yield the node and all below it, parents first, in the order of the text."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(children(node))
