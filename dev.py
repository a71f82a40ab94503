#!/usr/bin/env python3
"""One entry to every development task; needs only Python and pip.

python3 dev.py demo        set up, then run the main job: the story of policies/control-plane, offline
python3 dev.py check       set up, then format, lint, layers, types and tests
python3 dev.py fix         format and apply safe lint fixes
python3 dev.py test ...    pytest with the given arguments
python3 dev.py e2e ...     tests on a Kubernetes API server: that of $KUBECONFIG, or one on loopback
python3 dev.py bench ...   measure the budgets (names of benchmarks, or none for all)
python3 dev.py fuzz ...    spoil inputs of parsers (seconds, names of parsers), keep what they trip over
python3 dev.py sbom FILE   list what an installation is made of (CycloneDX 1.6), validated
python3 dev.py oracles ... compare decision procedures with oracles (questions of each, words of their names)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"

STEPS: dict[str, list[list[str]]] = {
    "demo": [["python", "policies/control-plane/demo.py"]],
    "fix": [["ruff", "check", "--fix"], ["ruff", "format"]],
    "test": [["pytest"]],
    "e2e": [["pytest", "-m", "e2e", "-rs", "tests/e2e"]],
    "bench": [["python", "-m", "tests.bench"]],
    "fuzz": [["python", "-m", "tests.fuzz"]],
    "oracles": [["python", "-m", "tests.oracles"]],
    "check": [
        ["ruff", "format", "--check"],
        ["ruff", "check"],
        ["lint-imports"],
        ["mypy"],
        ["pytest", "-n", "auto"],
    ],
}


def scripts_dir() -> Path:
    """Return the folder of scripts, after installing the project if pyproject.toml is newer.

    An active virtual environment is used as it is; otherwise `.venv` is made.
    """
    home = Path(sys.prefix) if sys.prefix != sys.base_prefix else VENV
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    if not scripts.exists():
        print("$ python3 -m venv .venv", flush=True)
        venv.create(home, with_pip=True)
    stamp = home / ".pratique-installed"
    if not stamp.exists() or stamp.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        print("$ pip install --editable .[dev]", flush=True)
        pip = [str(scripts / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--editable", ".[dev]"], cwd=ROOT, check=True)
        stamp.touch()
    # As pip does for packages it copies: an editable install would otherwise be compiled at every start
    # wherever Python is told not to write byte code.
    folders = ["grammar", "compiler", "runtime"]
    subprocess.run([str(scripts / "python"), "-m", "compileall", "-q", *folders], cwd=ROOT, check=True)
    return scripts


def sbom(file: str) -> int:
    """Install the project and nothing else into an environment of its own, and describe that.

    Wheels alone are installed: nothing that is downloaded is executed but the tool itself.
    """
    init = (ROOT / "grammar/pratique/grammar/__init__.py").read_text(encoding="utf-8")
    [version] = re.findall(r'^__version__ = "([^"]+)"$', init, re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        scripts = "Scripts" if os.name == "nt" else "bin"
        venv.create(home / "tools", with_pip=True)
        venv.create(home / "described")
        tools, described = home / "tools" / scripts, home / "described" / scripts / "python"
        # The version is read from the code by the build, which the tool does not do.
        root = home / "pyproject.toml"
        root.write_text(project.replace('dynamic = ["version"]', f'version = "{version}"'), encoding="utf-8")
        pip = [str(tools / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        own = ["--python", str(described), "install", "--only-binary=:all:", str(ROOT)]
        output = [
            "--output-reproducible",
            "--output-format",
            "JSON",
            "--output-file",
            str(Path(file).resolve()),
        ]
        for command in (
            [*pip, "install", "cyclonedx-bom>=7,<8"],
            [*pip, *own],
            [str(tools / "cyclonedx-py"), "environment", "--pyproject", str(root), *output, str(described)],
        ):
            code = subprocess.run(command, check=False).returncode
            if code:
                return code
    return 0


def main(argv: list[str]) -> int:
    """Run the steps of one task; stop at the first that fails."""
    if argv[:1] == ["sbom"] and len(argv) == 2:
        return sbom(argv[1])
    if not argv or argv[0] not in STEPS:
        print(__doc__)
        return 2
    scripts = scripts_dir()
    for step in STEPS[argv[0]]:
        command = [*step, *argv[1:]]
        print("$", " ".join(command), flush=True)
        code = subprocess.run([str(scripts / command[0]), *command[1:]], cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
