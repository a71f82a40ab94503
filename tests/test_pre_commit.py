"""The hooks that `.pre-commit-hooks.yaml` offers."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.runtime.cli import main
from tests.conftest import ROOT
from tests.support_lint import patterns, policy_text

HOOKS = ROOT / ".pre-commit-hooks.yaml"
LOST = policy_text(patterns("registry.k8s.io/"))


def hooks() -> dict[str, dict[str, Any]]:
    return {hook["id"]: hook for hook in yaml.safe_load(HOOKS.read_text())}


def run(name: str, *files: Path) -> int:
    program, *arguments = shlex.split(hooks()[name]["entry"])
    assert program == "pratique"
    return main([*arguments, *map(str, files)])


def test_hooks_have_what_is_demanded() -> None:
    assert set(hooks()) == {"pratique-lint", "pratique-lint-fix"}
    for hook in hooks().values():
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert hook["language"] == "python"


@pytest.mark.skipif(not importlib.util.find_spec("pre_commit"), reason="pip install pre-commit")
def test_pre_commit_takes_the_hooks() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_lint_hook_fails_for_findings_only(tmp_path: Path) -> None:
    policy, chart = tmp_path / "p.yaml", tmp_path / "chart.yaml"
    policy.write_text(LOST)
    chart.write_text("{{ if .Values.x }}\na: [\n")
    assert run("pratique-lint", policy, chart) == 1
    assert run("pratique-lint", chart) == 0
    policy.write_text(LOST.replace("k8s.io/", "k8s.io/*"))
    assert run("pratique-lint", policy, chart) == 0


def test_a_fixing_hook_mends_policies_and_leaves_the_others_alone(tmp_path: Path) -> None:
    policy, chart = tmp_path / "p.yaml", tmp_path / "chart.yaml"
    policy.write_text(LOST)
    chart.write_text("{{ if .Values.x }}\na: [\n")
    assert run("pratique-lint-fix", policy, chart) == 0
    assert policy.read_text() == LOST.replace("k8s.io/", "k8s.io/*")
    assert chart.read_text() == "{{ if .Values.x }}\na: [\n"
