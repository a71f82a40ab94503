"""The server as a process."""

import importlib.util
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
from tests.support_registry import free_port
from tests.support_tls import Authority

SERVED = ("--tls-certificate", "x.pem", "--tls-key", "x.pem")
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


def test_a_server_with_all_that_tells_of_it(tmp_path: Path) -> None:
    """Neither the shared cache nor the collector is there, and nothing waits for them."""
    authority = Authority.make(tmp_path)
    authority.server_context("127.0.0.1")
    (both,) = tmp_path.glob("server-*.pem")
    policy, key = tmp_path / "policy.yaml", tmp_path / "key"
    policy.write_text(cluster_policy())
    key.write_text("k" * 64)
    debug = free_port()
    command = [str(Path(sys.executable).with_name("pratique")), "serve", str(policy)]
    command += ["--tls-certificate", str(both), "--tls-key", str(both), "--host", "127.0.0.1", "--port", "0"]
    command += ["--offline", "--linger", "0", "--log-format", "json", "--debug-port", str(debug)]
    command += ["--shared-cache", f"valkey://127.0.0.1:{free_port()}", "--shared-cache-key", str(key)]
    if importlib.util.find_spec("opentelemetry"):
        command += ["--traces", f"http://127.0.0.1:{free_port()}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = next((line for line in process.stderr if "listens on 127.0.0.1:" in line), "")
            url = f"https://127.0.0.1:{line.rpartition(':')[2].strip()}/metrics"
            with urllib.request.urlopen(url, context=authority.client_context(), timeout=20) as answer:
                text = answer.read().decode()
            assert "pratique_shared_cache_up 0\n" in text
            assert 'pratique_shared_cache_faults_total{fault="connection"} 1\n' in text
            assert "process_open_fds " in text
            with urllib.request.urlopen(f"http://127.0.0.1:{debug}/debug/plan", timeout=20) as answer:
                assert json.load(answer)["totals"]["policies"] == 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["policy.yaml", "--shared-cache-key", "key"], "which shared cache"),
        (["policy.yaml", "--shared-cache", "valkey://h"], "needs --shared-cache-key"),
        (["policy.yaml", *SERVED, "--shared-cache", "h:1", "--shared-cache-key", "x"], "valkey://HOST"),
        (["policy.yaml", *SERVED, "--shared-cache", "valkey://h", "--shared-cache-key", "x"], "x cannot be"),
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
