"""The story this project was created from, told by the command line, and its bars."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STORY = ROOT / "policies/control-plane"
PRATIQUE = str(Path(sys.executable).with_name("pratique"))
ETCD = (
    "failed to verify image registry.k8s.io/etcd:3.5.6-0: .attestors[0].entries[0].keyless: subject mismatch:"
    " expected krel-trust@k8s-releng-prod.iam.gserviceaccount.com,"
    " received k8s-infra-gcr-promoter@k8s-artifacts-prod.iam.gserviceaccount.com"
)


def pratique(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PRATIQUE, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "control-plane"
    built = pratique("lab", "build", STORY / "lab.yaml", "-o", folder)
    assert built.returncode == 0, built.stderr
    return folder


def apply(policy: str, lab: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return pratique(
        "apply",
        STORY / policy,
        "-r",
        STORY / "resources.yaml",
        "--registry-layout",
        lab / "layout",
        "--trusted-root",
        lab / "trust/trusted_root.json",
        "--offline",
        *more,
    )


def test_first_policy_12_pass_1_fail_with_the_message(lab: Path) -> None:
    run = apply("first.yaml", lab)
    assert run.returncode == 1, run.stderr
    assert "pass: 12, fail: 1, warn: 0, error: 0, skip: 0" in run.stdout
    assert ETCD in run.stdout


def test_improved_policy_13_pass(lab: Path) -> None:
    run = apply("improved.yaml", lab)
    assert run.returncode == 0, run.stderr
    assert "pass: 13, fail: 0, warn: 0, error: 0, skip: 0" in run.stdout


@pytest.mark.parametrize(("policy", "failed"), [("first.yaml", [ETCD]), ("improved.yaml", [])])
def test_the_13_rows(lab: Path, policy: str, failed: list[str]) -> None:
    results = json.loads(apply(policy, lab, "-o", "json").stdout)["results"]
    kinds = sorted(r["resources"][0]["kind"] for r in results)
    assert kinds == ["DaemonSet", "Deployment", *["Pod"] * 10, "ReplicaSet"]
    assert [r["message"] for r in results if r["result"] == "fail"] == failed
    assert not any("kindnet" in json.dumps(r) for r in results), "kindnet Pods give no row"
    for result in results:
        generated = result["resources"][0]["kind"] != "Pod"
        assert result["rule"].startswith("autogen-") is generated
        assert result["policy"] == "kube-system/verify-k8s-images"


def test_as_printed_nothing_is_checked_and_lint_says_why(lab: Path) -> None:
    run = apply("as-printed.yaml", lab)
    assert run.returncode == 0
    assert "pass: 0, fail: 0, warn: 0, error: 0, skip: 0" in run.stdout
    lint = pratique("lint", STORY / "as-printed.yaml")
    assert lint.returncode == 1
    assert "PRQ001" in lint.stdout
    assert "registry.k8s.io/" in lint.stdout
    assert "registry.k8s.io/*" in lint.stdout


@pytest.mark.parametrize("policy", ["first.yaml", "improved.yaml"])
def test_the_working_policies_lose_no_star(policy: str) -> None:
    assert "PRQ001" not in pratique("lint", STORY / policy).stdout


def test_another_trust_root_believes_nothing(lab: Path) -> None:
    run = pratique(
        "apply", STORY / "improved.yaml", "-r", STORY / "resources.yaml",
        "--registry-layout", lab / "layout", "--offline",
    )  # fmt: skip
    assert run.returncode == 1
    assert "pass: 0, fail: 13, warn: 0, error: 0, skip: 0" in run.stdout


def test_demo() -> None:
    run = subprocess.run(
        [sys.executable, STORY / "demo.py"], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert "pass: 12, fail: 1" in run.stdout
    assert "pass: 13, fail: 0" in run.stdout
    assert "PRQ001" in run.stdout
