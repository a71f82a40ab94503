from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pratique.grammar.errors import TransportError, UsageError
from pratique.grammar.limits import Limits
from pratique.runtime import revisions
from pratique.runtime.revisions import read_revision


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=dev", "-c", "user.email=dev@acme.example", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    git(root, "init", "-q", "-b", "main")
    policies = root / "policies/deep"
    policies.mkdir(parents=True)
    (root / "policies/a.yaml").write_text("a: 1\n")
    (policies / "b.yml").write_text("b: 1\n")
    (policies / "notes.txt").write_text("no policy\n")
    (root / "policies/kustomization.yaml").write_text("resources: []\n")
    (root / "policies/linked.yaml").symlink_to("deep/b.yml")
    (root / "policies/lost.yaml").symlink_to("/etc/hostname")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    (root / "policies/a.yaml").write_text("a: 2\n")
    (root / "policies/big.yaml").write_text("x" * 5000)
    (root / "policies/odd\nname.yaml").write_text("c: 1\n")
    git(root, "update-index", "--add", "--cacheinfo", "160000", "1" * 40, "policies/module.yaml")
    git(root, "add", "policies/a.yaml", "policies/big.yaml", "policies/odd\nname.yaml")
    git(root, "commit", "-q", "-m", "two")
    return root


def test_folders_are_read_as_they_were(repository: Path) -> None:
    found = read_revision("HEAD~1", ["policies"], folder=repository)
    assert [(s.name, s.text) for s in found.sources] == [
        ("HEAD~1:policies/a.yaml", "a: 1\n"),
        ("HEAD~1:policies/deep/b.yml", "b: 1\n"),
        ("HEAD~1:policies/linked.yaml", "b: 1\n"),
    ]
    assert found.notices == ("HEAD~1:policies/lost.yaml: links to no file of this revision",)
    assert not found.errors


def test_the_working_tree_plays_no_part(repository: Path) -> None:
    (found,) = read_revision("main", ["policies/a.yaml"], folder=repository).sources
    assert found.text == "a: 2\n"


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["deep"], ["deep/b.yml"]),
        (["../policies/a.yaml", "a.yaml"], ["a.yaml"]),
        (["deep/notes.txt"], ["deep/notes.txt"]),
        (["*.yaml"], ["a.yaml", "kustomization.yaml", "linked.yaml"]),
        (["../**/[ab].y*ml"], ["a.yaml", "deep/b.yml"]),
        (["../policies/d?ep/*"], ["deep/b.yml", "deep/notes.txt"]),
    ],
)
def test_names_from_a_subfolder(paths: list[str], names: list[str], repository: Path) -> None:
    found = read_revision("HEAD~1", paths, folder=repository / "policies")
    assert [source.name for source in found.sources] == [f"HEAD~1:{name}" for name in names]


def test_submodules_odd_names_and_large_files(repository: Path) -> None:
    found = read_revision("HEAD", ["policies"], folder=repository, limits=Limits(max_bytes=1000))
    assert "HEAD:policies/module.yaml: submodules are not entered" in found.notices
    assert {error.code for error in found.errors} == {"too-large", "unreadable-file"}
    assert "HEAD:policies/a.yaml" in [source.name for source in found.sources]


def test_a_path_that_is_not_there_is_a_notice(repository: Path) -> None:
    found = read_revision("HEAD", ["new"], folder=repository)
    assert not found.sources
    assert found.notices == ("HEAD:new: no such file, or no policy file in it",)


@pytest.mark.parametrize(
    "revision", ["--output=x", "-", "", "nowhere", "HEAD^{tree}", "HEAD\nmain", "HEAD..main", "HEAD:policies"]
)
def test_what_names_no_commit_is_refused(revision: str, repository: Path) -> None:
    with pytest.raises(UsageError):
        read_revision(revision, ["policies"], folder=repository)


def test_paths_outside_the_repository_are_refused(repository: Path) -> None:
    with pytest.raises(UsageError, match="outside"):
        read_revision("HEAD", ["../../etc"], folder=repository)


def test_no_repository_and_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(TransportError, match="no git repository"):
        read_revision("HEAD", ["x"], folder=tmp_path)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(TransportError, match="not installed"):
        read_revision("HEAD", ["x"], folder=tmp_path)


def test_limits_of_count_bytes_and_time(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revisions, "MAX_FILES", 1)
    (error,) = read_revision("HEAD", ["policies"], folder=repository).errors
    assert error.code == "too-many-files"
    monkeypatch.setattr(revisions, "MAX_FILES", 100)
    monkeypatch.setattr(revisions, "MAX_TOTAL_BYTES", 10)
    assert "too-large" in {e.code for e in read_revision("HEAD", ["policies"], folder=repository).errors}
    monkeypatch.setattr(revisions, "MAX_TREE_BYTES", 10)
    with pytest.raises(TransportError, match="more than"):
        read_revision("HEAD", ["policies"], folder=repository)
