"""Tree to closure. An expression is compiled once; evaluating it only calls closures.

A missing key of a map is an error (`UnknownKeyError`) that nearly every form turns into null; which forms
do not is what makes the dialect Kyverno's own.

References: kyverno/go-jmespath `interpreter.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, assert_never

from pratique.compiler.expressions.errors import ExpressionError, UnknownKeyError
from pratique.compiler.expressions.jmespath import syntax
from pratique.compiler.expressions.jmespath.equality import equal, is_false
from pratique.compiler.expressions.jmespath.functions import find_function
from pratique.compiler.expressions.jmespath.functions.signature import Function, NullArgumentError
from pratique.compiler.expressions.jmespath.run import ITEM, Evaluate, ExpressionReference, Run
from pratique.compiler.expressions.jmespath.syntax import Node
from pratique.compiler.expressions.values.numbers import NUMBERS

_MAX_DEPTH: Final = 200
"""Of closures inside each other, each one or two frames of the interpreter's stack."""

_ABSENT: Final = (UnknownKeyError, NullArgumentError)
"""What becomes null on the left of `[]`, `[?...]` and `.*`.

DEVIATION: go-jmespath swallows every error there. Here a missing key does become null, also as the argument
of a function (`keys(labels)[]`), but a function that fails on a value stays an error (rule R6).
Test: test_errors_left_of_a_projection_are_not_swallowed.
"""

_Chain = TypeVar("_Chain", syntax.Subexpression, syntax.Pipe, syntax.Or, syntax.And)


def compile_tree(root: Node) -> Evaluate:
    """Return the closure of a syntax tree.

    Raises:
        ExpressionError: `unknown-function`, `invalid-expression` or `expression-too-deep`, with the offset.
    """
    return _compile(root, 0)


def _compile(node: Node, depth: int) -> Evaluate:  # noqa: C901 - one case a node
    if depth > _MAX_DEPTH:
        raise ExpressionError("expression-too-deep", "the expression is nested too deep", offset=node.at)
    depth += 1
    match node:
        case syntax.Current():
            return _current
        case syntax.Field():
            return _fields((node.name,))
        case syntax.Literal():
            return _literal(node.value)
        case syntax.Index():
            return _index(node.index)
        case syntax.Slice():
            return _slice(node)
        case syntax.Subexpression():
            return _path(_links(node), depth)
        case syntax.Pipe():
            return _pipe([_compile(link, depth) for link in _links(node)])
        case syntax.Or():
            return _or([_compile(link, depth) for link in _links(node)])
        case syntax.And():
            return _and([_compile(link, depth) for link in _links(node)])
        case syntax.Not():
            return _not(_compile(node.operand, depth))
        case syntax.Comparison():
            return _comparison(node.operator, _compile(node.left, depth), _compile(node.right, depth))
        case syntax.Projection():
            return _projection(_compile(node.left, depth), _compile(node.right, depth))
        case syntax.ValueProjection():
            return _value_projection(_compile(node.left, depth), _compile(node.right, depth))
        case syntax.Filter():
            return _filter(
                _compile(node.left, depth), _compile(node.condition, depth), _compile(node.right, depth)
            )
        case syntax.Flatten():
            return _flatten(_compile(node.operand, depth))
        case syntax.MultiSelectList():
            return _list([_compile(item, depth) for item in node.items])
        case syntax.MultiSelectHash():
            return _hash([(name, _compile(item, depth)) for name, item in node.items])
        case syntax.Call():
            return _call(node, depth)
        case syntax.Reference():
            raise ExpressionError(
                "invalid-expression", "`&` is only allowed in front of an argument", offset=node.at
            )
        case _:
            assert_never(node)


def _links(node: _Chain) -> list[Node]:
    """Return the operands of a chain such as `a || b || c`, in order: chains cost no depth."""
    links: list[Node] = [node.right]
    left: Node = node.left
    while type(left) is type(node):
        links.append(left.right)
        left = left.left
    links.append(left)
    links.reverse()
    return links


