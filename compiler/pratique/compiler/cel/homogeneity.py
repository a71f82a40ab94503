"""Lists and maps that are written out hold values of one type, except in the arguments of `format`.

References: cel-go 0.30 `cel/validator.go` (`ValidateHomogeneousAggregateLiterals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pratique.compiler.cel.checker import Checked, Issue
from pratique.compiler.cel.syntax import Call, Expression, ListLiteral, MapLiteral, children
from pratique.compiler.cel.types import Type, content_of_optional


def mixed_literals(checked: Checked) -> Iterator[Issue]:
    """Yield the elements whose types differ from that of the first one."""
    pending: list[tuple[Expression, bool]] = [(checked.root, False)]
    while pending:
        node, is_exempt = pending.pop()
        if not is_exempt:
            yield from _mixed(checked, node)
        is_exempt = is_exempt or (isinstance(node, Call) and node.function == "format")
        pending.extend((child, is_exempt) for child in children(node))


def _mixed(checked: Checked, node: Expression) -> Iterator[Issue]:
    if isinstance(node, ListLiteral):
        yield from _first_other(
            (element.value.offset, _type(checked, element.value, element.is_optional))
            for element in node.elements
        )
    elif isinstance(node, MapLiteral):
        yield from _first_other((entry.key.offset, checked.types[entry.key.number]) for entry in node.entries)
        yield from _first_other(
            (entry.value.offset, _type(checked, entry.value, entry.is_optional)) for entry in node.entries
        )


def _type(checked: Checked, value: Expression, is_optional: bool) -> Type:
    type_ = checked.types[value.number]
    return (content_of_optional(type_) or type_) if is_optional else type_


def _first_other(typed: Iterable[tuple[int, Type]]) -> Iterator[Issue]:
    first: Type | None = None
    for offset, type_ in typed:
        first = first or type_
        if type_ != first:
            yield Issue(offset, f"expected type '{first}' but found '{type_}'")
            return
