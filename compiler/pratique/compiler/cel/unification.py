"""Which type may stand where another is wanted, and what type variables become on the way.

References: cel-go 0.30 `checker/types.go`.
"""

from __future__ import annotations

from typing import TypeAlias

from pratique.compiler.cel.types import DYN, Kind, Type

Substitution: TypeAlias = dict[str, Type]
"""What is known of type variables, by name."""


def assign(substitution: Substitution, given: Type, wanted: Type) -> Substitution | None:
    """Return the substitution under which `given` may stand for `wanted`, or None."""
    return assign_all(substitution, (given,), (wanted,))


def assign_all(
    substitution: Substitution, given: tuple[Type, ...], wanted: tuple[Type, ...]
) -> Substitution | None:
    """Return the substitution under which each given type may stand for the wanted one, or None."""
    if len(given) != len(wanted):
        return None
    made = dict(substitution)
    if all(_is_assignable(made, g, w) for g, w in zip(given, wanted, strict=True)):
        return made
    return None


def substitute(substitution: Substitution, type_: Type, *, free_to_dyn: bool = False) -> Type:
    """Return a type with its variables replaced; those of which nothing is known stay, or become dyn."""
    if type_.kind is Kind.VARIABLE:
        found = substitution.get(type_.name)
        if found is not None:
            return substitute(substitution, found, free_to_dyn=free_to_dyn)
        return DYN if free_to_dyn else type_
    if not type_.parameters:
        return type_
    parameters = tuple(substitute(substitution, p, free_to_dyn=free_to_dyn) for p in type_.parameters)
    return type_ if parameters == type_.parameters else Type(type_.kind, type_.name, parameters)


def most_general(first: Type, second: Type) -> Type:
    """Return the more general of two types that are known to go together."""
    return first if _is_as_general(first, second) else second


def _is_as_general(first: Type, second: Type) -> bool:
    if first.kind in (Kind.DYN, Kind.VARIABLE):
        return True
    if second.kind in (Kind.DYN, Kind.VARIABLE) or first.kind is not second.kind:
        return False
    if first.kind is Kind.TYPE:
        return True
    if first.name != second.name or len(first.parameters) != len(second.parameters):
        return False
    return all(map(_is_as_general, first.parameters, second.parameters))


def _is_assignable(substitution: Substitution, given: Type, wanted: Type) -> bool:  # noqa: C901
    if wanted.kind is Kind.VARIABLE:
        is_valid, is_bound = _bind(substitution, given, wanted)
        if is_valid:
            return True
        if is_bound:
            return False
    if given.kind is Kind.VARIABLE:
        return _bind(substitution, wanted, given)[0]
    if given.is_dyn or wanted.is_dyn:
        return True
    if given.kind is Kind.NULL:
        return wanted.takes_null
    if wanted.kind is Kind.NULL:
        return given.takes_null
    if given.kind is not wanted.kind:
        return False
    if given.kind is Kind.TYPE:
        return True
    if given.name != wanted.name or len(given.parameters) != len(wanted.parameters):
        return False
    return all(
        _is_assignable(substitution, g, w) for g, w in zip(given.parameters, wanted.parameters, strict=True)
    )


def _bind(substitution: Substitution, type_: Type, variable: Type) -> tuple[bool, bool]:
    """Make `variable` stand for `type_`; return whether it can, and whether it stood for something."""
    if type_ == variable:
        return True, True
    known = substitution.get(variable.name)
    if known is None:
        if _occurs(substitution, variable, type_):
            return False, False
        substitution[variable.name] = type_
        return True, False
    if type_ == known:
        return True, True
    if _is_assignable(substitution, type_, known):
        general = most_general(type_, known)
        if not _occurs(substitution, variable, general):
            substitution[variable.name] = general
        return True, True
    return False, True


def _occurs(substitution: Substitution, variable: Type, type_: Type) -> bool:
    """Say whether `variable` occurs in a type, which would make it infinite."""
    if type_ == variable:
        return True
    if type_.kind is Kind.VARIABLE:
        known = substitution.get(type_.name)
        return known is not None and _occurs(substitution, variable, known)
    return any(_occurs(substitution, variable, parameter) for parameter in type_.parameters)
