"""Real Helm for tests: that of PATH, or the one beside the control plane for tests where it is at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support_cluster import CACHE

ROOT = Path(__file__).parents[1]
CHART = ROOT / "runtime/chart"
IMAGE = "registry.example/pratique"
POLICY = ROOT / "policies/kubernetes/policy.yaml"
LEAST = ("--set", f"image.repository={IMAGE}")
"""What the chart cannot do without."""
FILES = ("--set-file", f"policies.files.kubernetes={POLICY}")

Manifest = dict[str, Any]


def helm() -> str:
    """Return the program; skips where there is none."""
    found = shutil.which("helm") or next(map(str, sorted(CACHE.glob("helm-*/helm"))), None)
    if not found:
        pytest.skip("Helm is not there: put helm on PATH")
    return found


def run_helm(
    *arguments: str, home: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Helm with a home of its own."""
    folders = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    command = [helm(), *arguments]
    environment = {**os.environ, **folders, **(env or {})}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)


def rendered(home: Path, *arguments: str, release: str = "pratique", where: str = "pratique") -> str:
    """Return what the chart becomes."""
    done = run_helm("template", release, str(CHART), "-n", where, *arguments, home=home)
    assert done.returncode == 0, done.stderr
    return done.stdout


def manifests(home: Path, *arguments: str, **names: str) -> list[Manifest]:
    """Return the objects that the chart becomes, with the least it needs."""
    return [each for each in yaml.safe_load_all(rendered(home, *LEAST, *arguments, **names)) if each]


def of_kind(objects: Sequence[Manifest], kind: str) -> list[Manifest]:
    """Return the objects of a kind."""
    return [each for each in objects if each["kind"] == kind]


def pods(objects: Sequence[Manifest]) -> Iterator[Manifest]:
    """Yield the specifications of all Pods."""
    for each in objects:
        if each["kind"] == "Pod":
            yield each["spec"]
        elif "template" in (each.get("spec") or {}):
            yield each["spec"]["template"]["spec"]
