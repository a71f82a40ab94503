"""The digest of a policy set: equal if, and only if, two sets mean the same to the engine.

Places, comments, spelling and defaults that are written out do not count; the order of policies and rules
does, since results come in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any

from pydantic import BaseModel

from pratique.compiler import ir


def digest(policies: ir.PolicySet, exemptions: Sequence[Any] = ()) -> str:
    """Return `sha256:` and 64 hexadecimal digits of the canonical JSON of the IR.

    Args:
        policies: the policies.
        exemptions: policy exceptions that belong to them, in order.
    """
    held = [canonical(policies), *map(canonical, exemptions)]
    text = json.dumps(held, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@cache
def _compared(kind: type[Any]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.compare)


def canonical(value: Any) -> Any:
    """Return a part of the IR as JSON data: all that equality looks at, with the names of the types.

    Raises:
        TypeError: there is a value in it that the IR does not hold.
    """
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, tuple | list):
        return [canonical(item) for item in value]
    if isinstance(value, dict):
        return {str(name): canonical(item) for name, item in value.items()}
    if isinstance(value, BaseModel):
        return canonical(value.model_dump(mode="json"))
    if is_dataclass(value) and not isinstance(value, type):
        held = {name: canonical(getattr(value, name)) for name in _compared(type(value))}
        return {"is": type(value).__name__, **held}
    raise TypeError(f"{type(value).__name__} is no part of the IR")
