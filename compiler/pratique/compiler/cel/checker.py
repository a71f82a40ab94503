"""Infers the types of an expression and chooses its functions, before anything is evaluated.

What is dynamic (`object`) is checked at run time; everything else here: names, fields and arguments.

References: CEL language definition, "Gradual Type Checking"; cel-go 0.30 `checker/checker.go`, whose messages
are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from pratique.compiler.cel.declarations import Overload
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
    qualified_name,
)
from pratique.compiler.cel.types import (
    BOOL,
    DYN,
    ERROR,
    INT,
    Kind,
    Type,
    content_of_optional,
    list_of,
    map_of,
    optional_of,
    type_of,
)
from pratique.compiler.cel.unification import Substitution, assign, assign_all, most_general, substitute
from pratique.compiler.cel.values.kinds import type_of_value

if TYPE_CHECKING:
    from pratique.compiler.cel.environment import Environment


class Issue(NamedTuple):
    """A mistake: where (code points from the beginning of the expression) and what."""

    offset: int
    message: str


@dataclass(slots=True)
class Checked:
    """What is known of an expression.

    Attributes:
        types: of every node, by its number.
        calls: the functions that a call may turn out to be, by number; where the target was part of the name
            (`math.ceil`), the number is in `qualified` too.
        constants: values of the names that always stand for the same, types among them, by number.
        names: variables whose names have dots, by the number of the node that is such a name.
    """

    root: Expression
    types: dict[int, Type] = field(default_factory=dict)
    calls: dict[int, tuple[Overload, ...]] = field(default_factory=dict)
    qualified: set[int] = field(default_factory=set)
    constants: dict[int, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    @property
    def output(self) -> Type:
        """Return the type of the whole expression."""
        return self.types[self.root.number]


def check(root: Expression, environment: Environment) -> tuple[Checked, list[Issue]]:
    """Return what is known of an expression, and its mistakes in the order of the text."""
    checker = _Checker(environment, Checked(root))
    checker.check(root)
    checked = checker.checked
    for number, type_ in checked.types.items():
        checked.types[number] = substitute(checker.substitution, type_, free_to_dyn=True)
    return checked, sorted(set(checker.issues))


class _Checker:
    def __init__(self, environment: Environment, checked: Checked) -> None:
        self.checked = checked
        self.issues: list[Issue] = []
        self.substitution: Substitution = {}
        self._environment = environment
        self._scopes: list[Mapping[str, Type]] = []
        self._variables = 0

    # --- helpers ---------------------------------------------------------------------------------------

    def _report(self, offset: int, message: str) -> Type:
        self.issues.append(Issue(offset, message))
        return ERROR

    def _mismatch(self, node: Expression, wanted: Type, found: Type) -> Type:
        return self._report(
            node.offset, f"expected type '{self._resolved(wanted)}' but found '{self._resolved(found)}'"
        )

    def _undeclared(self, offset: int, name: str) -> Type:
        return self._report(offset, f"undeclared reference to '{name}' (in container '')")

    def _resolved(self, type_: Type) -> Type:
        return substitute(self.substitution, type_)

    def _fresh(self) -> Type:
        self._variables += 1
        return Type(Kind.VARIABLE, f"_var{self._variables}")

    def _assign(self, given: Type, wanted: Type) -> bool:
        made = assign(self.substitution, given, wanted)
        if made is None:
            return False
        self.substitution = made
        return True

    @contextmanager
    def _scope(self, variables: Mapping[str, Type]) -> Iterator[None]:
        self._scopes.append(variables)
        yield
        self._scopes.pop()

    def _local(self, name: str) -> Type | None:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return None

    # --- nodes -----------------------------------------------------------------------------------------

    def check(self, node: Expression) -> Type:
        """Return the type of a node, and file it."""
        type_ = self._check(node)
        self.checked.types[node.number] = type_
        return type_

    def _check(self, node: Expression) -> Type:  # noqa: C901 - one case a node
        match node:
            case Literal():
                return type_of_value(node.value)
            case Identifier():
                return self._identifier(node)
            case Select():
                return self._select(node)
            case Presence():
                self._field(node, self.check(node.operand), node.field)
                return BOOL
            case Index():
                operator = "_[?_]" if node.is_optional else "_[_]"
                return self._resolve(
                    node, operator, (self.check(node.operand), self.check(node.index)), is_member=False
                )
            case Call():
                return self._call(node)
            case Logical():
                for term in node.terms:
                    self._demand_bool(term)
                return BOOL
            case Conditional():
                branches = tuple(map(self.check, (node.condition, node.positive, node.negative)))
                return self._resolve(node, "_?_:_", branches, is_member=False)
            case ListLiteral():
                return self._list(node)
            case MapLiteral():
                return self._map(node)
            case StructLiteral():
                return self._struct(node)
            case Comprehension():
                return self._comprehension(node)
            case Bind():
                with self._scope({node.variable: self.check(node.value)}):
                    return self.check(node.body)
            case OptionalMap():
                return self._optional_map(node)
            case _:
                assert_never(node)

    def _demand_bool(self, node: Expression) -> None:
        type_ = self.check(node)
        if not self._assign(type_, BOOL):
            self._mismatch(node, BOOL, type_)

    def _identifier(self, node: Identifier) -> Type:
        name = node.name.removeprefix(".")
        local = self._local(name) if name == node.name else None
        if local is not None:
            return local
        declared = self._environment.variables.get(name)
        if declared is not None:
            if name in self._environment.constants:
                self.checked.constants[node.number] = self._environment.constants[name]
            return declared
        denoted = self._environment.type_named(name)
        if denoted is not None:
            self.checked.constants[node.number] = denoted
            return type_of(denoted)
        return self._undeclared(node.offset, node.name)

    def _select(self, node: Select) -> Type:
        dotted = self._dotted(node)
        if dotted is not None:
            return dotted
        type_ = self._field(node, self.check(node.operand), node.field)
        if node.is_optional and content_of_optional(type_) is None:
            return optional_of(type_)
        return type_

    def _dotted(self, node: Select) -> Type | None:
        """Return the type of a variable (`authorizer.requestResource`) or type that has dots in its name."""
        name = qualified_name(node)
        if name is None:
            return None
        name = name.removeprefix(".")
        root = name.partition(".")[0]
        if self._local(root) is not None:
            return None
        if name in self._environment.variables:
            self.checked.names[node.number] = name
            return self._environment.variables[name]
        denoted = None if root in self._environment.variables else self._environment.type_named(name)
        if denoted is None:
            return None
        self.checked.constants[node.number] = denoted
        return type_of(denoted)

    def _field(self, node: Select | Presence, operand: Type, name: str) -> Type:
        operand = self._resolved(operand)
        content = content_of_optional(operand)
        target = operand if content is None else content
        match target.kind:
            case Kind.MAP:
                found = target.parameters[1]
            case Kind.STRUCT | Kind.OPAQUE if self._environment.has_fields(target):
                declared = self._environment.field_of(target, name)
                found = (
                    self._report(node.offset, f"undefined field '{name}'") if declared is None else declared
                )
            case Kind.VARIABLE:
                self._assign(DYN, target)
                found = DYN
            case Kind.DYN | Kind.ERROR:
                found = DYN
            case _:
                self._report(node.offset, f"type '{target}' does not support field selection")
                found = DYN
        return found if content is None else optional_of(found)

    # --- calls -----------------------------------------------------------------------------------------

    def _call(self, node: Call) -> Type:
        arguments = tuple(map(self.check, node.arguments))
        if node.target is None:
            return self._resolve(node, node.function.removeprefix("."), arguments, is_member=False)
        prefix = qualified_name(node.target)
        if prefix is not None:
            qualified = f"{prefix.removeprefix('.')}.{node.function}"
            if qualified in self._environment.functions:
                self.checked.qualified.add(node.number)
                return self._resolve(node, qualified, arguments, is_member=False)
        return self._resolve(node, node.function, (self.check(node.target), *arguments), is_member=True)

    def _resolve(
        self, node: Call | Index | Conditional, name: str, arguments: tuple[Type, ...], *, is_member: bool
    ) -> Type:
        overloads = self._environment.functions.get(name)
        if overloads is None:
            return self._undeclared(node.offset, name)
        result: Type | None = None
        chosen: list[Overload] = []
        for candidate in overloads:
            if candidate.is_member is not is_member or len(candidate.parameters) != len(arguments):
                continue
            if arguments == candidate.parameters and not any(a.kind is Kind.VARIABLE for a in arguments):
                own = candidate.result
            else:
                parameters, wanted_result = self._instantiated(candidate)
                made = assign_all(self.substitution, arguments, parameters)
                if made is None:
                    continue
                self.substitution = made
                own = substitute(made, wanted_result)
            chosen.append(candidate)
            if result is None:
                result = own
            elif result.kind is not Kind.DYN and own != result:
                result = DYN
        if result is None:
            return self._no_overload(node, name, arguments, is_member)
        self.checked.calls[node.number] = tuple(chosen)
        return result

    def _instantiated(self, candidate: Overload) -> tuple[tuple[Type, ...], Type]:
        """Return parameters and result with type variables of their own."""
        names = candidate.type_variables
        if not names:
            return candidate.parameters, candidate.result
        renamed = {name: self._fresh() for name in names}
        parameters = tuple(substitute(renamed, parameter) for parameter in candidate.parameters)
        return parameters, substitute(renamed, candidate.result)

    def _no_overload(self, node: Expression, name: str, arguments: tuple[Type, ...], is_member: bool) -> Type:
        shown = [str(substitute(self.substitution, a, free_to_dyn=True)) for a in arguments]
        target = f"{shown.pop(0)}." if is_member else ""
        applied = f"{target}({', '.join(shown)})"
        return self._report(node.offset, f"found no matching overload for '{name}' applied to '{applied}'")

    # --- aggregates ------------------------------------------------------------------------------------

    def _join(self, previous: Type | None, current: Type) -> Type:
        """Return the type of two elements of one literal; see `homogeneity` for what may stand together."""
        if previous is None:
            return current
        return most_general(previous, current) if self._assign(previous, current) else DYN

    def _content(self, node: Expression, type_: Type, is_optional: bool) -> Type:
        """Return the type of what is put into an aggregate: optional ones are unwrapped."""
        if not is_optional:
            return type_
        content = content_of_optional(self._resolved(type_))
        if content is not None:
            return content
        if not type_.is_dyn:
            self._mismatch(node, optional_of(type_), type_)
        return type_

    def _list(self, node: ListLiteral) -> Type:
        joined: Type | None = None
        for element in node.elements:
            type_ = self._content(element.value, self.check(element.value), element.is_optional)
            joined = self._join(joined, type_)
        return list_of(joined or self._fresh())

    def _map(self, node: MapLiteral) -> Type:
        keys: Type | None = None
        values: Type | None = None
        for entry in node.entries:
            keys = self._join(keys, self.check(entry.key))
            type_ = self._content(entry.value, self.check(entry.value), entry.is_optional)
            values = self._join(values, type_)
        return map_of(keys or self._fresh(), values or self._fresh())

    def _struct(self, node: StructLiteral) -> Type:
        name = node.type_name.removeprefix(".")
        type_ = self._environment.type_named(name)
        if type_ is None:
            type_ = self._undeclared(node.offset, node.type_name)
        elif type_.kind is not Kind.STRUCT:
            type_ = self._report(node.offset, f"'{type_}' is not a message type")
        for given in node.fields:
            value = self._content(given.value, self.check(given.value), given.is_optional)
            if type_ is ERROR:
                continue
            declared = self._environment.field_of(type_, given.name)
            if declared is None:
                self._report(given.offset, f"undefined field '{given.name}'")
            elif not self._assign(declared, value):
                self._report(
                    given.offset,
                    f"expected type of field '{given.name}' is '{declared}' "
                    f"but provided type is '{self._resolved(value)}'",
                )
        return type_

    # --- macros ----------------------------------------------------------------------------------------

    def _comprehension(self, node: Comprehension) -> Type:
        given = self._resolved(self.check(node.range))
        key, value = self._range(node, given)
        types = (key, value) if len(node.variables) == 2 else (value if given.kind is Kind.LIST else key,)
        with self._scope(dict(zip(node.variables, types, strict=True))):
            if node.condition is not None:
                self._demand_bool(node.condition)
            if node.result is None:
                return list_of(types[0]) if node.macro == "filter" else BOOL
            result = self.check(node.result)
        match node.macro:
            case "transformMap":
                return map_of(key, result)
            case "transformMapEntry":
                return self._entries(node.result, result)
            case _:
                return list_of(result)

    def _range(self, node: Comprehension, given: Type) -> tuple[Type, Type]:
        """Return the types of the keys (or indices) and of the values of a range."""
        match given.kind:
            case Kind.LIST:
                return INT, given.parameters[0]
            case Kind.MAP:
                return given.parameters[0], given.parameters[1]
            case Kind.DYN | Kind.ERROR:
                return DYN, DYN
            case Kind.VARIABLE:
                self._assign(DYN, given)
                return DYN, DYN
            case _:
                problem = "cannot be range of a comprehension (must be list, map, or dynamic)"
                self._report(node.range.offset, f"expression of type '{given}' {problem}")
                return ERROR, ERROR

    def _entries(self, node: Expression, result: Type) -> Type:
        wanted = map_of(self._fresh(), self._fresh())
        if not self._assign(result, wanted):
            return self._mismatch(node, map_of(DYN, DYN), result)
        return self._resolved(wanted)

    def _optional_map(self, node: OptionalMap) -> Type:
        target = self._resolved(self.check(node.target))
        content = content_of_optional(target)
        if content is None:
            content = DYN
            if not target.is_dyn:
                self._mismatch(node.target, optional_of(DYN), target)
        with self._scope({node.variable: content}):
            result = self.check(node.body)
        if not node.is_flat:
            return optional_of(result)
        if content_of_optional(self._resolved(result)) is None and not result.is_dyn:
            return self._mismatch(node.body, optional_of(DYN), result)
        return result
