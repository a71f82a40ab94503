from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pratique.grammar.errors import UsageError
from pratique.grammar.source import Source
from pratique.runtime.file_changes import replace_text, unified


def written(path: Path, content: bytes = b"a\n") -> Source:
    path.write_bytes(content)
    return Source(str(path), content.decode("utf-8-sig"))


def test_the_text_is_replaced_and_permissions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    source = written(path)
    path.chmod(0o640)
    replace_text(source, "b\r\n")
    assert path.read_bytes() == b"b\r\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["p.yaml"]


def test_links_stay_links(tmp_path: Path) -> None:
    written(tmp_path / "real.yaml")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    replace_text(Source(str(tmp_path / "link.yaml"), "a\n"), "b\n")
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text() == "b\n"


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    source = written(tmp_path / "p.yaml", b"\xef\xbb\xbfa\n")
    assert source.text == "a\n"
    replace_text(source, "b\n")
    assert (tmp_path / "p.yaml").read_bytes() == b"\xef\xbb\xbfb\n"


@pytest.mark.parametrize("content", [b"changed\n", b"\xff"])
def test_what_has_changed_meanwhile_is_left(tmp_path: Path, content: bytes) -> None:
    source = written(tmp_path / "p.yaml")
    (tmp_path / "p.yaml").write_bytes(content)
    with pytest.raises(UsageError, match="has changed since it was read"):
        replace_text(source, "b\n")
    assert (tmp_path / "p.yaml").read_bytes() == content


def test_what_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        replace_text(Source(str(tmp_path / "p.yaml"), "a\n"), "b\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_must_not_be_written_is_left(tmp_path: Path) -> None:
    source = written(tmp_path / "p.yaml")
    (tmp_path / "p.yaml").chmod(0o444)
    with pytest.raises(UsageError, match="permission denied"):
        replace_text(source, "b\n")


def test_a_failure_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = written(tmp_path / "p.yaml")

    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pratique.runtime.file_changes.os.fsync", fails)
    with pytest.raises(UsageError, match="No space left"):
        replace_text(source, "b\n")
    assert (tmp_path / "p.yaml").read_text() == "a\n"
    assert [file.name for file in tmp_path.iterdir()] == ["p.yaml"]


@pytest.mark.parametrize(
    ("before", "after"),
    [("a\nb\nc\n", "a\nx\nc\n"), ("a", "b"), ("a\n", "a"), ("a", "a\nb\n"), ("é\n", "è\n")],
)
def test_git_applies_a_difference(tmp_path: Path, before: str, after: str) -> None:
    written(tmp_path / "p.yaml", before.encode())
    patch = unified(Source("p.yaml", before), Source("p.yaml", after))
    command = ["git", "apply", "-p0", "-"]
    subprocess.run(command, input=patch.encode(), cwd=tmp_path, check=True)
    assert (tmp_path / "p.yaml").read_text() == after
