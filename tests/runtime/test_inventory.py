from __future__ import annotations

import json
from pathlib import Path

import pytest

from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.inventory import MAX_MISTAKES, read_inventory
from tests.support_engine import pod

DIGEST = "sha256:" + "ab" * 32


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_references_are_normalised_and_counted_once(tmp_path: Path) -> None:
    text = f"nginx\n\n# a comment\n  docker.io/nginx:latest  \nghcr.io/a/b:1@{DIGEST}\r\n"
    assert read_inventory(write(tmp_path, "images.txt", text)) == (
        "docker.io/nginx:latest",
        f"ghcr.io/a/b@{DIGEST}",
    )


def test_resources_hold_images(tmp_path: Path) -> None:
    path = write(tmp_path, "pods.json", json.dumps(pod("nginx", "ghcr.io/a/b:1", "Bad Image", "nginx")))
    assert read_inventory(path) == ("docker.io/nginx:latest", "ghcr.io/a/b:1")
    assert read_inventory(str(tmp_path)) == read_inventory(path)


def test_standard_input_is_a_list() -> None:
    assert read_inventory("-", lambda: b"nginx:1\n") == ("docker.io/nginx:1",)


def test_every_mistake_has_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, "images.txt", "nginx\n  not an image\nnginx:\n")
    with pytest.raises(PolicyErrors) as caught:
        read_inventory(path)
    assert [str(error.location) for error in caught.value.errors] == [f"{path}:2:3", f"{path}:3:1"]
    assert {error.code for error in caught.value.errors} == {"bad-image-reference"}


def test_mistakes_end(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors) as caught:
        read_inventory(write(tmp_path, "images.txt", "not an image\n" * 1000))
    assert len(caught.value.errors) == MAX_MISTAKES


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_none_is_an_error(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "images.txt", text)
    with pytest.raises(UsageError, match="no image in"):
        read_inventory(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors, match="no-such-file"):
        read_inventory(str(tmp_path / "none.txt"))
    with pytest.raises(PolicyErrors, match="not-a-resource"):
        read_inventory(write(tmp_path, "x.yaml", "a: b\n"))
