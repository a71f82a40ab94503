"""The server as a process."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from pratique.runtime.cli import main
from tests.support_policies import cluster_policy
from tests.support_tls import Authority

KUBECONFIG = """\
current-context: c
contexts: [{name: c, context: {cluster: k}}]
clusters: [{name: k, cluster: {server: "http://127.0.0.1:1"}}]
"""


def test_the_server_answers_and_ends_when_told(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    authority.server_context("127.0.0.1")
    (both,) = tmp_path.glob("server-*.pem")
    policy = tmp_path / "policy.yaml"
    policy.write_text(cluster_policy({"failureAction": "Enforce", "mutateDigest": True}))
    command = [str(Path(sys.executable).with_name("pratique")), "serve", str(policy)]
    command += ["--tls-certificate", str(both), "--tls-key", str(both)]
    command += ["--host", "127.0.0.1", "--port", "0", "--offline", "--linger", "0"]
    command += ["--page-port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if "listens on 127.0.0.1:" in line:
                    break
            [shown] = re.findall(r"the page of verdicts is at (http://127\.0\.0\.1:\d+/)", "".join(said))
            url = f"https://127.0.0.1:{line.rpartition(':')[2].strip()}"
            context = authority.client_context()
            with urllib.request.urlopen(f"{url}/readyz", context=context, timeout=20) as answer:
                assert answer.status == 200
            pod = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "p", "namespace": "a"},
                "spec": {"containers": [{"name": "c", "image": "ghcr.io/acme/app:v1"}]},
            }
            request = {
                "uid": "u",
                "kind": {"group": "", "version": "v1", "kind": "Pod"},
                "operation": "CREATE",
                "namespace": "a",
                "object": pod,
            }
            review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
            asked = urllib.request.Request(
                f"{url}/mutate", json.dumps(review).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(asked, context=context, timeout=20) as answer:
                response = json.load(answer)["response"]
            assert response["allowed"] is False
            assert "ghcr.io/acme/app:v1" in response["status"]["message"]
            with urllib.request.urlopen(f"{shown}ui/state", timeout=20) as answer:
                state = json.load(answer)
            assert [row["name"] for row in state["rows"]] == ["p"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["policy.yaml"], "there is no certificate"),
        (["policy.yaml", "--tls-certificate", "x.pem"], "go together"),
        (["policy.yaml", "--service", "ns/name"], "give --cluster or --kubeconfig"),
        (["--exceptions-in", "ns"], "exceptions are those of a cluster"),
        (["policy.yaml", "--cluster", "--exceptions-in", "ns"], "not of files"),
        (["--cleanup"], "give --cluster or --kubeconfig"),
        (["policy.yaml", "--service", "name"], "not NAMESPACE/NAME"),
        (["policy.yaml", "--service", "ns/name:http"], "not NAMESPACE/NAME"),
        (["policy.yaml", "--url", "http://x"], "not https://HOST"),
        (["policy.yaml", "--url", "https://x/path"], "not https://HOST"),
        (["policy.yaml", "--cluster", "--service", "a/b", "--url", "https://x"], "exclude each other"),
        (["policy.yaml", "--kubeconfig", "missing"], "missing cannot be read"),
        (["policy.yaml", "--kubeconfig", "kubeconfig"], "there is no certificate"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(cluster_policy())
    Path("kubeconfig").write_text(KUBECONFIG)
    assert main(["serve", *arguments, "--offline"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
