from __future__ import annotations

from pathlib import Path

import pytest

from pratique.runtime.configuration.file_globs import FileGlob

FOLDER = Path("/work")


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("a.yaml", "/work/a.yaml", True),
        ("a.yaml", "/work/deep/er/a.yaml", True),
        ("a.yaml", "/work/b/xa.yaml", False),
        ("./b/a.yaml", "/work/b/a.yaml", True),
        ("b/a.yaml", "/work/c/b/a.yaml", False),
        ("/b/a.yaml", "/work/b/a.yaml", True),
        ("b/*.yaml", "/work/b/a.yaml", True),
        ("b/*.yaml", "/work/b/c/a.yaml", False),
        ("b/**", "/work/b/c/a.yaml", True),
        ("b/**/a.yaml", "/work/b/a.yaml", True),
        ("b/**/a.yaml", "/work/b/c/d/a.yaml", True),
        ("**/a.yaml", "/work/a.yaml", True),
        ("tests", "/work/x/tests/a.yaml", True),
        ("tests/", "/work/tests/b/a.yaml", True),
        ("tests/", "/work/mytests/a.yaml", False),
        ("a?.yaml", "/work/ab.yaml", True),
        ("a?.yaml", "/work/a/.yaml", False),
        ("a[b].yaml", "/work/a[b].yaml", True),
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
