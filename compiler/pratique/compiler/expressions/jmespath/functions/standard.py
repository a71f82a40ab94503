"""The functions of the JMESPath specification, as go-jmespath has them.

References: JMESPath specification, "Built-in Functions"; kyverno/go-jmespath `functions.go`.
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal

from pratique.compiler.expressions.errors import UnknownKeyError
from pratique.compiler.expressions.jmespath.equality import equal
from pratique.compiler.expressions.jmespath.functions.signature import (
    ANY,
    ARRAY,
    EXPRESSION,
    NUMBER,
    OBJECT,
    STRING,
    Function,
    Types,
    function,
)
from pratique.compiler.expressions.jmespath.run import ITEM, ExpressionReference, Run
from pratique.compiler.expressions.values.json_text import write_json
from pratique.compiler.expressions.values.numbers import NUMBERS, Integer, as_double, parse_float
from pratique.grammar.errors import EvaluationError

_NUMBERS_OR_STRINGS: Final[Types] = ("array[number]", "array[string]")


def _whole(round_: Any) -> Any:
    def apply(run: Run, number: float) -> float:
        value = as_double(number)
        return float(round_(value)) if math.isfinite(value) else value

    return apply


def _abs(run: Run, number: float) -> float:
    return abs(as_double(number))


def _avg(run: Run, numbers: list[float]) -> float:
    if not numbers:
        return math.nan
    total = 0.0
    for number in numbers:
        total += as_double(number)
    return total / len(numbers)


def _contains(run: Run, subject: Any, wanted: Any) -> bool:
    if subject.__class__ is str:
        return wanted.__class__ is str and wanted in subject
    # DEVIATION: Go panics when it compares lists or maps here; they are compared element by element.
    # Test: test_contains_compares_lists_and_maps.
    return any(equal(element, wanted, run) for element in subject)


def _ends_with(run: Run, text: str, suffix: str) -> bool:
    return text.endswith(suffix)


def _starts_with(run: Run, text: str, prefix: str) -> bool:
    return text.startswith(prefix)


def _join(run: Run, separator: str, texts: list[str]) -> str:
    run.charge(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _keys(run: Run, mapping: dict[str, Any]) -> list[str]:
    # The order of Go's maps is chance; here it is that of the keys.
    run.charge(ITEM * len(mapping))
    return sorted(mapping)


def _values(run: Run, mapping: dict[str, Any]) -> list[Any]:
    run.charge(ITEM * len(mapping))
    return [mapping[key] for key in sorted(mapping)]


def _length(run: Run, value: Any) -> float:
    return float(len(value))


def _apply(reference: ExpressionReference, value: Any, run: Run) -> Any:
    run.charge(ITEM)
    try:
        return reference.evaluate(value, run)
    except UnknownKeyError:
        return None


def _map(run: Run, reference: ExpressionReference, elements: list[Any]) -> list[Any]:
    return [_apply(reference, element, run) for element in elements]


def _max(run: Run, elements: list[Any]) -> Any:
    return max(elements) if elements else None


def _min(run: Run, elements: list[Any]) -> Any:
    return min(elements) if elements else None


def _extreme_by(sign: Literal[1, -1]) -> Any:
    def find(run: Run, elements: list[Any], reference: ExpressionReference) -> Any:
        if len(elements) < 2:
            return elements[0] if elements else None
        best = elements[0]
        best_key = _apply(reference, best, run)
        kind, wanted = _kind(best_key)
        for element in elements[1:]:
            key = _apply(reference, element, run)
            if key.__class__ not in kind:
                raise EvaluationError("invalid-argument", f"invalid type, must be {wanted}")
            if (key > best_key) if sign > 0 else (key < best_key):
                best, best_key = element, key
        return best

    return find


def _kind(key: Any) -> tuple[frozenset[type], str]:
    if key.__class__ in NUMBERS:
        return NUMBERS, "number"
    if key.__class__ is str:
        return frozenset({str}), "string"
    raise EvaluationError("invalid-argument", "invalid type, must be number of string")


def _merge(run: Run, *mappings: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for mapping in mappings:
        run.charge(4 * ITEM * (1 + len(mapping)))
        merged |= mapping
    return merged


def _not_null(run: Run, *values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _reverse(run: Run, value: Any) -> Any:
    run.charge(len(value))
    return value[::-1]


def _sort(run: Run, elements: list[Any]) -> list[Any]:
    run.charge(4 * ITEM * len(elements))
    return sorted(elements)


def _sort_by(run: Run, elements: list[Any], reference: ExpressionReference) -> list[Any]:
    if len(elements) < 2:
        return elements
    run.charge(4 * ITEM * len(elements))
    kind, _ = _kind(_apply(reference, elements[0], run))
    keys: list[Any] = []
    for element in elements:
        try:
            key = reference.evaluate(element, run)
        except (UnknownKeyError, EvaluationError) as error:
            raise EvaluationError("invalid-argument", "error in sort_by comparison") from error
        if key.__class__ not in kind:
            raise EvaluationError("invalid-argument", "error in sort_by comparison")
        keys.append(key)
    order = sorted(range(len(elements)), key=keys.__getitem__)
    return [elements[index] for index in order]


def _to_array(run: Run, value: Any) -> list[Any]:
    return value if value.__class__ is list else [value]


def _to_number(run: Run, value: Any) -> float | None:
    if value.__class__ in NUMBERS:
        return as_double(value)
    if value.__class__ is Integer:
        raise EvaluationError("invalid-argument", "unknown type")
    return parse_float(value) if value.__class__ is str else None


def _to_string(run: Run, value: Any) -> str:
    if value.__class__ is str:
        return str(value)
    limits = run.environment.limits
    text = write_json(value, max_bytes=max(run.left, 0), max_depth=limits.max_data_depth)
    run.charge(len(text))
    return text


def _type(run: Run, value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case Integer():
            raise EvaluationError("invalid-argument", "unknown type")
        case _:
            return "number"


FUNCTIONS: Final[tuple[Function, ...]] = (
    function("abs", (NUMBER,), "number", _abs),
    function("avg", (("array[number]",),), "number", _avg),
    function("ceil", (NUMBER,), "number", _whole(math.ceil)),
    function("contains", (("array", "string"), ANY), "bool", _contains),
    function("ends_with", (STRING, STRING), "bool", _ends_with),
    function("floor", (NUMBER,), "number", _whole(math.floor)),
    function("join", (STRING, ("array[string]",)), "string", _join),
    function("keys", (OBJECT,), "array", _keys),
    function("length", (("string", "array", "object"),), "number", _length),
    function("map", (EXPRESSION, ARRAY), "array", _map),
    function("max", (_NUMBERS_OR_STRINGS,), "any", _max),
    function("max_by", (ARRAY, EXPRESSION), "any", _extreme_by(1)),
    function("merge", (OBJECT,), "object", _merge, variadic=True),
    function("min", (_NUMBERS_OR_STRINGS,), "any", _min),
    function("min_by", (ARRAY, EXPRESSION), "any", _extreme_by(-1)),
    function("not_null", (ANY,), "any", _not_null, variadic=True),
    function("reverse", (("array", "string"),), "any", _reverse),
    function("sort", (("array[string]", "array[number]"),), "array", _sort),
    function("sort_by", (ARRAY, EXPRESSION), "array", _sort_by),
    function("starts_with", (STRING, STRING), "bool", _starts_with),
    function("to_array", (ANY,), "array", _to_array),
    function("to_number", (ANY,), "number", _to_number),
    function("to_string", (ANY,), "string", _to_string),
    function("type", (ANY,), "string", _type),
    function("values", (OBJECT,), "array", _values),
)
