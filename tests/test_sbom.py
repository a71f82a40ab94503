"""The list of materials: what an installation is made of, and nothing of what it is made with."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pratique.grammar import __version__
from tests.conftest import ROOT

TOOL = re.compile(r"cyclonedx-bom>=[\d.,<]+")


def normal(name: str) -> str:
    """Return the normalised name of a package (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=! \[;]", name, maxsplit=1)[0]).lower()


def test_one_tool_makes_it_everywhere() -> None:
    files = [ROOT / name for name in ("dev.py", "Dockerfile", "docs/delivery.md")]
    assert len({tool for file in files for tool in TOOL.findall(file.read_text(encoding="utf-8"))}) == 1


@pytest.mark.network
def test_it_lists_every_dependency_and_no_tool(tmp_path: Path) -> None:
    file = tmp_path / "sbom.cdx.json"
    command = [sys.executable, str(ROOT / "dev.py"), "sbom", str(file)]
    subprocess.run(command, check=True, timeout=600)  # the tool validates what it writes
    text = file.read_text(encoding="utf-8")
    data = json.loads(text)
    assert (data["bomFormat"], data["specVersion"]) == ("CycloneDX", "1.6")
    component = data["metadata"]["component"]
    assert (component["name"], component["version"]) == ("pratique", __version__)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = {normal(each["name"]) for each in data["components"]}
    assert {normal(each) for each in project["dependencies"]} <= listed
    assert not {normal(each) for each in project["optional-dependencies"]["dev"]} & listed
    assert all(each["purl"].startswith("pkg:pypi/") and each["version"] for each in data["components"])
    assert str(ROOT) not in text
    assert str(tmp_path) not in text
