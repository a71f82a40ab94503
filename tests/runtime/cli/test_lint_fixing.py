from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from pratique.runtime.cli import main
from tests.support_lint import patterns, policy_text

Capture = pytest.CaptureFixture[str]

LOST = policy_text(patterns("registry.k8s.io/")).replace("metadata:", "metadata: # of the talk")
MENDED = LOST.replace("k8s.io/", "k8s.io/*")


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    path = tmp_path / "lost.yaml"
    path.write_text(LOST)
    return path


def given(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_files_are_mended(lost: Path, capsys: Capture) -> None:
    assert main(["lint", "--fix", str(lost)]) == 0
    assert lost.read_text() == MENDED
    assert capsys.readouterr().out == "1 finding fixed, no findings in 1 policy, 1 rule\n"
    assert main(["lint", "--fix", str(lost)]) == 0
    assert lost.read_text() == MENDED


def test_what_is_left_counts(lost: Path, capsys: Capture) -> None:
    unsafe = policy_text(patterns("ghcr.io/acme*")).replace("name: example", "name: other")
    lost.write_text(f"{LOST}---\n{unsafe}")
    assert main(["lint", "--fix", str(lost), "-o", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [found["code"] for found in report["findings"]] == ["PRQ005"]
    assert [found["code"] for found in report["fixed"]] == ["PRQ001"]
    assert main(["lint", "--fix", "--unsafe-fixes", str(lost)]) == 0
    assert lost.read_text() == f"{MENDED}---\n{unsafe.replace('acme*', 'acme/*')}"


def test_a_difference_changes_nothing(lost: Path, capsys: Capture) -> None:
    assert main(["lint", "--diff", str(lost)]) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"--- {lost}\n+++ {lost}\n@@ -13,4 +13,4 @@\n")
    assert '-      - "registry.k8s.io/"\n+      - "registry.k8s.io/*"\n' in out
    assert err == "1 finding would be fixed\n"
    assert lost.read_text() == LOST
    assert main(["lint", "--diff", "--exit-zero", str(lost)]) == 0
    capsys.readouterr()
    lost.write_text(MENDED)
    assert main(["lint", "--diff", "--fix", "-q", str(lost)]) == 0
    assert capsys.readouterr() == ("", "")


def test_colours_of_a_difference(lost: Path, capsys: Capture) -> None:
    main(["lint", "--diff", "--color", "always", str(lost)])
    assert "\x1b[32m+      - " in capsys.readouterr().out


def test_mistakes_count_more_than_changes(lost: Path) -> None:
    lost.write_text(f"{LOST}---\na: [\n")
    assert main(["lint", "--diff", str(lost)]) == 2
    assert main(["lint", "--fix", str(lost)]) == 2
    assert lost.read_text() == f"{MENDED}---\na: [\n"


def test_standard_input_is_printed_mended(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    given(LOST, monkeypatch)
    assert main(["lint", "--fix", "-"]) == 0
    out, err = capsys.readouterr()
    assert out == MENDED
    assert err == "1 finding fixed, no findings in 1 policy, 1 rule\n"
    given(MENDED, monkeypatch)
    assert main(["lint", "--fix", "-"]) == 0
    assert capsys.readouterr().out == MENDED
    given(LOST, monkeypatch)
    assert main(["lint", "--diff", "-"]) == 1
    assert capsys.readouterr().out.startswith("--- <stdin>\n+++ <stdin>\n")


def test_standard_input_is_mended_alone(lost: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    given(LOST, monkeypatch)
    assert main(["lint", "--fix", "-", str(lost)]) == 2
    assert "standard input is fixed alone" in capsys.readouterr().err
    assert lost.read_text() == LOST


def test_unsafe_fixes_need_to_be_told_what_to_do(lost: Path, capsys: Capture) -> None:
    assert main(["lint", "--unsafe-fixes", str(lost)]) == 2
    assert "--unsafe-fixes goes with --fix or --diff" in capsys.readouterr().err


def test_what_cannot_be_written_is_said_and_the_others_are_mended(
    lost: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(LOST.replace("name: example", "name: other"))
    real = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if target.name == "lost.yaml":
            raise PermissionError(13, "Permission denied")
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    assert main(["lint", "--fix", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"pratique: {lost} cannot be written: Permission denied\n"
    assert "k8s.io/*" in other.read_text()
    assert lost.read_text() == LOST


def test_settings_hold_for_fixes(lost: Path, tmp_path: Path) -> None:
    (tmp_path / "pratique.toml").write_text("[lint]\nignore = ['PRQ001']\n")
    assert main(["lint", "--fix", str(lost)]) == 0
    assert lost.read_text() == LOST
