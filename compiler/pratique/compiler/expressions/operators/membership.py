"""Operators that look for elements: `AnyIn`, `AllIn`, `AnyNotIn`, `AllNotIn`, and the old `In` and `NotIn`.

Elements are compared as texts, with wildcards in either direction. A value of the wrong type makes every
operator false, the negative ones too.

References: Kyverno 1.19 `pkg/engine/variables/operator` (`anyin.go`, `allin.go`, `anynotin.go`,
`allnotin.go`, `in.go`, `notin.go`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.operators.ranges import IN_RANGE, matches_pattern, pattern_operator
from pratique.compiler.expressions.values.json_text import clean_text
from pratique.compiler.expressions.values.numbers import NUMBERS, Integer, sprint
from pratique.compiler.expressions.wildcards import matches_wildcard
from pratique.grammar import wildcard
from pratique.grammar.errors import EvaluationError

_SCALARS: Final = NUMBERS | {bool, Integer}
_WRONG_TYPE: Final = None
"""Result of a look-up in a value of the wrong type."""

Judge = Callable[[list[str], Callable[[str], bool]], bool]
"""Decides over the elements of a key, given how to look for one."""


def any_in(keys: list[str], is_in: Callable[[str], bool]) -> bool:
    """Say whether some element is in the value."""
    return any(is_in(key) for key in keys)


def all_in(keys: list[str], is_in: Callable[[str], bool]) -> bool:
    """Say whether every element is in the value."""
    return all(is_in(key) for key in keys)


def any_not_in(keys: list[str], is_in: Callable[[str], bool]) -> bool:
    """Say whether some element is not in the value."""
    return any(not is_in(key) for key in keys)


def all_not_in(keys: list[str], is_in: Callable[[str], bool]) -> bool:
    """Say whether no element is in the value."""
    return not any(is_in(key) for key in keys)


def membership(judge: Judge) -> Callable[[Any, Any, Run], bool]:
    """Return the operator that decides by `judge`."""
    is_negative = judge in (any_not_in, all_not_in)

    def test(key: Any, value: Any, run: Run) -> bool:
        if key.__class__ is str or key.__class__ in _SCALARS:
            found = _holds(sprint(key), value, run)
            return found is not _WRONG_TYPE and found is not is_negative
        if key.__class__ is list:
            return _judge_list([sprint(element) for element in key], value, judge, run)
        return False

    return test


def _holds(key: str, value: Any, run: Run) -> bool | None:
    """Look for a single key in a value."""
    if value.__class__ is list:
        return _Elements([sprint(element) for element in value], run).match(key)
    if value.__class__ is not str:
        return _WRONG_TYPE
    if matches_wildcard(value, key, run):
        return True
    if pattern_operator(value) == IN_RANGE:
        return matches_pattern(key, value)
    elements = _listed(value)
    return _WRONG_TYPE if elements is None else key in elements


def _judge_list(keys: list[str], value: Any, judge: Judge, run: Run) -> bool:
    if value.__class__ is list:
        return judge(keys, _Elements([sprint(element) for element in value], run).match)
    if value.__class__ in _SCALARS:
        # Kyverno forgot scalars in `AllIn` and `AllNotIn`.
        return judge in (any_in, any_not_in) and judge(keys, _Elements([sprint(value)], run).match)
    if value.__class__ is not str:
        return False
    if keys == [value]:
        return judge in (any_in, all_in)
    if pattern_operator(value) == IN_RANGE:
        run.charge(16 * len(keys))
        if judge is any_not_in:
            outside = value.replace("-", "!-", 1)
            return any(matches_pattern(key, outside) for key in keys)
        return judge(keys, lambda key: matches_pattern(key, value))
    elements = _listed(value)
    return elements is not None and judge(keys, _Elements(elements, run).match)


class _Elements:
    """The elements of a value, ready for many keys: those without wildcards are found in constant time."""

    def __init__(self, elements: list[str], run: Run) -> None:
        self._run = run
        self._elements = elements
        self._literals = frozenset(elements)
        self._patterns = [element for element in elements if wildcard.contains_wildcard(element)]

    def match(self, key: str) -> bool:
        """Say whether the key matches an element, either of them as the pattern."""
        if key in self._literals:
            return True
        if any(matches_wildcard(pattern, key, self._run) for pattern in self._patterns):
            return True
        return wildcard.contains_wildcard(key) and any(
            matches_wildcard(key, element, self._run) for element in self._elements
        )


# --- lists written as JSON texts -----------------------------------------------------------------------


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


_SHAPE = json.JSONDecoder(parse_constant=_refuse, parse_int=lambda text: 0, parse_float=lambda text: 0)


def _listed(text: str) -> list[str] | None:
    """Return the elements that a text stands for: those of a JSON list of texts, or itself if it is no JSON.

    None for any other JSON. As in Go, null is an empty list, and inside a list an empty text.
    """
    try:
        data = _SHAPE.decode(text.strip(" \t\r\n"))
    except (ValueError, RecursionError):
        return [text]
    return _texts(data)


def _texts(data: Any) -> list[str] | None:
    if data is None:
        return []
    if not isinstance(data, list) or not all(element is None or isinstance(element, str) for element in data):
        return None
    return [clean_text(element) if element is not None else "" for element in data]


# --- the old operators ---------------------------------------------------------------------------------


def old_in(key: Any, value: Any, run: Run) -> bool:
    """Deprecated `In`: a single key as `AnyIn`; of a list every element, without wildcards."""
    return _old(key, value, run, is_negative=False)


def old_not_in(key: Any, value: Any, run: Run) -> bool:
    """Deprecated `NotIn`: a single key as `AnyNotIn`; of a list *some* element is not there."""
    return _old(key, value, run, is_negative=True)


def _old(key: Any, value: Any, run: Run, *, is_negative: bool) -> bool:
    if key.__class__ is str or key.__class__ in _SCALARS:
        found = _old_holds(sprint(key), value, run)
        return found is not _WRONG_TYPE and found is not is_negative
    if key.__class__ is not list:
        return False
    if not all(element.__class__ is str for element in key):
        # Kyverno panics here.
        raise EvaluationError("invalid-operand", "the old operators In and NotIn take lists of texts only")
    elements: list[str] | None
    if value.__class__ is str:
        if key == [value]:
            return True
        elements = _old_listed(value)
    else:
        is_text_list = value.__class__ is list and all(element.__class__ is str for element in value)
        elements = value if is_text_list else None
    if elements is None:
        return False
    return set(key).issubset(elements) is not is_negative


def _old_holds(key: str, value: Any, run: Run) -> bool | None:
    if value.__class__ is list:
        return _Elements([sprint(element) for element in value], run).match(key)
    if value.__class__ is not str:
        return _WRONG_TYPE
    if matches_wildcard(value, key, run):
        return True
    elements = _old_listed(value)
    return _WRONG_TYPE if elements is None else key in elements


def _old_listed(text: str) -> list[str] | None:
    try:
        return _texts(_SHAPE.decode(text.strip(" \t\r\n")))
    except (ValueError, RecursionError):
        return None
