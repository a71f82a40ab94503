"""Operations of RFC 6902 on JSON data, applied as Kubernetes applies those of admission policies.

References: RFC 6902, RFC 6901; evanphx/json-patch v4, whose texts are kept: `replace` adds a field that is
not there, and indices below 0 count from the end. `PatchOptions` are those of v5, as Kyverno's own rules use
it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pratique.grammar.errors import EvaluationError

_MISSING: Final[Any] = object()
MAX_COPIED: Final = 1_000_000
"""Values that all `copy` operations of a patch may make together."""


MAX_PADDING: Final = 10_000
"""Elements that may be made in front of one that is added."""


@dataclass(frozen=True, slots=True)
class PatchOptions:
    """How operations treat what is not there.

    Attributes:
        missing_on_remove: `remove` of nothing changes nothing.
        make_parents: `add` makes the maps and lists above its place.
        replace_missing: `replace` adds a field that is not there.
    """

    missing_on_remove: bool = False
    make_parents: bool = False
    replace_missing: bool = True


_KUBERNETES: Final = PatchOptions()


class TestFailedError(EvaluationError):
    """A `test` operation did not hold: the patch is not to be applied."""

    __test__ = False  # pytest collects no tests from it


def apply_patch(
    data: Any, operations: Sequence[Mapping[str, Any]], options: PatchOptions = _KUBERNETES
) -> Any:
    """Return the data with all operations applied; `data` itself is not changed.

    Raises:
        TestFailedError: a `test` did not hold.
        EvaluationError: `bad-patch`: an operation cannot be applied.
    """
    return _Document(copy.deepcopy(data), options).patched(operations)


class _Document:
    def __init__(self, root: Any, options: PatchOptions) -> None:
        self._root = root
        self._options = options
        self._copied = 0

    def patched(self, operations: Sequence[Mapping[str, Any]]) -> Any:
        for operation in operations:
            kind, path = operation.get("op", ""), str(operation.get("path", ""))
            match kind:
                case "add":
                    if self._options.make_parents:
                        self._make_parents(path)
                    self._add(path, operation.get("value"), "add")
                case "replace":
                    self._replace(path, operation.get("value"))
                case "remove":
                    self._remove(path, "remove")
                case "test":
                    self._test(path, operation.get("value"))
                case "move":
                    start = str(operation.get("from", ""))
                    value = self._read(start, "move")
                    self._remove(start, "move")
                    self._add(path, value, "move")
                case "copy":
                    value = self._read(str(operation.get("from", "")), "copy")
                    self._add(path, self._copy(value), "copy")
                case _:
                    raise _error(f"Unexpected kind: {kind}")
        return self._root

    # --- operations ------------------------------------------------------------------------------------

    def _add(self, path: str, value: Any, kind: str) -> None:
        holder, key = self._holder(path)
        if holder is None:
            place = f'path: "{path}"' if kind == "add" else f"destination path: {path}"
            raise _error(f"{kind} operation does not apply: doc is missing {place}: missing value")
        if isinstance(holder, dict):
            holder[key] = value
        elif key == "-":
            holder.append(value)
        else:
            holder.insert(_index(key, len(holder) + 1, f"error in {kind} for path: '{path}'"), value)

    def _replace(self, path: str, value: Any) -> None:
        if not path:
            self._root = value
            return
        holder, key = self._holder(path)
        if holder is None:
            raise _error(f"replace operation does not apply: doc is missing path: {path}: missing value")
        if isinstance(holder, dict):
            if key not in holder and not self._options.replace_missing:
                raise _error(f"replace operation does not apply: doc is missing key: {path}: missing value")
            holder[key] = value
        else:
            text = f"replace operation does not apply: doc is missing key: {path}"
            holder[_index(key, len(holder), text)] = value

    def _remove(self, path: str, kind: str) -> None:
        holder, key = self._holder(path)
        if self._options.missing_on_remove and kind == "remove" and not _is_there(holder, key):
            return
        if holder is None:
            raise _error(f'{kind} operation does not apply: doc is missing path: "{path}": missing value')
        where = f"error in {kind} for path: '{path}'"
        if isinstance(holder, dict):
            if key not in holder:
                raise _error(f"{where}: Unable to remove nonexistent key: {key}: missing value")
            del holder[key]
        else:
            del holder[_index(key, len(holder), where)]

    def _test(self, path: str, value: Any) -> None:
        found = self._root
        if path:
            holder, key = self._holder(path)
            if holder is None:
                raise _error(f"test operation does not apply: is missing path: {path}: missing value")
            found = _get(holder, key, f"error in test for path: '{path}'")
        if not same(None if found is _MISSING else found, value):
            raise TestFailedError("test-failed", f"testing value {path} failed: test failed")

    def _read(self, path: str, kind: str) -> Any:
        holder, key = self._holder(path)
        if holder is None:
            raise _error(f"{kind} operation does not apply: doc is missing from path: {path}: missing value")
        found = _get(holder, key, f"error in {kind} for path: '{path}'")
        return None if found is _MISSING else found

    def _copy(self, value: Any) -> Any:
        self._copied += _size(value)
        if self._copied > MAX_COPIED:
            raise _error(f"the patch copies more than {MAX_COPIED} values")
        return copy.deepcopy(value)

    def _make_parents(self, path: str) -> None:
        """Make the maps and lists above a place; those of lists in front of an index hold nulls."""
        parts = [_decoded(part) for part in path.split("/")[1:]]
        found = self._root
        for part, below in pairwise(parts):
            inner = _get(found, part, "") if _is_there(found, part) else None
            if inner is None:
                number = _number(below)
                if number is not None and number < -1:
                    raise _error(f"Unable to ensure path for negative index other than -1: {number}")
                inner = {} if number is None and below != "-" else []
                _pad(inner, number)
                _put(found, part, inner)
            elif not isinstance(inner, dict | list):
                return
            found = inner

    # --- places ----------------------------------------------------------------------------------------

    def _holder(self, path: str) -> tuple[Any, str]:
        """Return the map or list that holds the value at a path, with its key; None where there is none."""
        parts = path.split("/")
        if len(parts) < 2:
            return None, ""
        found = self._root
        for part in parts[1:-1]:
            try:
                found = _get(found, _decoded(part), "")
            except EvaluationError:
                return None, ""
            if not isinstance(found, dict | list):
                return None, ""
        return (found if isinstance(found, dict | list) else None), _decoded(parts[-1])


def _decoded(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _get(holder: Any, key: str, where: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(key, _MISSING)
    return holder[_index(key, len(holder), where)]


def _is_there(holder: Any, key: str) -> bool:
    if isinstance(holder, dict):
        return key in holder
    number = _number(key)
    return isinstance(holder, list) and number is not None and -len(holder) <= number < len(holder)


def _number(key: str) -> int | None:
    try:
        return int(key) if key.isascii() and len(key) < 20 else None
    except ValueError:
        return None


def _pad(holder: Any, number: int | None) -> None:
    """Make a list long enough for an element at an index."""
    if isinstance(holder, list) and number is not None and number > len(holder):
        if number > MAX_PADDING:
            raise _error(f"Unable to access invalid index: {number}: invalid index referenced")
        holder.extend([None] * (number - len(holder)))


def _put(holder: Any, key: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[key] = value
    elif _is_there(holder, key):
        holder[int(key)] = value
    elif isinstance(holder, list):
        _pad(holder, _number(key))
        holder.append(value)


def _index(key: str, length: int, where: str) -> int:
    prefix = f"{where}: " if where else ""
    index = _number(key)
    if index is None:
        raise _error(f"{prefix}value was not a proper array index: {json.dumps(key)}")
    if not -length <= index < length:
        raise _error(f"{prefix}Unable to access invalid index: {index}: invalid index referenced")
    return index + length if index < 0 else index


def same(one: Any, other: Any) -> bool:
    """Say whether JSON data are equal: numbers by value, no boolean is one (RFC 6902, section 4.6)."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
        case bool(), _:
            return one is other
        case _, bool():
            return False
        case _:
            return bool(one == other)


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def _error(text: str) -> EvaluationError:
    return EvaluationError("bad-patch", text)
