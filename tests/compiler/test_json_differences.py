"""The operations that make one value of another, undone and checked by those that apply them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.json_differences import difference
from pratique.compiler.json_patch import apply_patch, same

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "1", 0.5])
KEYS = st.sampled_from(["a", "b", "c/d", "e~f", "", "0"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner), max_leaves=20
)
OBJECTS = st.dictionaries(KEYS, VALUES)


@given(OBJECTS, OBJECTS)
def test_the_operations_lead_there(before: dict[str, Any], after: dict[str, Any]) -> None:
    operations = list(difference(before, after))
    assert same(apply_patch(before, operations), after)
    assert bool(operations) is not same(before, after)


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        ({"a": 1}, {"a": 1, "b/c": 2}, [("add", "/b~1c")]),
        ({"a": {"b": 1}}, {"a": {}}, [("remove", "/a/b")]),
        ({"l": [1, 2, 3]}, {"l": [0, 1, 2, 3]}, [("add", "/l/0")]),
        ({"l": [1, 2, 3]}, {"l": [1, 3]}, [("remove", "/l/1")]),
        ({"l": [{"x": 1, "y": 1}, 2]}, {"l": [{"x": 2, "y": 1}, 2]}, [("replace", "/l/0/x")]),
        ({"l": [1, 2, 3, 4]}, {"l": [1]}, [("remove", "/l/3"), ("remove", "/l/2"), ("remove", "/l/1")]),
        ({"a": 1}, {"a": True}, [("replace", "/a")]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": None}, {}, [("remove", "/a")]),
    ],
)
def test_patches_are_small(before: Any, after: Any, operations: list[tuple[str, str]]) -> None:
    assert [(each["op"], each["path"]) for each in difference(before, after)] == operations
