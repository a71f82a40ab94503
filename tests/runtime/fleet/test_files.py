from __future__ import annotations

import io
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import PolicyErrors
from pratique.runtime.fleet.files import FileInventory
from tests.support_fleet import pod

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns", "labels": {"env": "prod"}}}


@pytest.fixture
def opened() -> Iterator[Callable[..., FileInventory]]:
    """Return what opens inventories, which are closed at the end."""
    with ExitStack() as stack:

        def open_(*paths: str, stdin: bytes = b"") -> FileInventory:
            return stack.enter_context(closing(FileInventory(paths, io.BytesIO(stdin))))

        yield open_


Opened = Callable[..., FileInventory]


def write(path: Path, *objects: Any) -> str:
    path.write_text("".join(json.dumps(each) + "\n" for each in objects))
    return str(path)


def names(inventory: FileInventory) -> list[tuple[Any, str]]:
    return [(item.place, item.data["metadata"]["name"]) for item in inventory.items()]


def test_objects_of_several_files_in_order(opened: Opened, tmp_path: Path) -> None:
    one = write(tmp_path / "a.json", pod("a"), pod("b"))
    nested = {"apiVersion": "v1", "kind": "List", "items": [pod("c"), pod("d")]}
    two = write(tmp_path / "b.json", nested)
    inventory = opened(one, two)
    assert names(inventory) == [((0,), "a"), ((1,), "b"), ((2,), "c"), ((3,), "d")]
    assert names(inventory) == names(inventory)


def test_items_of_a_typed_list_need_not_say_what_they_are(opened: Opened, tmp_path: Path) -> None:
    item = {key: value for key, value in pod("a").items() if key not in ("apiVersion", "kind")}
    path = tmp_path / "raw.json"
    path.write_text(json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [item]}))
    (found,) = opened(str(path)).items()
    assert (found.data["apiVersion"], found.data["kind"]) == ("v1", "Pod")


def test_the_identity_is_the_content(opened: Opened, tmp_path: Path) -> None:
    one = opened(write(tmp_path / "a.json", pod("a"))).identity
    assert one == opened(write(tmp_path / "b.json", pod("a"))).identity
    assert one != opened(write(tmp_path / "a.json", pod("b"))).identity


def test_standard_input_is_read_twice_if_need_be(opened: Opened) -> None:
    text = json.dumps(pod("a")) + "\n" + json.dumps(NAMESPACE)
    inventory = opened("-", stdin=text.encode())
    assert inventory.look_ahead(everything=False) == []
    first, _ = inventory.items()
    assert first.namespace == NAMESPACE
    assert len(inventory.look_ahead(everything=True)) == 2


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ('{"apiVersion": "v1", "kind": "Pod"}\n{"apiVersion": 1, "kind": "Pod"}', ":2:16", "not-a-resource"),
        ('{"apiVersion": "v1", "items": [\n   {"kind": "Pod"}], "kind": "List"}', ":2:4", "not-a-resource"),
        ('{"apiVersion": "v1", "kind": "Pod"}\n{"apiVersion": "v1", "kind": "Pod"', ":3:1", "yaml-syntax"),
        ('{"apiVersion": "v1", "kind": "Pod", "kind": "Node"}', ":1:37", "duplicate-key"),
        ("apiVersion: v1\nkind: Pod\n---\nkind: x\n", ":4:1", "not-a-resource"),
        (
            "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n- kind: x\nkind: List\n",
            ":5:3",
            "not-a-resource",
        ),
        ("apiVersion: v1\nitems:\n- &a x\n- *a\nkind: List\n", ":3:", "not-a-resource"),
        ("[]", ":1:1", "not-a-resource"),
    ],
)
def test_mistakes_have_places(opened: Opened, tmp_path: Path, text: str, place: str, code: str) -> None:
    path = tmp_path / "i.json"
    path.write_text(text)
    with pytest.raises(PolicyErrors) as caught:
        list(opened(str(path)).items())
    (error,) = caught.value.errors
    assert error.code == code
    assert f"i.json{place}" in str(error.location)


def test_what_is_no_text_or_no_file(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b'{"a": "\xff\xff"}')
    with pytest.raises(PolicyErrors, match="not UTF-8"):
        list(opened(str(tmp_path / "b")).items())
    (tmp_path / "c").write_bytes(b'{"apiVersion": "v1", "kind": "P')
    with pytest.raises(PolicyErrors):
        list(opened(str(tmp_path / "c")).items())
    with pytest.raises(PolicyErrors, match="no-such-file"):
        opened(str(tmp_path / "none"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PolicyErrors, match="not a regular file"):
        opened(str(tmp_path / "pipe"))


def test_memory_does_not_grow_with_objects(opened: Opened, tmp_path: Path) -> None:
    peaks = []
    for count in (500, 5000):
        path = write(tmp_path / "pods.json", *(pod(f"p{n}", filler="x" * 500) for n in range(count)))
        tracemalloc.start()
        assert sum(1 for _ in opened(path).items()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + (1 << 20)
