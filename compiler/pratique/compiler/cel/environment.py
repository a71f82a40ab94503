"""What expressions may use: variables, functions, types, macros. Built once for a kind of policy.

References: Kubernetes 1.36 `apiserver/pkg/cel/environment/base.go`; Kyverno 1.19 `pkg/cel/compiler/env.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import Fields, Overload
from pratique.compiler.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Kind,
    Type,
    list_of,
    map_of,
)
from pratique.compiler.expressions.errors import ExpressionError

if TYPE_CHECKING:
    from pratique.compiler.cel.macros import Macros
    from pratique.compiler.cel.program import Program

_TYPES: Final[Mapping[str, Type]] = {
    **{t.name: t for t in (BOOL, INT, UINT, DOUBLE, STRING, BYTES, TYPE)},
    "list": list_of(DYN),
    "map": map_of(DYN, DYN),
    "null_type": NULL,
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.protobuf.Duration": DURATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Functions, macros and types that come together.

    Attributes:
        types: names that expressions may use for types.
        structs: fields of types, by their names.
        constants: names with a fixed value, and its type.
    """

    overloads: tuple[Overload, ...] = ()
    macros: Macros = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=dict)
    structs: Mapping[str, Fields] = field(default_factory=dict)
    constants: Mapping[str, tuple[Type, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What an expression may use; immutable.

    Attributes:
        variables: types of the variables by name.
        functions: overloads by name of the function.
        macros: calls that the parser expands.
        types: types by the name that expressions use.
        structs: fields by the name of the type.
        open_structs: says whether a name is a type that takes every field.
        constants: values of names that are the same in every evaluation.
        is_homogeneous: literals of lists and maps hold values of one type.
    """

    variables: Mapping[str, Type] = field(default_factory=dict)
    functions: Mapping[str, tuple[Overload, ...]] = field(default_factory=dict)
    macros: Macros = field(default_factory=dict)
    types: Mapping[str, Type] = field(default_factory=lambda: MappingProxyType(_TYPES))
    structs: Mapping[str, Fields] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    is_homogeneous: bool = True
    open_structs: Callable[[str], bool] = field(default=lambda name: False)

    def with_libraries(self, libraries: Iterable[Library]) -> Environment:
        """Return an environment that has further libraries; equal signatures replace earlier ones."""
        functions = dict(self.functions)
        macros, types = dict(self.macros), dict(self.types)
        structs, variables, constants = dict(self.structs), dict(self.variables), dict(self.constants)
        for library in libraries:
            for overload in library.overloads:
                key = (overload.is_member, overload.parameters)
                kept = [o for o in functions.get(overload.function, ()) if (o.is_member, o.parameters) != key]
                functions[overload.function] = (*kept, overload)
            macros |= library.macros
            types |= library.types
            structs |= library.structs
            variables |= {name: type_ for name, (type_, _) in library.constants.items()}
            constants |= {name: value for name, (_, value) in library.constants.items()}
        return replace(
            self,
            functions=functions,
            macros=macros,
            types=types,
            structs=structs,
            variables=variables,
            constants=constants,
        )

    def with_variables(
        self, variables: Mapping[str, Type], structs: Mapping[str, Fields] | None = None
    ) -> Environment:
        """Return an environment that has further variables and types with fields."""
        return replace(
            self, variables={**self.variables, **variables}, structs={**self.structs, **(structs or {})}
        )

    def type_named(self, name: str) -> Type | None:
        """Return the type that a name stands for, or None."""
        found = self.types.get(name)
        if found is None and (name in self.structs or self.open_structs(name)):
            return Type(Kind.STRUCT, name)
        return found

    def has_fields(self, type_: Type) -> bool:
        """Say whether values of a type have fields that are known by name."""
        return type_.name in self.structs or self.open_structs(type_.name)

    def field_of(self, type_: Type, name: str) -> Type | None:
        """Return the type of a field, or None where the type has no such field."""
        fields = self.structs.get(type_.name)
        if fields is not None:
            return fields.get(name)
        return DYN if self.open_structs(type_.name) else None

    def compile(self, text: str) -> Program:
        """Return the compiled expression.

        Raises:
            ExpressionError: the first mistake, with its offset in `text`: `cel-syntax`, `cel-type` ...
        """
        from pratique.compiler.cel.checker import check
        from pratique.compiler.cel.homogeneity import mixed_literals
        from pratique.compiler.cel.parser import parse
        from pratique.compiler.cel.planner import plan

        checked, issues = check(parse(text, self.macros), self)
        if not issues and self.is_homogeneous:
            issues = sorted(mixed_literals(checked))
        if issues:
            raise ExpressionError("cel-type", issues[0].message, offset=issues[0].offset)
        return plan(text, checked)
