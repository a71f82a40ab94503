"""Functions on lists and maps.

References: Kyverno 1.19 `pkg/engine/jmespath/functions.go`.
"""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.expressions.jmespath.equality import equal
from pratique.compiler.expressions.jmespath.functions.signature import (
    ARRAY,
    OBJECT,
    OBJECT_OR_ARRAY,
    STRING,
    STRING_OR_NUMBER,
    Function,
    failure,
    function,
    wrong_argument,
)
from pratique.compiler.expressions.jmespath.run import ITEM, Run
from pratique.compiler.expressions.values.numbers import (
    NUMBERS,
    Integer,
    as_double,
    print_plain,
    print_single,
)


def _label_match(run: Run, wanted: dict[str, Any], labels: dict[str, Any]) -> bool:
    return all(key in labels and equal(labels[key], value, run) for key, value in wanted.items())


def _lookup(run: Run, container: Any, key: Any) -> Any:
    if container.__class__ is dict:
        if key.__class__ is not str:
            raise wrong_argument("lookup", 2, "String")
        return container.get(key)
    if key.__class__ not in NUMBERS:
        raise wrong_argument("lookup", 2, "Number")
    number = as_double(key)
    if not number.is_integer():
        raise failure("lookup", f"argument #2: expected an integer number but got: {print_plain(number)}")
    if abs(number) >= 2**63:
        raise failure(
            "lookup", f"argument #2: number is outside the range of integer numbers: {print_plain(number)}"
        )
    index = int(number)
    return container[index] if 0 <= index < len(container) else None


def _items(run: Run, container: Any, key_name: str, value_name: str) -> list[Any]:
    run.charge(16 * ITEM * len(container))
    if container.__class__ is dict:
        return [{key_name: key, value_name: container[key]} for key in sorted(container)]
    return [{key_name: float(index), value_name: value} for index, value in enumerate(container)]


def _object_from_lists(run: Run, keys: list[Any], values: list[Any]) -> dict[str, Any]:
    run.charge(8 * ITEM * len(keys))
    return {_key(key): values[index] if index < len(values) else None for index, key in enumerate(keys)}


def _key(key: Any) -> str:
    match key:
        case bool():
            return "true" if key else "false"
        case str():
            return key
        case Integer():
            return str(int(key))
        case int() | float():
            return print_single(as_double(key))
        case _:
            raise wrong_argument("object_from_lists", 1, "StringArray")


FUNCTIONS: Final[tuple[Function, ...]] = (
    function("label_match", (OBJECT, OBJECT), "bool", _label_match),
    function("lookup", (OBJECT_OR_ARRAY, STRING_OR_NUMBER), "any", _lookup),
    function("items", (OBJECT_OR_ARRAY, STRING, STRING), "array", _items),
    function("object_from_lists", (ARRAY, ARRAY), "object", _object_from_lists),
)
