"""Regular expressions beyond `matches`: `find` and `findAll`, `regex.extract` and so on.

References: Kubernetes 1.36 `apiserver/pkg/cel/library/regex.go`; cel-go 0.30 `ext/regex.go`; Go `regexp`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.formatting import go_quote
from pratique.compiler.cel.libraries.patterns import compiled, search_cost
from pratique.compiler.cel.values.optionals import NONE, Optional

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_MATCH_COST: Final = 2


def _all_cost(text: Any, pattern: Any, *_: Any) -> int:
    return search_cost(text, pattern)


def _matches(run: Run, pattern: Any, text: str) -> Iterator[Any]:
    """Yield the matches that Go's `FindAll` finds: an empty one right behind another is left out."""
    end = -1
    for match in pattern.finditer(text):
        run.charge(_MATCH_COST)
        if match.end() == match.start() == end:
            continue
        end = match.end()
        yield match


def _find(text: str, pattern: str) -> str:
    match = _compiled(pattern).search(text)
    return match[0] if match else ""


def _find_all(run: Run, text: str, pattern: str, count: int = -1) -> list[str]:
    found: list[str] = []
    expression = _compiled(pattern)
    if count == 0:
        return found
    for match in _matches(run, expression, text):
        found.append(match[0])
        if len(found) == count:
            break
    return found


def _compiled(pattern: str) -> Any:
    try:
        return compiled(pattern)
    except CelError as error:
        raise CelError(f"Illegal regex: {error.message}") from error


# --- cel-go --------------------------------------------------------------------------------------------


def _with_one_group(pattern: str) -> Any:
    expression = compiled(pattern)
    if expression.groups > 1:
        raise CelError(f"regular expression has more than one capturing group: {go_quote(pattern)}")
    return expression


def _extract(text: str, pattern: str) -> Optional:
    expression = _with_one_group(pattern)
    match = expression.search(text)
    if match is None:
        return NONE
    if expression.groups:
        return Optional(match[1]) if match[1] else NONE
    return Optional(match[0])


def _extract_all(run: Run, text: str, pattern: str) -> list[str]:
    expression = _with_one_group(pattern)
    group = 1 if expression.groups else 0
    return [match[group] for match in _matches(run, expression, text) if match[group] or not group]


def _replace(run: Run, text: str, pattern: str, replacement: str, count: int = -1) -> str:
    if count == 0:
        return text
    parts: list[str] = []
    position = 0
    for number, match in enumerate(_matches(run, compiled(pattern), text)):
        if number == count:
            break
        made = _expanded(match, replacement)
        run.charge(len(made) // 10)
        parts += (text[position : match.start()], made)
        position = match.end()
    return "".join((*parts, text[position:]))


def _expanded(match: Any, replacement: str) -> str:
    parts: list[str] = []
    rest = iter(replacement)
    for character in rest:
        if character != "\\":
            parts.append(character)
            continue
        following = next(rest, None)
        if following is None:
            raise CelError(f"invalid replacement string: '{replacement}' \\ not allowed at end")
        if following == "\\":
            parts.append("\\")
        elif following in "0123456789":
            number, groups = int(following), match.re.groups
            if number > groups:
                problem = f"references group {number} but regex has only {groups} group(s)"
                raise CelError(f"replacement string {problem}")
            parts.append(match[number] or "")
        else:
            problem = "\\ must be followed by a digit or \\"
            raise CelError(f"invalid replacement string: '{replacement}' {problem}")
    return "".join(parts)


KUBERNETES: Final = Library(
    overloads=(
        overload(".find(string, string) -> string", _find, cost=_all_cost, check_constant=compiled),
        overload(
            ".findAll(string, string) -> list(string)",
            _find_all,
            cost=_all_cost,
            check_constant=compiled,
            takes_run=True,
        ),
        overload(".findAll(string, string, int) -> list(string)", _find_all, cost=_all_cost, takes_run=True),
    )
)

LIBRARY: Final = Library(
    overloads=(
        overload("regex.extract(string, string) -> optional(string)", _extract, cost=_all_cost),
        overload(
            "regex.extractAll(string, string) -> list(string)", _extract_all, cost=_all_cost, takes_run=True
        ),
        overload("regex.replace(string, string, string) -> string", _replace, cost=_all_cost, takes_run=True),
        overload(
            "regex.replace(string, string, string, int) -> string", _replace, cost=_all_cost, takes_run=True
        ),
    )
)
