"""Maps and lists of patterns: which keys are looked at in which order, and what a failure means for the rest.

Anchored keys first: conditions, existence, equality and negation, in the order of their texts. A condition
that fails leaves its map out. Then global anchors and keys with anchors below them, from the last, and the
plain keys. In a list every element must fit the first one of the pattern; elements that are left out do not
count.

References: Kyverno 1.19 `pkg/engine/validate/validate.go`, `pkg/engine/anchor/handlers.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.compiler.patterns import failures
from pratique.compiler.patterns.anchors import (
    CONDITION,
    EQUALITY,
    EXISTENCE,
    GLOBAL,
    NEGATION,
    Anchor,
    has_anchors,
    parse_anchor,
)
from pratique.compiler.patterns.failures import Failure
from pratique.compiler.patterns.leaves import compile_leaf
from pratique.compiler.patterns.metadata import expansion

Seen: TypeAlias = dict[str, bool]
"""Keys of conditions, existence and negation anchors that were met, and whether the resource has them."""

Node: TypeAlias = Callable[[Any, str, Seen], Failure | None]
"""Compares a value at a path with a part of the pattern; None where it fits."""

_ANYTHING: Final = "*"
_NOT_SATISFIED: Final = ", resource does not satisfy the expected overlay pattern"
_LISTS_ONLY: Final = ": Existence ^ () anchor can be used only on list/array type resource"
_WANTS_LIST: Final = ": Pattern has to be of list to compare against resource"
_WANTS_MAP: Final = ": Pattern has to be of type map to compare against items in resource"
_FIRST: Final = frozenset({CONDITION, EXISTENCE, EQUALITY, NEGATION})
_NOTED: Final = frozenset({CONDITION, EXISTENCE, NEGATION})


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why a resource does not fit a pattern.

    Attributes:
        path: where, ending in a slash; empty where Kyverno names no place, which makes the rule an error.
        skip: the rule is not about the resource.
    """

    failure: Failure
    path: str
    skip: bool

    @property
    def text(self) -> str:
        """Return the sentence that Kyverno prints."""
        return self.failure.text


class PatternMatcher:
    """A pattern without variables, ready for many resources; immutable."""

    __slots__ = ("_root",)

    def __init__(self, data: Any) -> None:
        """Compile JSON data."""
        self._root = _node(data)

    def mismatch(self, resource: Any) -> Mismatch | None:
        """Return why a resource (JSON data) does not fit; None where it does."""
        seen: Seen = {}
        failure = self._root(resource, "/", seen)
        if failure is None:
            return None
        if failure.skip:
            return Mismatch(failure, "", skip=True)
        if not failure.negation and _is_missing(seen):
            return Mismatch(failure, "", skip=False)
        return Mismatch(failure, failure.path, skip=False)


def _is_missing(seen: Seen) -> bool:
    """Say whether some anchored key was nowhere; those of negations are meant to be."""
    return any(not found and key.strip()[:1] != NEGATION for key, found in seen.items())


def _node(pattern: Any) -> Node:
    match pattern:
        case dict():
            return _map(pattern)
        case list():
            return _list(pattern)
        case _:
            return _scalar(pattern)


# --- scalars and lists ---------------------------------------------------------------------------------


def _scalar(pattern: Any) -> Node:
    accepts = compile_leaf(pattern)

    def compare(value: Any, path: str, seen: Seen) -> Failure | None:
        if value.__class__ is list:
            if all(accepts(item) for item in value):
                return None
        elif accepts(value):
            return None
        return failures.mismatch(path, value, pattern)

    return compare


def _list(pattern: list[Any]) -> Node:
    if not pattern:
        element: Node | None = None
    elif isinstance(pattern[0], list):
        element = _by_position(pattern)
    else:
        element = _every(pattern[0])

    def compare(value: Any, path: str, seen: Seen) -> Failure | None:
        if value.__class__ is not list:
            return Failure(path, (f"validation rule failed at path {path}{_NOT_SATISFIED}",))
        if element is None:
            return Failure(path, ("pattern Array empty",))
        return element(value, path, seen)

    return compare


def _every(pattern: Any) -> Node:
    """Every element must fit one pattern; a scalar is compared with the list itself, which means the same."""
    node = _node(pattern)
    if not isinstance(pattern, dict):
        return node

    def compare(value: Any, path: str, seen: Seen) -> Failure | None:
        left_out: list[Failure] = []
        for index, item in enumerate(value):
            failure = node(item, f"{path}{index}/", seen)
            if failure is None:
                continue
            if not failure.skip:
                return failure
            left_out.append(failure)
        if left_out and len(left_out) == len(value):
            return failures.skipped(path, left_out)
        return None

    return compare


def _by_position(pattern: list[Any]) -> Node:
    nodes = [_node(item) for item in pattern]

    def compare(value: Any, path: str, seen: Seen) -> Failure | None:
        if len(value) < len(nodes):
            text = (
                "validate Array failed, array length mismatch, resource Array len is"
                f" {len(value)} and pattern Array len is {len(nodes)}"
            )
            return Failure("", (text,))
        left_out: list[Failure] = []
        for index, node in enumerate(nodes):
            failure = node(value[index], f"{path}{index}/", seen)
            if failure is None:
                continue
            if not failure.skip:
                return failure
            left_out.append(failure)
        if left_out and len(left_out) == len(nodes):
            return failures.skipped(path, left_out)
        return None

    return compare


# --- maps ----------------------------------------------------------------------------------------------


