"""Texts and strategies for tests of the grammar layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

from hypothesis import strategies as st

from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Source
from pratique.grammar.yaml_tree import Documents, Limits, plain, read_documents

T = TypeVar("T")

POLICIES = Path(__file__).parent / "data" / "policies"


def policy_sources() -> list[Source]:
    """Return the valid policies of `tests/data/policies`, in the order of their names."""
    found = [Source(path.name, path.read_text("utf-8")) for path in sorted(POLICIES.iterdir())]
    assert found
    return found


def documents(text: str, limits: Limits | None = None) -> Documents:
    """Return what the positioned reader makes of a text."""
    return read_documents(Source("f.yaml", text), limits or Limits())


def data(text: str, limits: Limits | None = None) -> list[Any]:
    """Return the data of a text without problems."""
    found = documents(text, limits)
    assert not found.errors, [str(error) for error in found.errors]
    return [plain(document.root) for document in found.documents]


def codes(errors: tuple[PolicyError, ...] | list[PolicyError]) -> list[str]:
    """Return the codes of errors."""
    return [error.code for error in errors]


def place(error: PolicyError) -> tuple[int, int]:
    """Return the line and column of an error."""
    assert error.location is not None
    line, column = error.location.span.start
    return line, column


def pointed_at(error: PolicyError) -> str:
    """Return the piece of the first line that the carets of an error stand under."""
    assert error.location is not None
    span = error.location.span
    line = error.location.source.line(span.start.line)
    end = span.end.column if span.end.line == span.start.line else len(line) + 1
    return line[span.start.column - 1 : end - 1]


def seconds(work: Callable[[], T], repeat: int = 3) -> tuple[float, T]:
    """Return the least processor time of a few runs, and the result of the last."""
    best = float("inf")
    for _ in range(repeat):
        start = process_time()
        result = work()
        best = min(best, process_time() - start)
    return best, result


json_texts = st.text(st.characters(codec="utf-8"), max_size=12)
json_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | json_texts
    | st.sampled_from(
        ["yes", "n", "017", "1_000", "~", "<<", "2024-01-01", "12:30:45", "0x1F", "1e3", ".5", "- a", "a: b"]
    )
)
json_data = st.recursive(
    json_scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=20,
)


def whole(value: Any) -> Any:
    """Return JSON data with integral floats as integers, which is how Kubernetes sees them."""
    if isinstance(value, dict):
        return {key: whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [whole(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


def to_yaml(value: Any, indent: int = 0) -> str:
    """Return JSON data as block style YAML: every text quoted, every list and mapping on lines of its own."""
    space = "  " * indent
    if isinstance(value, dict) and value:
        pairs = ((_scalar(key), inner) for key, inner in value.items())
        return "".join(f"{space}{key}:{_below(inner, indent)}" for key, inner in pairs)
    if isinstance(value, list) and value:
        return "".join(f"{space}-{_below(inner, indent)}" for inner in value)
    return f"{space}{_scalar(value)}\n"


def _below(value: Any, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return f"\n{to_yaml(value, indent + 1)}"
    return f" {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    # Beyond ASCII YAML has escapes of eight digits, JSON pairs of four.
    return "".join(
        c if c.isascii() and c.isprintable() else f"\\U{ord(c):08X}"
        for c in json.dumps(value, ensure_ascii=False)
    )