# --- values --------------------------------------------------------------------------------------------


def _current(value: Any, run: Run) -> Any:
    return value


def _literal(literal: Any) -> Evaluate:
    return lambda value, run: literal


def _fields(names: tuple[str, ...]) -> Evaluate:
    """Follow keys: a missing one is an error, a key of anything but a map is null."""
    if len(names) == 1:
        (name,) = names

        def field(value: Any, run: Run) -> Any:
            if value.__class__ is dict:
                try:
                    return value[name]
                except KeyError:
                    raise UnknownKeyError(name) from None
            return None

        return field

    def path(value: Any, run: Run) -> Any:
        for name in names:
            if value.__class__ is not dict:
                return None
            try:
                value = value[name]
            except KeyError:
                raise UnknownKeyError(name) from None
        return value

    return path


def _path(links: list[Node], depth: int) -> Evaluate:
    """Join runs of plain keys into one closure each; errors pass through."""
    steps: list[Evaluate] = []
    names: list[str] = []
    for link in links:
        if isinstance(link, syntax.Field):
            names.append(link.name)
            continue
        if names:
            steps.append(_fields(tuple(names)))
            names = []
        steps.append(_compile(link, depth))
    if names:
        steps.append(_fields(tuple(names)))
    if len(steps) == 1:
        return steps[0]

    def follow(value: Any, run: Run) -> Any:
        for step in steps:
            value = step(value, run)
        return value

    return follow


def _index(index: int) -> Evaluate:
    def element(value: Any, run: Run) -> Any:
        if value.__class__ is list and -len(value) <= index < len(value):
            return value[index]
        return None

    return element


def _slice(node: syntax.Slice) -> Evaluate:
    if node.step == 0:
        raise ExpressionError("invalid-expression", "Invalid slice, step cannot be 0", offset=node.at)
    part = slice(node.start, node.stop, node.step)

    def cut(value: Any, run: Run) -> Any:
        if value.__class__ is not list:
            return None
        run.charge(ITEM * len(value))
        return value[part]

    return cut


# --- logic ---------------------------------------------------------------------------------------------


def _pipe(stages: list[Evaluate]) -> Evaluate:
    def flow(value: Any, run: Run) -> Any:
        for stage in stages:
            try:
                value = stage(value, run)
            except UnknownKeyError:
                value = None
        return value

    return flow


def _or(operands: list[Evaluate]) -> Evaluate:
    def first_true(value: Any, run: Run) -> Any:
        result = None
        for operand in operands:
            try:
                result = operand(value, run)
            except UnknownKeyError:
                result = None
            if not is_false(result):
                break
        return result

    return first_true


def _and(operands: list[Evaluate]) -> Evaluate:
    *earlier, last = operands

    def all_true(value: Any, run: Run) -> Any:
        for operand in earlier:
            try:
                result = operand(value, run)
            except UnknownKeyError:
                return None
            if is_false(result):
                return result
        return last(value, run)

    return all_true


def _not(operand: Evaluate) -> Evaluate:
    def negate(value: Any, run: Run) -> Any:
        try:
            return is_false(operand(value, run))
        except UnknownKeyError:
            return True

    return negate


