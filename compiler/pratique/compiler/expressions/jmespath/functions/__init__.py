"""The functions of expressions, one topic a file; `FUNCTIONS` holds them by name.

References: Kyverno 1.19 `pkg/engine/jmespath/functions.go`; JMESPath specification, "Built-in Functions".
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.expressions.jmespath.functions import (
    arithmetic,
    certificates,
    collections,
    encodings,
    names,
    patterns,
    random_text,
    standard,
    texts,
    times,
)
from pratique.compiler.expressions.jmespath.functions.signature import Function, NullArgumentError

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function
    for topic in (
        standard,
        texts,
        patterns,
        arithmetic,
        collections,
        encodings,
        times,
        names,
        certificates,
        random_text,
    )
    for function in topic.FUNCTIONS
}
"""Every function by its name. Later topics replace earlier ones: Kyverno's `sum` is not the standard one."""

__all__ = ["FUNCTIONS", "Function", "NullArgumentError"]
