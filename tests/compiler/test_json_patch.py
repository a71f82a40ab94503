from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.json_patch import (
    MAX_COPIED,
    MAX_PADDING,
    PatchOptions,
    TestFailedError,
    apply_patch,
    same,
)
from pratique.grammar.errors import EvaluationError

DATA: dict[str, Any] = {"a": {"b": 1}, "l": [1, 2, 3], "x/y": {"~": 0}}


def op(kind: str, path: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, "value": value, **more}


@pytest.mark.parametrize(
    ("operation", "path", "value"),
    [
        (op("add", "/a/c", 2), ("a",), {"b": 1, "c": 2}),
        (op("add", "/l/1", 9), ("l",), [1, 9, 2, 3]),
        (op("add", "/l/-", 9), ("l",), [1, 2, 3, 9]),
        (op("add", "/l/-1", 9), ("l",), [1, 2, 3, 9]),
        (op("add", "/l/3", 9), ("l",), [1, 2, 3, 9]),
        (op("replace", "/a/b", 2), ("a",), {"b": 2}),
        (op("replace", "/a/new", 2), ("a",), {"b": 1, "new": 2}),
        (op("replace", "/l/-1", 9), ("l",), [1, 2, 9]),
        (op("remove", "/a/b"), ("a",), {}),
        (op("remove", "/l/0"), ("l",), [2, 3]),
        (op("add", "/x~1y/~0", 5), ("x/y",), {"~": 5}),
        ({"op": "move", "from": "/a/b", "path": "/l/0"}, ("l",), [1, 1, 2, 3]),
        ({"op": "copy", "from": "/a", "path": "/c"}, ("c",), {"b": 1}),
        (op("test", "/a/b", 1.0), ("a",), {"b": 1}),
        (op("test", "/a/none", None), ("a",), {"b": 1}),
    ],
)
def test_operations(operation: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    found = apply_patch(DATA, [operation])
    for step in path:
        found = found[step]
    assert found == value
    assert DATA["l"] == [1, 2, 3], "what was given does not change"


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (op("add", "/n/b", 1), 'add operation does not apply: doc is missing path: "/n/b": missing value'),
        (
            op("add", "/l/9", 1),
            "error in add for path: '/l/9': Unable to access invalid index: 9: invalid index referenced",
        ),
        (
            op("remove", "/a/n"),
            "error in remove for path: '/a/n': Unable to remove nonexistent key: n: missing value",
        ),
        (
            op("replace", "/n/b", 1),
            "replace operation does not apply: doc is missing path: /n/b: missing value",
        ),
        (
            {"op": "move", "from": "/n/b", "path": "/c"},
            "move operation does not apply: doc is missing from path: /n/b: missing value",
        ),
        (op("merge", "/a", 1), "Unexpected kind: merge"),
        (
            op("add", "/a/b/c", 1),
            'add operation does not apply: doc is missing path: "/a/b/c": missing value',
        ),
    ],
)
def test_operations_that_do_not_apply(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        apply_patch(DATA, [operation])
    assert caught.value.message == message


@pytest.mark.parametrize("value", [2, True, "1", None])
def test_a_test_that_does_not_hold(value: Any) -> None:
    with pytest.raises(TestFailedError):
        apply_patch(DATA, [op("test", "/a/b", value)])


def test_the_whole_document() -> None:
    assert apply_patch(DATA, [op("replace", "", {"z": 1}), op("test", "", {"z": 1})]) == {"z": 1}


def test_copies_do_not_explode() -> None:
    start = {"a": [list(range(100)) for _ in range(100)]}
    doubling = [{"op": "copy", "from": "/a", "path": "/a/-"} for _ in range(60)]
    with pytest.raises(EvaluationError, match=f"more than {MAX_COPIED} values"):
        apply_patch(start, doubling)


def test_what_is_copied_is_not_shared() -> None:
    operations = [{"op": "copy", "from": "/a", "path": "/c"}, op("add", "/c/b", 7)]
    assert apply_patch(DATA, operations)["a"] == {"b": 1}


# --- as rules of Kyverno's own have it -----------------------------------------------------------------

CLASSIC = PatchOptions(missing_on_remove=True, make_parents=True, replace_missing=False)


@pytest.mark.parametrize(
    ("operation", "field", "value"),
    [
        (op("add", "/n/m/k", 1), "n", {"m": {"k": 1}}),
        (op("add", "/n/-", 1), "n", [1]),
        (op("add", "/n/2", 1), "n", [None, None, 1]),
        (op("add", "/n/-1/k", 1), "n", [{"k": 1}]),
        (op("add", "/l/4/k", 1), "l", [1, 2, 3, None, {"k": 1}]),
        (op("remove", "/n/m"), "l", [1, 2, 3]),
        (op("remove", "/l/7"), "l", [1, 2, 3]),
        (op("remove", "/l/-1"), "l", [1, 2]),
    ],
)
def test_what_is_not_there(operation: dict[str, Any], field: str, value: Any) -> None:
    assert apply_patch(DATA, [operation], CLASSIC)[field] == value


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            op("replace", "/a/n", 1),
            "replace operation does not apply: doc is missing key: /a/n: missing value",
        ),
        (op("add", "/n/-2", 1), "Unable to ensure path for negative index other than -1: -2"),
        (op("add", f"/n/{MAX_PADDING + 1}", 1), "Unable to access invalid index: 10001: invalid index"),
        (
            {"op": "move", "from": "/n", "path": "/m"},
            "error in move for path: '/n': Unable to remove nonexistent key: n: missing value",
        ),
        (op("add", "/a/b/c", 1), 'add operation does not apply: doc is missing path: "/a/b/c"'),
    ],
)
def test_what_is_not_there_and_not_made(operation: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        apply_patch(DATA, [operation], CLASSIC)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (False, 0, False),
        (True, True, True),
        ("1", 1, False),
        ({"a": [1]}, {"a": [1.0]}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [2, 1], False),
        (None, None, True),
    ],
)
def test_same(one: Any, other: Any, expected: bool) -> None:
    assert same(one, other) is expected
    assert same(other, one) is expected
