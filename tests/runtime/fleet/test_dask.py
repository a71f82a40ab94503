from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.fleet.dask import on_dask
from pratique.runtime.fleet.judge import JudgeOptions
from pratique.runtime.secrets import Secret, Secrets
from tests.support_fleet import LABELLED, pod, policies

PRATIQUE = str(Path(sys.executable).with_name("pratique"))
OPTIONS = JudgeOptions(policies=policies(LABELLED))

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="needs Dask: pip install 'pratique[dask]'"
)


def test_without_dask_the_way_to_get_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'pratique\[dask\]'"):
        on_dask("local", OPTIONS)


def test_secrets_do_not_go_over_open_lines() -> None:
    secrets = Secrets({("a", "b"): Secret(type="Opaque", data={})})
    with pytest.raises(UsageError, match="over tls:// only"):
        on_dask("tcp://127.0.0.1:1", JudgeOptions(policies=OPTIONS.policies, secrets=secrets))


@needs_dask
def test_workers_of_dask_find_what_this_process_finds(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(LABELLED)
    pods = [pod(f"p{n}", f"a:{n % 50}", team="t" if n % 2 else "") for n in range(200)]
    (tmp_path / "pods.json").write_text("".join(json.dumps(each) + "\n" for each in pods))
    command = [PRATIQUE, "scan", "policy.yaml", "--inventory", "pods.json", "-o", "json"]
    here, there = (
        subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, timeout=300, check=False)
        for more in ([], ["--dask", "local"])
    )
    assert (there.returncode, there.stderr, there.stdout) == (1, b"", here.stdout)


@needs_dask
def test_a_scheduler_that_does_not_answer_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(LABELLED)
    (tmp_path / "pods.json").write_text(json.dumps(pod("a")))
    command = [PRATIQUE, "scan", "policy.yaml", "--inventory", "pods.json", "--dask", "tcp://127.0.0.1:9"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300, check=False)
    assert done.returncode == 3
    assert b"tcp://127.0.0.1:9: no Dask scheduler answers" in done.stderr
