"""A real API server for tests: that of $KUBECONFIG, or a control plane on loopback, brought up once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CONTROL_PLANE = Path(__file__).parents[2] / "shared/cluster/cluster.py"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "kube-loopback"


def kubeconfig() -> Path:
    """The kubeconfig of a cluster that tests may write to; skips where there is none."""
    if given := os.environ.get("KUBECONFIG"):
        return Path(given)
    if not CONTROL_PLANE.exists():
        pytest.skip("no cluster: set KUBECONFIG to one that tests may write to")
    if not any(CACHE.glob("v*")) and not shutil.which("go"):
        pytest.skip("no cluster: the control plane is not built, and Go is not there to build it")
    command = [str(CONTROL_PLANE.with_name("up")), "--name", "pratique-e2e", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    if done.returncode:
        pytest.skip(f"the control plane does not start: {done.stderr[-300:]}")
    return Path(json.loads(done.stdout)["kubeconfig"])
