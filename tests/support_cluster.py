"""A real API server for tests: that of $KUBECONFIG, or a control plane on loopback, made and ended here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CONTROL_PLANE = Path(__file__).parents[2] / "shared/cluster/cluster.py"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "kube-loopback"
BUILD_SECONDS = 1200


@contextlib.contextmanager
def kubeconfig() -> Iterator[Path]:
    """Give the kubeconfig of a cluster that tests may write to; skips where there is none."""
    if given := os.environ.get("KUBECONFIG"):
        yield Path(given)
        return
    if not CONTROL_PLANE.exists():
        pytest.skip("no cluster: set KUBECONFIG to one that tests may write to")
    if not any(CACHE.glob("v*")) and not shutil.which("go"):
        pytest.skip("no cluster: the control plane is not built, and Go is not there to build it")
    # Each run has a cluster of its own: it ends what it started, and nothing else.
    name = f"pratique-{os.getpid()}"
    try:
        done = subprocess.run(
            [str(CONTROL_PLANE.with_name("up")), "--name", name, "--json"],
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            env={**os.environ, "XDG_CACHE_HOME": str(CACHE.parent)},  # tests have a folder of their own
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(
            f"the control plane is not built within {BUILD_SECONDS} s; the next run goes on from there"
        )
    if done.returncode:
        pytest.skip(f"the control plane does not start: {done.stderr[-300:]}")
    try:
        yield Path(json.loads(done.stdout)["kubeconfig"])
    finally:
        down = [str(CONTROL_PLANE.with_name("down")), "--name", name]
        subprocess.run(down, capture_output=True, timeout=60, check=False)


class Kubectl:
    """Calls kubectl as people do."""

    def __init__(self, kubeconfig: Path) -> None:
        """Take the cluster; skips where there is no kubectl."""
        built = next((str(path) for path in CACHE.glob("v*/kubectl")), "")
        found = built or shutil.which("kubectl")
        if not found:
            pytest.skip("no kubectl on the PATH")
        self._command = [found, "--kubeconfig", str(kubeconfig)]

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Return what kubectl says, whatever it does."""
        command = [*self._command, *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Return what kubectl prints, which must not fail."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout
