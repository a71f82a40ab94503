from __future__ import annotations

from pathlib import Path

import pytest
from pygls.uris import to_fs_path

from pratique.compiler.lint.base import catalogue
from pratique.runtime.language_server.rule_pages import write_pages


def test_every_rule_has_a_page(tmp_path: Path) -> None:
    pages = write_pages(tmp_path / "a folder")
    assert list(pages) == [rule.code for rule in catalogue()]
    path = Path(to_fs_path(pages["PRQ001"]) or "")
    assert path.read_text().startswith("# PRQ001 image-pattern-matches-nothing\n")


def test_pages_are_written_where_they_differ_only(tmp_path: Path) -> None:
    write_pages(tmp_path)
    old, same = tmp_path / "rules/PRQ001.md", tmp_path / "rules/PRQ002.md"
    before = same.stat().st_mtime_ns
    old.write_text("of an older version")
    write_pages(tmp_path)
    assert old.read_text().startswith("# PRQ001")
    assert same.stat().st_mtime_ns == before
    assert all(path.suffix == ".md" and path.name[0] != "." for path in (tmp_path / "rules").iterdir())


def test_without_a_folder_there_are_no_pages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert write_pages(None) == {}
    (tmp_path / "rules").write_text("not a folder")
    assert write_pages(tmp_path) == {}
    assert "no links to manual pages" in caplog.text
