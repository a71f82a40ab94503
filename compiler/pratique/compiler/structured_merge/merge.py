"""The merge itself, and what of a patch may not be merged.

References: `sigs.k8s.io/structured-merge-diff/v6` `typed/merge.go` (order of merged lists); Kubernetes 1.36
`apiserver/pkg/admission/plugin/policy/mutating/patch/smd.go` (`findAtomics`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from pratique.compiler.structured_merge.shapes import DEDUCED, Shape
from pratique.grammar.errors import EvaluationError

Key: TypeAlias = str
"""What tells an element of a list apart, as JSON text."""

MAX_DEPTH: Final = 128


def merge(live: Any, patch: Any, shape: Shape, depth: int = 0) -> Any:
    """Return `live` with the parts of `patch` put in; nothing is shared with either that could be changed.

    Raises:
        EvaluationError: `bad-patch`: elements of a list with keys lack theirs, or have the same.
    """
    if depth > MAX_DEPTH:
        raise EvaluationError("bad-patch", f"the patch is nested deeper than {MAX_DEPTH}")
    if isinstance(patch, dict) and not shape.is_atomic:
        return _merged_map(live, patch, shape, depth)
    if isinstance(patch, list) and (shape.keys or shape.is_set):
        return _merged_list(live if isinstance(live, list) else [], patch, shape, depth)
    return patch


def _merged_map(live: Any, patch: Mapping[str, Any], shape: Shape, depth: int) -> dict[str, Any]:
    below = live if isinstance(live, dict) else {}
    merged = dict(below)
    for name, value in patch.items():
        merged[name] = merge(below.get(name), value, shape.of(name), depth + 1)
    return merged


# --- lists ---------------------------------------------------------------------------------------------


def _merged_list(live: Sequence[Any], patch: Sequence[Any], shape: Shape, depth: int) -> list[Any]:
    """Merge elements by their keys: in the order of the patch where both have them, live ones between."""
    if not patch:
        return list(live) if live else []
    old, new = [_key(each, shape) for each in live], [_key(each, shape) for each in patch]
    duplicate = next((key for key, count in Counter(new).items() if count > 1), None)
    if duplicate is not None:
        raise EvaluationError("bad-patch", f"duplicate entries for key {_show(duplicate, shape)}")
    counts = Counter(old)
    before = {key: each for key, each in zip(old, live, strict=True) if counts[key] == 1}
    after = dict(zip(new, patch, strict=True))

    def merged(key: Key) -> Any:
        return merge(before.get(key), after[key], shape.element or DEDUCED, depth + 1)

    return [live[place] if place is not None else merged(key) for place, key in _order(old, new)]


def _order(old: Sequence[Key], new: Sequence[Key]) -> Iterator[tuple[int | None, Key]]:
    """Yield the elements of the outcome: the place of one that only `old` has, or the key of one in `new`."""
    known, wanted = set(old), set(new)
    shared = iter([key for key in new if key in known])
    next_shared = next(shared, None)
    done: set[Key] = set()
    left = right = 0
    while left < len(old) or right < len(new):
        if left < len(old) and right < len(new):
            key = old[left]
            if key == new[right]:
                done.add(key)
                yield None, key
                left += 1
                right += 1
                next_shared = next(shared, None)
                continue
            if key in wanted and next_shared is not None and key != next_shared:
                left += 1  # its turn comes later
                continue
        if left < len(old):
            key = old[left]
            if key not in wanted:
                yield left, key
                left += 1
                continue
            if key in done:
                left += 1
        if right < len(new):
            key = new[right]
            done.add(key)
            yield None, key
            right += 1
            if key == next_shared:
                next_shared = next(shared, None)


def _key(element: Any, shape: Shape) -> Key:
    if shape.is_set:
        return json.dumps(element, sort_keys=True)
    if not isinstance(element, dict):
        raise EvaluationError("bad-patch", "associative list with keys may not have non-map elements")
    values = []
    for name in shape.keys:
        value = element.get(name, shape.defaults.get(name))
        if value is None:
            text = (
                f"associative list with keys has an element that omits key field {json.dumps(name)}"
                " (and doesn't have default value)"
            )
            raise EvaluationError("bad-patch", text)
        values.append(int(value) if isinstance(value, float) and value.is_integer() else value)
    return json.dumps(values)


def _show(key: Key, shape: Shape) -> str:
    if shape.is_set:
        return f"[={key}]"
    pairs = zip(shape.keys, json.loads(key), strict=True)
    return f"[{','.join(f'{name}={json.dumps(value)}' for name, value in pairs)}]"


# --- what may not be merged ----------------------------------------------------------------------------


def atomic_parts(patch: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """Yield the paths of lists, maps and objects in a patch that are written as a whole."""
    if isinstance(patch, dict):
        if shape.is_atomic:
            yield path
        for name, value in patch.items():
            yield from atomic_parts(value, DEDUCED if shape.is_atomic else shape.of(name), f"{path}.{name}")
    elif isinstance(patch, list):
        if not (shape.keys or shape.is_set):
            yield path
        for index, element in enumerate(patch):
            yield from atomic_parts(element, shape.element or DEDUCED, f"{path}[{index}]")
