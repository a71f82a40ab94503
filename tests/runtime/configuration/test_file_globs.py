from __future__ import annotations

from pathlib import Path

import pytest

from pratique.runtime.configuration.file_globs import FileGlob

FOLDER = Path("/shop")


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("a.yaml", "/shop/a.yaml", True),
        ("a.yaml", "/shop/deep/er/a.yaml", True),
        ("a.yaml", "/shop/b/xa.yaml", False),
        ("./b/a.yaml", "/shop/b/a.yaml", True),
        ("b/a.yaml", "/shop/c/b/a.yaml", False),
        ("/b/a.yaml", "/shop/b/a.yaml", True),
        ("b/*.yaml", "/shop/b/a.yaml", True),
        ("b/*.yaml", "/shop/b/c/a.yaml", False),
        ("b/**", "/shop/b/c/a.yaml", True),
        ("b/**/a.yaml", "/shop/b/a.yaml", True),
        ("b/**/a.yaml", "/shop/b/c/d/a.yaml", True),
        ("**/a.yaml", "/shop/a.yaml", True),
        ("tests", "/shop/x/tests/a.yaml", True),
        ("tests/", "/shop/tests/b/a.yaml", True),
        ("tests/", "/shop/mytests/a.yaml", False),
        ("a?.yaml", "/shop/ab.yaml", True),
        ("a?.yaml", "/shop/a/.yaml", False),
        ("a[b].yaml", "/shop/a[b].yaml", True),
        ("*.yaml", "/elsewhere/a.yaml", True),
        ("b/*.yaml", "/elsewhere/b/a.yaml", False),
    ],
)
def test_what_a_glob_means(glob: str, path: str, matches: bool) -> None:
    assert FileGlob(glob, FOLDER).matches(path) is matches


def test_names_are_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert FileGlob("sub/a.yaml", tmp_path).matches("sub/a.yaml")
    assert FileGlob("a.yaml", tmp_path / "sub").matches("sub/a.yaml")