def _map(pattern: Mapping[str, Any]) -> Node:
    """Return the comparison with a map; keys with wildcards under `metadata` are put in first."""
    plain = _keys(pattern)
    noted = [(key, anchor.key) for key in pattern if (anchor := _noted(key))]
    expand = expansion(pattern)

    def compare(value: Any, path: str, seen: Seen) -> Failure | None:
        if value.__class__ is not dict:
            return failures.wrong_structure(path, value, pattern)
        for key, name in noted:
            if not seen.get(key):
                seen[key] = name in value
        if expand is not None and (expanded := expand(value)) is not None:
            return _keys(expanded)(value, path, seen)
        return plain(value, path, seen)

    return compare


def _noted(key: str) -> Anchor | None:
    anchor = parse_anchor(key)
    return anchor if anchor and anchor.modifier in _NOTED else None


_KeyNode: TypeAlias = Callable[[Mapping[str, Any], str, Seen], Failure | None]


def _keys(pattern: Mapping[str, Any]) -> _KeyNode:
    """Return the comparison of all keys of a map."""
    anchored, rest = _phases(pattern)
    first = [_anchored(anchor, pattern[key]) for key, anchor in anchored]
    then = [_key(key, pattern[key]) for key in rest]

    def compare(value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
        if first:
            failure = _conditions(first, value, path, seen)
            if failure is not None:
                return failure
        for node in then:
            failure = node(value, path, seen)
            if failure is not None:
                return failure
        return None

    return compare


def _phases(pattern: Mapping[str, Any]) -> tuple[list[tuple[str, Anchor]], list[str]]:
    """Return the anchored keys that are compared first, and the others, both in their order."""
    anchored, early, late = [], [], []
    for key in sorted(pattern):
        anchor = parse_anchor(key)
        if anchor and anchor.modifier in _FIRST:
            anchored.append((key, anchor))
        elif (anchor and anchor.modifier == GLOBAL) or has_anchors(pattern[key]):
            early.append(key)
        else:
            late.append(key)
    return anchored, [*reversed(early), *late]


def _conditions(nodes: list[_KeyNode], value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
    """Compare the keys that come first. Once a direct condition has failed, no other failure counts.

    What was left out below an anchored key leaves the map out, too, unless some other anchor held.
    """
    left_out: list[Failure] = []
    is_direct = False
    held = 0
    for node in nodes:
        failure = node(value, path, seen)
        if failure is None:
            held += 1
        elif failure.skip:
            left_out.append(failure)
            is_direct = is_direct or failure.direct
        elif not is_direct:
            return failure
    if left_out and (held == 0 or is_direct):
        return failures.skipped(path, left_out)
    return None


def _key(key: str, pattern: Any) -> _KeyNode:
    anchor = parse_anchor(key)
    if anchor and anchor.modifier == GLOBAL:
        return _global(anchor.key, _node(pattern))
    return _plain(key, pattern)


def _plain(key: str, pattern: Any) -> _KeyNode:
    step = f"{key}/"
    if pattern == _ANYTHING:

        def is_there(value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
            if value.get(key) is None:
                return Failure(path, (f"{path}/{key} not found",))
            return None

        return is_there
    node = _node(pattern)

    def compare(value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
        return node(value.get(key), path + step, seen)

    return compare


def _anchored(anchor: Anchor, pattern: Any) -> _KeyNode:
    match anchor.modifier:
        case "X":
            return _negation(anchor.key)
        case "=":
            return _equality(anchor.key, _node(pattern))
        case "^":
            return _existence(anchor.key, pattern)
        case _:
            return _condition(anchor.key, _node(pattern))


def _condition(key: str, node: Node) -> _KeyNode:
    step = f"{key}/"

    def compare(value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
        if key not in value:
            return failures.condition_absent(path + step)
        failure = node(value[key], path + step, seen)
        return None if failure is None else failures.condition_failed(failure)

    return compare


def _global(key: str, node: Node) -> _KeyNode:
    step = f"{key}/"

    def compare(value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
        if key not in value:
            return None
        failure = node(value[key], path + step, seen)
        return None if failure is None else failures.global_failed(failure)

    return compare


def _equality(key: str, node: Node) -> _KeyNode:
    step = f"{key}/"

    def compare(value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
        return node(value[key], path + step, seen) if key in value else None

    return compare


def _negation(key: str) -> _KeyNode:
    step = f"{key}/"

    def compare(value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
        return failures.not_allowed(path + step) if key in value else None

    return compare


def _existence(key: str, pattern: Any) -> _KeyNode:
    step = f"{key}/"
    wanted = (
        [_node(item) if isinstance(item, dict) else None for item in pattern]
        if isinstance(pattern, list)
        else None
    )

    def compare(value: Mapping[str, Any], path: str, seen: Seen) -> Failure | None:
        if key not in value:
            return None
        path += step
        items = value[key]
        if items.__class__ is not list:
            return Failure(path, (f"invalid resource type {failures.go_type(items)}{_LISTS_ONLY}",))
        kind = failures.go_type(pattern)
        if wanted is None:
            return Failure(path, (f"invalid pattern type {kind}{_WANTS_LIST}",))
        for node in wanted:
            if node is None:
                return Failure(path, (f"invalid pattern type {kind}{_WANTS_MAP}",))
            if not any(node(item, f"{path}{index}/", seen) is None for index, item in enumerate(items)):
                return Failure(path, (f"existence anchor validation failed at path {path}",))
        return None

    return compare
