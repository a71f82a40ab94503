from __future__ import annotations

import os
from pathlib import Path

import pytest

from pratique.grammar.errors import PolicyError, UsageError
from pratique.runtime.configuration.files import find_configuration, read_configuration


def write(path: Path, text: str = "[lint]\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def found(paths: list[str], here: Path) -> Path | None:
    file = find_configuration(paths, here)
    return file.path if file else None


def test_the_nearest_above_what_is_named(tmp_path: Path) -> None:
    outer = write(tmp_path / "pratique.toml")
    inner = write(tmp_path / "a/pratique.toml")
    write(tmp_path / "a/b/p.yaml")
    assert found(["a/b/p.yaml"], tmp_path) == inner
    assert found(["a/b"], tmp_path) == inner
    assert found(["a/b/*.yaml"], tmp_path) == inner
    assert found(["a/b/none.yaml", "-"], tmp_path) == inner
    assert found(["a/b", "c.yaml"], tmp_path) == outer
    assert found(["-"], tmp_path / "a/b") == inner
    assert found([], tmp_path) == outer


def test_the_working_directory_counts_where_the_files_have_none(tmp_path: Path) -> None:
    here = write(tmp_path / "here/pratique.toml")
    write(tmp_path / "there/p.yaml")
    assert found([str(tmp_path / "there/p.yaml")], tmp_path / "here") == here


def test_shared_files_count_with_a_table_only(tmp_path: Path) -> None:
    write(tmp_path / "a/pyproject.toml", "[tool.other]\nx = 1\n")
    assert found(["a"], tmp_path) is None
    shared = write(tmp_path / "pyproject.toml", "[tool.pratique.lint]\nignore = []\n")
    assert found(["a"], tmp_path) == shared
    own = write(tmp_path / "pratique.toml")
    assert found(["a"], tmp_path) == own


def test_a_repository_is_the_last_that_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "pratique.toml")
    (tmp_path / "repo/sub").mkdir(parents=True)
    assert found(["repo/sub"], tmp_path / "repo/sub") == tmp_path / "pratique.toml"
    (tmp_path / "repo/.git").mkdir()
    assert found(["sub"], tmp_path / "repo") is None


def test_places_of_shared_files(tmp_path: Path) -> None:
    path = write(tmp_path / "pyproject.toml", "[project]\n[tool.pratique.lint]\nignore = ['x']\n")
    file = read_configuration(path, tmp_path)
    assert file is not None
    assert file.settings == {"lint": {"ignore": ["x"]}}
    assert str(file.place("lint", "ignore", value="x")) == "pyproject.toml:3:11"
    assert file.folder == tmp_path


def test_names_are_shown_from_the_working_directory(tmp_path: Path) -> None:
    path = write(tmp_path / "a/pratique.toml")
    for here, name in ((tmp_path, "a/pratique.toml"), (tmp_path / "b", str(path))):
        file = read_configuration(path, here)
        assert file is not None
        assert file.source.name == name


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("pratique.toml", "a = 1\nb ==\n", "2:4: error[toml-syntax]: Invalid value"),
        (
            "pyproject.toml",
            "[tool]\npratique = 1\n",
            "2:1: error[wrong-setting]: `tool.pratique` must be a table",
        ),
        ("pratique.toml", "a = " + "[" * 100_000, "1:100004: error[toml-syntax]: nested too"),
    ],
)
def test_what_is_no_configuration(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(PolicyError) as raised:
        read_configuration(write(tmp_path / name, text), tmp_path)
    assert str(raised.value).removeprefix(f"{name}:").startswith(message)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "pratique.toml"
    path.write_bytes(b"a = '\xff'\n")
    with pytest.raises(PolicyError) as raised:
        read_configuration(path, tmp_path)
    assert str(raised.value).startswith("pratique.toml:1:6: error[bad-encoding]")


def test_what_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.toml")
    write(tmp_path / "large.toml", "#" * ((1 << 20) + 1))
    write(tmp_path / "pyproject.toml", "[tool.other]\n")
    for name, message in (
        ("none.toml", "none.toml cannot be read: No such file or directory"),
        ("fifo.toml", "fifo.toml is not a regular file"),
        ("large.toml", "large.toml is larger than 1 MiB"),
        ("pyproject.toml", "pyproject.toml has no [tool.pratique]"),
    ):
        with pytest.raises(UsageError) as raised:
            read_configuration(tmp_path / name, tmp_path)
        assert str(raised.value) == message
