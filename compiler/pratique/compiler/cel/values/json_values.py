"""CEL values as JSON data, and JSON texts as CEL values.

References: cel-go 0.30 `ConvertToNative` of `common/types` (JSON), Go 1.26 `encoding/json`.
"""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any

from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.values.kinds import LISTS, type_name
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.numbers import Uint
from pratique.compiler.cel.values.optionals import NONE, Optional
from pratique.compiler.cel.values.structs import Struct
from pratique.compiler.cel.values.texts import show
from pratique.compiler.cel.values.times import Duration, Timestamp
from pratique.compiler.expressions.values import json_text
from pratique.compiler.expressions.values.numbers import Integer
from pratique.grammar.errors import EvaluationError
from pratique.grammar.limits import MIB

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_MAX_BYTES = 4 * MIB
_MAX_DEPTH = 128


def plain_value(run: Run, value: Any, depth: int = 0) -> Any:  # noqa: C901 - one case a type
    """Return the JSON data of a value: None, bool, int, float, str, list, dict.

    Raises:
        CelError: it has none.
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if depth > _MAX_DEPTH:
        raise CelError("the value is nested too deeply")
    if kind is dict:
        run.charge(len(value))
        return {key: plain_value(run, element, depth + 1) for key, element in value.items()}
    if kind in LISTS:
        run.charge(len(value))
        return [plain_value(run, element, depth + 1) for element in value]
    if kind is float:
        if not math.isfinite(value):
            raise CelError(f"json: unsupported value: {show(value)}")
        return value
    if kind is Uint:
        return int(value)
    if kind is bytes:
        return base64.b64encode(value).decode()
    if kind is Timestamp or kind is Duration:
        return str(value)
    if kind is Map:
        run.charge(len(value))
        return {show(key): plain_value(run, element, depth + 1) for key, element in value.items()}
    if kind is Struct:
        return {key: plain_value(run, element, depth + 1) for key, element in value.fields.items()}
    if kind is Optional and value is not NONE:
        return plain_value(run, value.value, depth + 1)
    raise CelError(f"type conversion error from '{type_name(value)}' to JSON")


def write_json(run: Run, value: Any) -> str:
    """Return the JSON text of a value, as Go's `json.Marshal` writes it.

    Raises:
        CelError: it has none, or it is too large.
    """
    try:
        text = json_text.write_json(
            _with_integers(plain_value(run, value)), max_bytes=_MAX_BYTES, max_depth=_MAX_DEPTH
        )
    except EvaluationError as error:
        raise CelError(error.message) from error
    run.charge(len(text) // 10)
    return text


def _with_integers(value: Any) -> Any:
    """Return JSON data whose whole numbers print as such, however great they are."""
    if type(value) is int:
        return Integer(value)
    if isinstance(value, dict):
        return {key: _with_integers(element) for key, element in value.items()}
    return [_with_integers(element) for element in value] if isinstance(value, list) else value


def read_json(run: Run, text: str) -> Any:
    """Return the value of a JSON text; all numbers are doubles.

    Raises:
        CelError: it is none.
    """
    run.charge(len(text) // 10)
    try:
        return json_text.read_json(text, max_depth=_MAX_DEPTH)
    except EvaluationError as error:
        raise CelError(error.message) from error
    except ValueError as error:
        raise CelError(str(error)) from error