_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _comparison(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    wanted = operator == "=="
    ordered = _ORDER.get(operator)

    def compare(value: Any, run: Run) -> Any:
        try:
            first = left(value, run)
        except UnknownKeyError:
            first = None
        try:
            second = right(value, run)
        except UnknownKeyError:
            second = None
        if ordered is None:
            return equal(first, second, run) is wanted
        if first.__class__ in NUMBERS and second.__class__ in NUMBERS:
            return ordered(first, second)
        return None

    return compare


# --- projections ---------------------------------------------------------------------------------------


def _projection(left: Evaluate, right: Evaluate) -> Evaluate:
    def project(value: Any, run: Run) -> Any:
        try:
            elements = left(value, run)
        except UnknownKeyError:
            return None
        if elements.__class__ is not list:
            return None
        return _project(elements, right, run)

    return project


def _project(elements: list[Any], right: Evaluate, run: Run) -> list[Any]:
    """Return what `right` gives for each element, without nulls and missing keys."""
    run.charge(ITEM * len(elements))
    if right is _current:
        return [element for element in elements if element is not None]
    collected = []
    for element in elements:
        try:
            result = right(element, run)
        except UnknownKeyError:
            continue
        if result is not None:
            collected.append(result)
    return collected


def _value_projection(left: Evaluate, right: Evaluate) -> Evaluate:
    def project(value: Any, run: Run) -> Any:
        try:
            mapping = left(value, run)
        except _ABSENT:
            return None
        if mapping.__class__ is not dict:
            return None
        # go-jmespath puts a null in front for every value: they show where `right` makes something of null.
        # DEVIATION: the order of Go's maps is chance; here it is that of the keys.
        # Test: test_values_come_in_the_order_of_keys.
        elements: list[Any] = [mapping[key] for key in sorted(mapping)]
        if right is not _current:
            elements = [None] * len(mapping) + elements
        return _project(elements, right, run)

    return project


def _filter(left: Evaluate, condition: Evaluate, right: Evaluate) -> Evaluate:
    def select(value: Any, run: Run) -> Any:
        try:
            elements = left(value, run)
        except _ABSENT:
            return None
        if elements.__class__ is not list:
            return None
        run.charge(ITEM * len(elements))
        selected = []
        for element in elements:
            try:
                if is_false(condition(element, run)):
                    continue
            except UnknownKeyError:
                continue
            selected.append(element)
        return _project(selected, right, run)

    return select


def _flatten(operand: Evaluate) -> Evaluate:
    def flatten(value: Any, run: Run) -> Any:
        try:
            elements = operand(value, run)
        except _ABSENT:
            return None
        if elements.__class__ is not list:
            return None
        run.charge(ITEM * len(elements))
        flat: list[Any] = []
        for element in elements:
            if element.__class__ is list:
                run.charge(ITEM * len(element))
                flat += element
            else:
                flat.append(element)
        return flat

    return flatten


def _list(items: list[Evaluate]) -> Evaluate:
    charge = ITEM * (4 + len(items))

    def select(value: Any, run: Run) -> Any:
        if value is None:
            return None
        run.charge(charge)
        collected = []
        for item in items:
            try:
                collected.append(item(value, run))
            except UnknownKeyError:
                collected.append(None)
        return collected

    return select


def _hash(items: list[tuple[str, Evaluate]]) -> Evaluate:
    charge = ITEM * (4 + 4 * len(items))

    def select(value: Any, run: Run) -> Any:
        if value is None:
            return None
        run.charge(charge)
        collected: dict[str, Any] = {}
        for name, item in items:
            try:
                collected[name] = item(value, run)
            except UnknownKeyError:
                collected[name] = None
        return collected

    return select


# --- functions -----------------------------------------------------------------------------------------


def _call(node: syntax.Call, depth: int) -> Evaluate:
    function = find_function(node.name)
    if function is None:
        raise ExpressionError("unknown-function", f"unknown function: {node.name}", offset=node.at)
    arguments = [_argument(argument, depth) for argument in node.arguments]
    return _invoke(function, arguments)


def _argument(node: Node, depth: int) -> Evaluate:
    if not isinstance(node, syntax.Reference):
        return _compile(node, depth)
    return _literal(ExpressionReference(_compile(node.operand, depth)))


def _invoke(function: Function, arguments: list[Evaluate]) -> Evaluate:
    def invoke(value: Any, run: Run) -> Any:
        values = []
        for argument in arguments:
            try:
                values.append(argument(value, run))
            except UnknownKeyError:
                values.append(None)
        return function.call(values, run)

    return invoke
