"""Suites about ClusterImagePolicies: a row for each policy, named after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pratique.runtime.cli import main
from tests.support_sigstore import keyless, written

LAB = """\
signers:
  dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
images:
  - image: ghcr.io/acme/signed:v1
    signatures: [dev]
  - image: ghcr.io/acme/unsigned:v1
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec: {containers: [{name: c, image: "ghcr.io/acme/%s:v1"}]}
"""
SUITE = """\
apiVersion: cli.kyverno.io/v1alpha1
kind: Test
metadata: {name: t}
policies: [policy.yaml]
resources: [resources.yaml]
results:
- {policy: p, rule: p, resources: [signed], kind: Pod, result: pass}
- {policy: p, rule: p, resources: [unsigned], kind: Pod, result: %s}
"""


@pytest.mark.parametrize(("expected", "code"), [("fail", 0), ("pass", 1)])
def test_a_suite(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    expected: str,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lab.yaml").write_text(LAB)
    Path("policy.yaml").write_text(written(keyless("dev@acme.example"), images=["ghcr.io/acme/*"]))
    Path("resources.yaml").write_text("---\n".join(POD % (name, name) for name in ("signed", "unsigned")))
    Path("kyverno-test.yaml").write_text(SUITE % expected)
    assert main(["test", "."]) == code
    wrong = 1 - (code == 0)
    summary = f"Test Summary: {2 - wrong} tests passed and {wrong} tests failed"
    assert summary in capsys.readouterr().out
