"""What a document refers to, without evaluating it: its variables, and whether they may be used there.

References: Kyverno 1.19 `pkg/validation/policy` (`validate.go`, `background.go`), `pkg/engine/context`
(`mock_context.go`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pratique.compiler.expressions.errors import ExpressionError, Path, shorten
from pratique.compiler.expressions.expression import Expression, compile_expression
from pratique.compiler.expressions.limits import DEFAULT_LIMITS, Limits
from pratique.compiler.expressions.scanning import find_variables, inside, offset_of_expression
from pratique.grammar import wildcard

_FILLER: Final = "_"
_EVERYTHING: Final = frozenset({"@"})

_CALL = r"([a-z_0-9]+\()[^{}]"
ALLOWED: Final = re.compile(
    rf"request|serviceAccountName|serviceAccountNamespace|element|elementIndex|@|images|image|{_CALL}"
)
"""What Kyverno lets any variable be, searched anywhere in it."""
ALLOWED_IN_BACKGROUND: Final = re.compile(
    rf"request\.|element|elementIndex|@|images|images\.|image\.|{_CALL}"
)
"""The same for policies that also take part in background scans, where nobody sent a request."""
_USER_VARIABLES: Final = tuple(
    re.compile(rf"[^\.]({name})\b", re.ASCII)
    for name in (
        "serviceAccountName",
        "serviceAccountNamespace",
        "request.userInfo",
        "request.roles",
        "request.clusterRoles",
    )
)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a document.

    Attributes:
        path: of the text it stands in; of the map, for a key.
        offset: 0-based code point of its expression in that text.
        text: the expression; an inner variable shows as underscores.
        is_dynamic: an inner variable is part of the expression, so that its text is not known yet.
        roots: names it reads from the context; `@` for any of them.
        functions: names of the functions it calls.
    """

    path: Path
    offset: int
    text: str
    is_dynamic: bool
    roots: frozenset[str]
    functions: frozenset[str]


def variables_of(data: Any, path: Path = (), *, limits: Limits = DEFAULT_LIMITS) -> tuple[Variable, ...]:
    """Return the variables of JSON data in document order, inner ones before those that hold them.

    Raises:
        ExpressionError: an expression that is known already does not compile.
    """
    return tuple(
        variable
        for place, text in _texts(data, path, limits.max_data_depth)
        for variable in _variables_in(text, place, limits)
    )


def _texts(data: Any, path: Path, depth: int) -> Iterator[tuple[Path, str]]:
    if depth < 0:
        raise ExpressionError("data-too-deep", "the data is nested too deep", path=path)
    match data:
        case str():
            yield path, data
        case list():
            for index, item in enumerate(data):
                yield from _texts(item, (*path, index), depth - 1)
        case dict():
            for key, item in data.items():
                yield path, key
                yield from _texts(item, (*path, key), depth - 1)
        case _:
            pass


def _variables_in(text: str, path: Path, limits: Limits) -> Iterator[Variable]:
    filled: list[tuple[int, int]] = []
    for _ in range(limits.max_expansions):
        found = find_variables(text)
        if not found:
            return
        for variable in found:
            start, end = variable.at, variable.at + len(variable.text)
            is_dynamic = any(start < first and last < end for first, last in filled)
            yield _variable(
                inside(variable.text).expression, path, offset_of_expression(variable), is_dynamic, limits
            )
            text = text[:start] + _FILLER * (end - start) + text[end:]
            filled.append((start, end))


def _variable(text: str, path: Path, offset: int, is_dynamic: bool, limits: Limits) -> Variable:
    try:
        expression: Expression | None = compile_expression(text, limits)
    except ExpressionError as error:
        if not is_dynamic:
            raise error.within(path, offset) from None
        expression = None
    if expression is None:
        return Variable(path, offset, text, is_dynamic, _EVERYTHING, frozenset())
    roots = frozenset("@" if is_dynamic and not root.strip(_FILLER) else root for root in expression.roots)
    return Variable(path, offset, text, is_dynamic, roots, expression.functions)


def check_variables(
    data: Any,
    path: Path = (),
    *,
    declared: Iterable[str] = (),
    background: bool = True,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[ExpressionError, ...]:
    """Return what Kyverno's admission of policies refuses about the variables of a document.

    Args:
        data: JSON data: a rule, without the conditions of its attestations.
        path: where it stands in the file.
        declared: wildcard patterns of names that context entries and attestations add, such as `entry*`.
        background: the policy takes part in background scans.
        limits: bounds on expressions.

    Returns:
        `unknown-variable` and `user-variable` errors with path and offset, in document order.

    Raises:
        ExpressionError: an expression does not compile.
    """
    allowed = ALLOWED_IN_BACKGROUND if background else ALLOWED
    patterns = tuple(declared)
    problems: list[ExpressionError] = []
    for variable in variables_of(data, path, limits=limits):
        plain = variable.text.replace('"', "")
        if not variable.is_dynamic and not (
            allowed.search(plain) or any(wildcard.matches(pattern, plain) for pattern in patterns)
        ):
            problems.append(
                ExpressionError(
                    "unknown-variable",
                    f'variable {shorten(plain)} must match regex "{allowed.pattern}" or patterns '
                    f"[{' '.join(patterns)}]",
                    path=variable.path,
                    offset=variable.offset,
                )
            )
        written = "{{" + variable.text + "}}"
        if background and any(forbidden.search(written) for forbidden in _USER_VARIABLES):
            problems.append(
                ExpressionError(
                    "user-variable",
                    f"variable {shorten('{{ ' + variable.text + ' }}')} is not allowed",
                    path=variable.path,
                    offset=variable.offset,
                )
            )
    return tuple(problems)
