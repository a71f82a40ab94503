"""Turns checked trees into closures, one a node, and adds up what they cost.

A frame holds the run and the values of all variables at places that are known beforehand. Costs of what is
evaluated at most once are summed up here and charged at the start of an evaluation or of an iteration, so
that steps need not count; functions whose cost depends on their arguments charge for themselves.

DEVIATION: costs are those of cel-go, but branches that are not taken are charged too.
Test: test_branches_that_are_not_taken_are_charged.

References: cel-go 0.30 `interpreter/planner.go`, `interpretable.go`, `runtimecost.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from pratique.compiler.cel import macro_steps, operator_steps
from pratique.compiler.cel.call_steps import call
from pratique.compiler.cel.checker import Checked
from pratique.compiler.cel.errors import CelError, no_such_key
from pratique.compiler.cel.program import Absent, Frame, Program, Step
from pratique.compiler.cel.syntax import (
    Bind,
    Call,
    Comprehension,
    Conditional,
    Expression,
    Identifier,
    Index,
    ListLiteral,
    Literal,
    Logical,
    MapLiteral,
    OptionalMap,
    Presence,
    Select,
    StructLiteral,
    walk,
)
from pratique.compiler.cel.values import access
from pratique.compiler.cel.values.maps import make_map
from pratique.compiler.cel.values.optionals import NONE, Optional
from pratique.compiler.cel.values.structs import Struct
from pratique.compiler.cel.values.texts import show
from pratique.compiler.expressions.errors import ExpressionError

_STEP_COST: Final = 1
_LIST_COST: Final = 10
_MAP_COST: Final = 30
_STRUCT_COST: Final = 40

_UNSET: Final = object()


def plan(text: str, checked: Checked) -> Program:
    """Return the program of a checked expression.

    Raises:
        ExpressionError: `cel-constant`: a constant that its function cannot use, such as a bad pattern.
    """
    planner = _Planner(checked)
    step = planner.step(checked.root)
    return Program(
        text=text,
        root=checked.root,
        output=checked.output,
        variables=planner.variables,
        locals=planner.locals,
        cost=planner.cost,
        step=step,
    )


class _Planner:
    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        names = (n.name.removeprefix(".") for n in walk(checked.root) if isinstance(n, Identifier))
        self.variables = tuple(dict.fromkeys((*names, *checked.names.values())))
        self.locals = 0
        self.cost = 0
        self._places = {name: place for place, name in enumerate(self.variables, 1)}
        self._scope: dict[str, Step] = {}

    def _place(self) -> int:
        """Return a new place in the frame."""
        self.locals += 1
        return len(self.variables) + self.locals

    def _within(self, scope: Mapping[str, Step], node: Expression) -> Step:
        """Return the step of a node that sees further variables."""
        outer = self._scope
        self._scope = {**outer, **scope}
        step = self.step(node)
        self._scope = outer
        return step

    # --- nodes -----------------------------------------------------------------------------------------

    def step(self, node: Expression) -> Step:  # noqa: C901 - one case a node
        """Return the step of a node, and add its cost."""
        match node:
            case Literal():
                return _constant(node.value)
            case Identifier():
                return self._identifier(node)
            case Select():
                return self._select(node)
            case Presence():
                self.cost += _STEP_COST
                return _presence(self.step(node.operand), node.field)
            case Index():
                self.cost += _STEP_COST
                choose = access.select_if_present if node.is_optional else access.select
                return _index(self.step(node.operand), self.step(node.index), choose)
            case Call():
                return self._call(node)
            case Logical():
                steps = tuple(map(self.step, node.terms))
                return operator_steps.logical(steps, deciding=not node.is_conjunction)
            case Conditional():
                parts = map(self.step, (node.condition, node.positive, node.negative))
                return operator_steps.conditional(*parts)
            case ListLiteral():
                return self._list(node)
            case MapLiteral():
                return self._map(node)
            case StructLiteral():
                return self._struct(node)
            case Comprehension():
                return self._comprehension(node)
            case Bind():
                return self._bind(node)
            case OptionalMap():
                self.cost += 2 * _STEP_COST
                place = self._place()
                body = self._within({node.variable: _at(place)}, node.body)
                target = self.step(node.target)
                return macro_steps.mapped_optional(target, place, body, is_flat=node.is_flat)
            case _:
                assert_never(node)

    def _identifier(self, node: Identifier) -> Step:
        if node.number in self._checked.constants:
            return _constant(self._checked.constants[node.number])
        self.cost += _STEP_COST
        local = self._scope.get(node.name)
        return _variable(self._places[node.name.removeprefix(".")]) if local is None else local

    def _select(self, node: Select) -> Step:
        if node.number in self._checked.constants:
            return _constant(self._checked.constants[node.number])
        self.cost += _STEP_COST
        if node.number in self._checked.names:
            return _variable(self._places[self._checked.names[node.number]])
        if node.is_optional:
            operand, field = self.step(node.operand), node.field
            return lambda frame: access.select_if_present(operand(frame), field)
        fields = [node.field]
        operand_node = node.operand
        while (
            isinstance(operand_node, Select)
            and not operand_node.is_optional
            and operand_node.number not in self._checked.constants
            and operand_node.number not in self._checked.names
        ):
            self.cost += _STEP_COST
            fields.append(operand_node.field)
            operand_node = operand_node.operand
        return _path(self.step(operand_node), tuple(reversed(fields)))

    def _call(self, node: Call) -> Step:
        self.cost += _STEP_COST
        overloads = self._checked.calls[node.number]
        nodes = node.arguments
        if node.target is not None and node.number not in self._checked.qualified:
            nodes = (node.target, *nodes)
        last = nodes[-1] if nodes else None
        for overload in overloads:
            if overload.check_constant is not None and isinstance(last, Literal):
                try:
                    overload.check_constant(last.value)
                except CelError as error:
                    raise ExpressionError("cel-constant", error.message, offset=last.offset) from error
        special = operator_steps.BINARY.get(node.function) if node.target is None else None
        if special is not None:
            if isinstance(last, ListLiteral) and node.function == "@in" and (members := _texts(last)):
                return operator_steps.membership(self.step(nodes[0]), members)
            left, right = map(self.step, nodes)
            return special(left, right)
        steps = tuple(map(self.step, nodes))
        if overloads[0].plan is not None:
            return overloads[0].plan(steps)
        return call(overloads[0].function, overloads, steps)

    # --- aggregates ------------------------------------------------------------------------------------

    def _list(self, node: ListLiteral) -> Step:
        self.cost += _LIST_COST
        values = [element.value for element in node.elements]
        if all(isinstance(value, Literal) for value in values) and not _has_optional(node):
            return _constant([value.value for value in values if isinstance(value, Literal)])
        steps = tuple(map(self.step, values))
        if not _has_optional(node):
            return lambda frame: [step(frame) for step in steps]
        elements = tuple(zip(steps, (element.is_optional for element in node.elements), strict=True))

        def collected(frame: Frame) -> list[Any]:
            made: list[Any] = []
            for step, is_optional in elements:
                value = step(frame)
                if is_optional:
                    if type(value) is not Optional:
                        shown = show(value)
                        problem = f"cannot initialize optional list element from non-optional value {shown}"
                        raise CelError(problem)
                    if value is NONE:
                        continue
                    value = value.value
                made.append(value)
            return made

        return collected

    def _map(self, node: MapLiteral) -> Step:
        self.cost += _MAP_COST
        entries = tuple((self.step(e.key), self.step(e.value), e.is_optional) for e in node.entries)
        if not _has_optional(node) and all(_is_text(entry.key) for entry in node.entries):
            keys = [entry.key.value for entry in node.entries if isinstance(entry.key, Literal)]
            pairs = tuple(zip(keys, (value for _, value, _ in entries), strict=True))
            return lambda frame: {key: value(frame) for key, value in pairs}

        def collected(frame: Frame) -> Any:
            made: list[tuple[Any, Any]] = []
            for key_step, value_step, is_optional in entries:
                key, value = key_step(frame), value_step(frame)
                if is_optional:
                    if type(value) is not Optional:
                        raise _not_optional(key, value)
                    if value is NONE:
                        continue
                    value = value.value
                made.append((key, value))
            return make_map(made)

        return collected

    def _struct(self, node: StructLiteral) -> Step:
        self.cost += _STRUCT_COST
        type_ = self._checked.types[node.number]
        fields = tuple((given.name, self.step(given.value), given.is_optional) for given in node.fields)

        def made(frame: Frame) -> Struct:
            values: dict[str, Any] = {}
            for name, step, is_optional in fields:
                value = step(frame)
                if is_optional:
                    if type(value) is not Optional:
                        raise _not_optional(name, value)
                    if value is NONE:
                        values.pop(name, None)
                        continue
                    value = value.value
                values[name] = value
            return Struct(type_, values)

        return made

    # --- macros ----------------------------------------------------------------------------------------

    def _bind(self, node: Bind) -> Step:
        self.cost += _STEP_COST
        place, value = self._place(), self.step(node.value)

        def bound(frame: Frame) -> Any:
            found = frame[place]
            if found is _UNSET:
                found = frame[place] = value(frame)
            return found

        body = self._within({node.variable: bound}, node.body)

        def run(frame: Frame) -> Any:
            frame[place] = _UNSET
            return body(frame)

        return run

    def _comprehension(self, node: Comprehension) -> Step:
        range_ = self.step(node.range)
        places = tuple(self._place() for _ in node.variables)
        scope = {name: _at(place) for name, place in zip(node.variables, places, strict=True)}
        outer, self.cost = self.cost, 2 * _STEP_COST
        condition = None if node.condition is None else self._within(scope, node.condition)
        result = None if node.result is None else self._within(scope, node.result)
        turns = macro_steps.loop(range_, places, self.cost)
        self.cost = outer
        match node.macro, condition, result:
            case "all", Callable() as test, None:
                return macro_steps.quantifier(turns, test, deciding=False)
            case "exists", Callable() as test, None:
                return macro_steps.quantifier(turns, test, deciding=True)
            case "existsOne", Callable() as test, None:
                return macro_steps.exists_one(turns, test)
            case "filter", Callable() as test, None:
                return macro_steps.collected(turns, test, _at(places[0]))
            case "map" | "transformList", _, Callable() as made:
                return macro_steps.collected(turns, condition, made)
            case "transformMap", _, Callable() as made:
                return macro_steps.transformed_map(turns, condition, _at(places[0]), made)
            case "transformMapEntry", _, Callable() as made:
                return macro_steps.transformed_entries(turns, condition, made)
            case _:
                raise AssertionError(node.macro)


def _has_optional(node: ListLiteral | MapLiteral) -> bool:
    parts = node.elements if isinstance(node, ListLiteral) else node.entries
    return any(part.is_optional for part in parts)


def _is_text(node: Expression) -> bool:
    return isinstance(node, Literal) and type(node.value) is str


def _texts(node: ListLiteral) -> frozenset[str]:
    """Return the elements of a list of nothing but constant texts; empty for other lists."""
    values = [element.value for element in node.elements]
    if not all(map(_is_text, values)) or _has_optional(node):
        return frozenset()
    return frozenset(value.value for value in values if isinstance(value, Literal))


def _not_optional(field: object, value: Any) -> CelError:
    shown = show(value)
    return CelError(f"cannot initialize optional entry '{field}' from non-optional value {shown}")


# --- leaves --------------------------------------------------------------------------------------------


def _constant(value: Any) -> Step:
    return lambda _: value


def _at(place: int) -> Step:
    return lambda frame: frame[place]


def _variable(place: int) -> Step:
    def read(frame: Frame) -> Any:
        value = frame[place]
        if type(value) is Absent:
            raise value.error()
        return value

    return read


def _path(root: Step, fields: tuple[str, ...]) -> Step:
    """Return the step of `root.a.b.c`; one closure for all of it, because nothing is more frequent."""

    def read(frame: Frame) -> Any:
        value = root(frame)
        for field in fields:
            if type(value) is dict:
                try:
                    value = value[field]
                except KeyError:
                    raise no_such_key(field) from None
            else:
                value = access.select(value, field)
        return value

    return read


def _presence(operand: Step, field: str) -> Step:
    def test(frame: Frame) -> bool:
        value = operand(frame)
        return field in value if type(value) is dict else access.has(value, field)

    return test


def _index(operand: Step, index: Step, choose: Callable[[Any, Any], Any]) -> Step:
    return lambda frame: choose(operand(frame), index(frame))
