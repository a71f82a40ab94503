"""The operations of RFC 6902 that make one JSON value of another.

Only `add`, `remove` and `replace`; applied in order they give the second value exactly. Of lists the equal
ends are left alone, which keeps patches small where something was put in or taken out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pratique.compiler.json_patch import same

Operation = Mapping[str, Any]


def difference(before: Any, after: Any, pointer: str = "") -> Iterator[Operation]:
    """Yield the operations that make `after` of `before`.

    Args:
        before: JSON.
        after: JSON.
        pointer: JSON pointer (RFC 6901) of both.
    """
    if before is after:
        return
    match before, after:
        case dict(), dict():
            yield from _of_maps(before, after, pointer)
        case list(), list():
            yield from _of_lists(before, after, pointer)
        case _:
            if not same(before, after):
                yield {"op": "replace", "path": pointer, "value": after}


def _of_maps(before: Mapping[str, Any], after: Mapping[str, Any], pointer: str) -> Iterator[Operation]:
    for key, value in before.items():
        path = f"{pointer}/{_escaped(key)}"
        if key in after:
            yield from difference(value, after[key], path)
        else:
            yield {"op": "remove", "path": path}
    for key, value in after.items():
        if key not in before:
            yield {"op": "add", "path": f"{pointer}/{_escaped(key)}", "value": value}


def _of_lists(before: Sequence[Any], after: Sequence[Any], pointer: str) -> Iterator[Operation]:
    shorter = min(len(before), len(after))
    start = _common(before, after, shorter)
    end = _common(before[::-1], after[::-1], shorter - start)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    both = min(len(old), len(new))
    for number in range(both):
        yield from difference(old[number], new[number], f"{pointer}/{start + number}")
    for number in reversed(range(both, len(old))):
        yield {"op": "remove", "path": f"{pointer}/{start + number}"}
    for number in range(both, len(new)):
        yield {"op": "add", "path": f"{pointer}/{start + number}", "value": new[number]}


def _common(one: Sequence[Any], other: Sequence[Any], most: int) -> int:
    """Return how many elements two lists have in common at their beginning, `most` at most."""
    return next((number for number in range(most) if not same(one[number], other[number])), most)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
