"""How values are printed in messages, as Go's `%v` has them.

References: cel-go 0.30 `common/types/format.go` and the `format` methods beside it.
"""

from __future__ import annotations

import json
from typing import Any

from pratique.compiler.cel.types import Type, runtime_name
from pratique.compiler.cel.values.kinds import LISTS
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.times import Duration, Timestamp
from pratique.compiler.expressions.values.numbers import print_plain

_MAX_SHOWN = 1000
"""Characters of a value that a message quotes."""


def show(value: Any) -> str:
    """Return a value as messages show it; long ones are cut."""
    kind = type(value)
    if kind is str:
        text: str = value
    elif kind is bool:
        text = "true" if value else "false"
    elif value is None:
        text = "null"
    elif kind is float:
        text = print_plain(value)
    elif kind is Type:
        text = runtime_name(value)
    elif kind in LISTS:
        text = f"[{', '.join(_quoted(element) for element in value[:_MAX_SHOWN])}]"
    elif kind is dict or kind is Map:
        text = f"{{{', '.join(f'{_quoted(key)}: {_quoted(element)}' for key, element in value.items())}}}"
    elif kind is Duration or kind is Timestamp:
        text = str(value)
    else:
        text = str(int(value)) if isinstance(value, int) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if type(value) is str else show(value)
