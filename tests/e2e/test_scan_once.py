"""`pratique scan --cluster` on a real API server, and the Indexed Job whose Pods are processes here."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.runtime.kubernetes.settings import ClusterSettings
from tests.support_cluster import Kubectl
from tests.support_serve import APP, BAD, OTHER, images

pytestmark = pytest.mark.e2e

PRATIQUE = str(Path(sys.executable).with_name("pratique"))
POLICY = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: once}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod], namespaces: [scan-once]}}]}
      verifyImages:
        - imageReferences: ["ghcr.io/acme/*"]
          mutateDigest: false
          attestors:
            - entries:
                - keyless:
                    issuer: https://accounts.google.com
                    subject: dev@acme.example
                    rekor: {url: https://rekor.sigstore.dev}
"""


def pod(name: str, image: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "scan-once"},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


@pytest.fixture(scope="module", autouse=True)
def objects(kubectl: Kubectl) -> None:
    """Bring a Deployment and more Pods than a page has into the cluster."""
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "scan-once"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": pod("x", BAD)["spec"]},
        },
    }
    found = [pod(f"p{n:03}", (APP, BAD, OTHER)[n % 3]) for n in range(510)]
    kubectl("create", "namespace", "scan-once")
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [deployment, *found]})
    kubectl("apply", "--server-side", "-f", "-", stdin=text)


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PRATIQUE, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )


def test_a_cluster_is_scanned_as_its_dump_is(
    tmp_path: Path, kubeconfig_file: Path, kubectl: Kubectl, lab: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    more = [*images(lab), "-o", "json"]
    scanned = run(tmp_path, "scan", "policy.yaml", "--kubeconfig", str(kubeconfig_file), *more)
    assert scanned.returncode == 1, scanned.stderr
    found = json.loads(scanned.stdout)
    assert found["summary"] == {"pass": 340, "fail": 172, "warn": 0, "error": 0, "skip": 0}
    kinds = {row["resource"]["kind"] for row in found["rows"]}
    assert kinds == {"Pod", "Deployment", "ReplicaSet"}
    # In the order in which the scan asks for the types.
    dump = kubectl("get", "deployments,pods,replicasets", "-n", "scan-once", "-o", "json")
    (tmp_path / "dump.json").write_text(dump)
    dumped = run(tmp_path, "scan", "policy.yaml", "--inventory", "dump.json", *more)
    assert dumped.stdout == scanned.stdout


def test_the_pods_of_an_indexed_job_have_the_rights_they_need(
    tmp_path: Path, kubectl: Kubectl, settings: ClusterSettings, lab: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    root = str(lab / "trust/trusted_root.json")
    made = run(
        tmp_path,
        *("scan", "policy.yaml", "--job-manifest", "--job-image", "ghcr.io/acme/pratique@sha256:" + "0" * 64),
        *("--job-shards", "3", "--job-name", "once", "--job-namespace", "scan-once-job"),
        *("--trusted-root", root),
    )
    assert made.returncode == 0, made.stderr
    kubectl("create", "namespace", "scan-once-job")
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    kubectl("label", "namespace", "scan-once-job", restricted)
    assert "Warning" not in kubectl.run("apply", "-f", "-", stdin=made.stdout).stderr
    shards, merge = (
        json.loads(kubectl("get", "job", name, "-n", "scan-once-job", "-o", "json"))
        for name in ("once", "once-merge")
    )
    (tmp_path / "etc").mkdir()
    (tmp_path / "state").mkdir()
    config = json.loads(kubectl("get", "configmap", "once", "-n", "scan-once-job", "-o", "json"))
    for name, text in config["data"].items():
        (tmp_path / "etc" / name).write_text(text)
    account = _account(tmp_path, kubectl, settings)

    def here(job: dict[str, Any]) -> list[str]:
        there = {"--cluster": f"--kubeconfig={account}"}
        arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
        found = [there.get(each, each) for each in arguments]
        found = [each.replace("/etc/pratique", str(tmp_path / "etc")) for each in found]
        return [each.replace("/state", str(tmp_path / "state")) for each in found]

    layout = ["--registry-layout", str(lab / "layout"), "--offline"]
    for index in range(3):
        done = run(tmp_path, *here(shards), *layout, JOB_COMPLETION_INDEX=str(index))
        assert done.returncode == 0, done.stderr
    merged = run(tmp_path, *here(merge))
    assert merged.returncode == 0, merged.stderr
    assert "pass: 340, fail: 172, warn: 0, error: 0, skip: 0" in merged.stdout
    assert json.loads((tmp_path / "state/report.json").read_text())["totals"]["images"] == 3
    # And no more rights than that.
    can = ["auth", "can-i", "--as=system:serviceaccount:scan-once-job:once"]
    assert kubectl.run(*can, "list", "pods", "-n", "scan-once").stdout.strip() == "yes"
    for words in (
        ["list", "pods"],
        ["get", "secrets", "-n", "scan-once"],
        ["create", "pods", "-n", "scan-once"],
    ):
        assert kubectl.run(*can, *words).stdout.strip() == "no"


def _account(folder: Path, kubectl: Kubectl, settings: ClusterSettings) -> Path:
    token = kubectl("create", "token", "once", "-n", "scan-once-job").strip()
    authority = base64.b64encode(settings.authority).decode()
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [
            {"name": "k", "cluster": {"server": settings.server, "certificate-authority-data": authority}}
        ],
        "users": [{"name": "u", "user": {"token": token}}],
    }
    file = folder / "account.yaml"
    file.write_text(yaml.safe_dump(config))
    return file
