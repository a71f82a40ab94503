"""ClusterImagePolicies on the command line: lint, explain, diff, apply, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pratique.runtime.cli import main
from tests.support_sigstore import keyless, written

Capture = pytest.CaptureFixture[str]

LAB = """\
signers:
  dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
images:
  - image: ghcr.io/acme/app:v1
    signatures: [dev]
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: app, namespace: shop}
spec: {containers: [{name: c, image: "ghcr.io/acme/app:v1"}]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("dev.yaml").write_text(written(keyless("dev@acme.example"), images=["ghcr.io/acme/*"]))
    Path("ops.yaml").write_text(written(keyless("ops@acme.example"), images=["ghcr.io/acme/*"]))
    Path("both.yaml").write_text(
        written(keyless("ops@acme.example"), keyless("dev@acme.example"), images=["ghcr.io/acme/*"])
    )
    Path("pod.yaml").write_text(POD)
    Path("lab.yaml").write_text(LAB)
    return tmp_path


def test_apply(folder: Path, capsys: Capture) -> None:
    assert main(["lab", "build", "lab.yaml", "-o", "lab"]) == 0
    there = ["--registry-layout", "lab/layout", "--trusted-root", "lab/trust/trusted_root.json", "--offline"]
    assert main(["apply", "dev.yaml", "-r", "pod.yaml", *there]) == 0
    assert main(["apply", "ops.yaml", "-r", "pod.yaml", *there]) == 1
    out = capsys.readouterr().out
    assert (
        "1 - p failed to verify image ghcr.io/acme/app:v1: .authorities[0].keyless: subject mismatch" in out
    )


def test_diff(folder: Path, capsys: Capture) -> None:
    assert main(["diff", "dev.yaml", "dev.yaml"]) == 0
    assert main(["diff", "dev.yaml", "both.yaml"]) == 1
    out = capsys.readouterr().out
    assert "newly admitted: ghcr.io/acme/*, without ghcr.io/acme/*/*, signed by ops@acme.example" in out


def test_explain(folder: Path, capsys: Capture) -> None:
    assert main(["explain", "dev.yaml", "-r", "pod.yaml"]) == 0
    out = capsys.readouterr().out
    assert "but none that match `ghcr.io/acme/*/*`" in out
    assert "shop/Pod/app: 1 rule applies" in out


def test_a_saved_plan(folder: Path, capsys: Capture) -> None:
    assert main(["explain", "dev.yaml", "--save-plan", "plan.json"]) == 0
    assert main(["apply", "--plan", "plan.json", "-r", "pod.yaml", "--offline"]) == 3
    assert "p " in capsys.readouterr().out


def test_lint(folder: Path, capsys: Capture) -> None:
    Path("wide.yaml").write_text(
        written("{keyless: {identities: [{issuerRegExp: '.*', subject: dev@acme.example}]}}")
    )
    assert main(["lint", "dev.yaml"]) == 0
    assert main(["lint", "wide.yaml"]) == 1
    assert "wide.yaml:6:41: PRQ023 [error, witness]" in capsys.readouterr().out


def test_what_is_refused_has_its_place(folder: Path, capsys: Capture) -> None:
    Path("cue.yaml").write_text(written(keyless("a"), more="  policy: {type: cue, data: x}\n"))
    for command in (["lint", "cue.yaml"], ["apply", "cue.yaml", "-r", "pod.yaml"], ["explain", "cue.yaml"]):
        assert main(command) in (1, 2)
        told = capsys.readouterr()
        assert "cue.yaml:7:11: " in told.out + told.err
        assert "programs in CUE and Rego cannot be run by this version" in told.out + told.err
