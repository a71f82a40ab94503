from __future__ import annotations

import os
from pathlib import Path

import pytest

from pratique.compiler import ir
from pratique.runtime.language_server import neighbours
from pratique.runtime.language_server.neighbours import Neighbours
from pratique.runtime.policy_files import concerns_policies
from tests.support_lint import patterns, policy_text

POLICY = policy_text(patterns("ghcr.io/acme/*"))


def write(folder: Path, name: str, text: str = POLICY) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def names(found: dict[str, tuple[ir.Policy, ...]], folder: Path) -> list[str]:
    return [str(Path(name).relative_to(folder)) for name in found]


def test_policies_of_a_folder_are_found_by_file(tmp_path: Path) -> None:
    for name in (
        "b/c.yml",
        "a.yaml",
        "d.json",
        "kustomization.yaml",
        ".git/x.yaml",
        "node_modules/x.yaml",
        "n.txt",
    ):
        write(tmp_path, name)
    write(tmp_path, "service.yaml", "apiVersion: v1\nkind: Service\n")
    write(tmp_path, "broken.yaml", "apiVersion: kyverno.io/v1\nkind: [")
    found = Neighbours().policies(tmp_path)
    assert names(found, tmp_path) == ["a.yaml", "d.json", "b/c.yml"]
    assert all(policy.name == "example" for policies in found.values() for policy in policies)


def test_only_files_that_changed_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = neighbours._read

    def reading(path: str) -> tuple[ir.Policy, ...]:
        read.append(Path(path).name)
        return original(path)

    monkeypatch.setattr(neighbours, "_read", reading)
    write(tmp_path, "a.yaml")
    changed = write(tmp_path, "b.yaml")
    gone = Path(write(tmp_path, "c.yaml"))
    beside = Neighbours()
    beside.policies(tmp_path)
    assert read == ["a.yaml", "b.yaml", "c.yaml"]
    write(tmp_path, "b.yaml", POLICY.replace("name: example", "name: other"))
    gone.unlink()
    assert names(beside.policies(tmp_path), tmp_path) == ["a.yaml", "b.yaml", "c.yaml"]
    beside.look_again()
    found = beside.policies(tmp_path)
    assert read == ["a.yaml", "b.yaml", "c.yaml", "b.yaml"]
    assert names(found, tmp_path) == ["a.yaml", "b.yaml"]
    assert found[changed][0].name == "other"


def test_what_is_too_much_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        write(tmp_path, name)
    for bound, kept, what in (
        ("MAX_POLICIES", ["a.yaml", "b.yaml"], "more than 2 policies"),
        ("MAX_FILES", ["a.yaml", "b.yaml"], "more than 2 YAML files"),
        ("MAX_ENTRIES", [], "more than 2 files"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(neighbours, bound, 2)
            beside = Neighbours()
            assert names(beside.policies(tmp_path), tmp_path) == kept
            assert what in beside.notice


def test_large_files_and_pipes_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "large.yaml", POLICY + "#" * 100)
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nothing")
    monkeypatch.setattr(neighbours, "MAX_BYTES", len(POLICY))
    assert Neighbours().policies(tmp_path) == {}


def test_a_folder_that_is_not_there_has_no_policies(tmp_path: Path) -> None:
    assert Neighbours().policies(tmp_path / "nothing") == {}


def test_texts_without_policies_are_told_apart() -> None:
    assert concerns_policies(POLICY)
    assert not concerns_policies("apiVersion: v1\nkind: Service\n")
