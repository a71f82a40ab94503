"""`pratique serve` under a bounded closed loop on loopback over TLS, beside a server that allows everything.

The images are keyless signed ones of a lab, read from its layout as from a registry; the whole product
answers, as a process of its own. BENCH_ADMISSIONS sets the number of requests of each row.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.admission_load import CONNECTIONS, http_request, load
from tests.bench.bench_apply import POLICY
from tests.bench.measure import PRATIQUE
from tests.support_tls import Authority

COUNT = int(os.environ.get("BENCH_ADMISSIONS", "20000"))
IMAGE = "ghcr.io/acme/app:v1"

RECIPE = f"""\
sigstore: {{seed: bench}}
signers:
  dev: {{issuer: https://accounts.google.com, subject: dev@acme.example}}
images:
  - image: {IMAGE}
    signatures: [{{by: dev}}]
"""
SIGNED = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: signed}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      verifyImages:
        - imageReferences: ["ghcr.io/acme/*"]
          failureAction: Enforce
          attestors:
            - entries:
                - keyless:
                    issuer: https://accounts.google.com
                    subject: dev@acme.example
                    rekor: {url: https://rekor.sigstore.dev}
"""


def run() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority.make(folder)
        authority.server_context("127.0.0.1")
        (both,) = folder.glob("server-*.pem")
        digest = _lab(folder)
        tagged, pinned = _review(IMAGE), _review(f"{IMAGE}@{digest}")
        with _server([sys.executable, "-m", "tests.bench.admission_bare", str(both)]) as (port, pid):
            yield from _row("bare server that allows", port, authority, "/validate", tagged, pid)
        allowed = b'"allowed":true'
        with _pratique(folder, SIGNED, both) as (port, pid):
            label = "signed image by digest, warm: /validate (budget 2,000/s, p99 15 ms)"
            yield from _row(label, port, authority, "/validate", pinned, pid, allowed)
            asked = _requests(port, authority)
            label = "signed image by tag, warm: /mutate, digest written"
            yield from _row(label, port, authority, "/mutate", tagged, pid, b'"patch":')
            mutated = _requests(port, authority)
            label = "signed image by digest, again"
            yield from _row(label, port, authority, "/validate", pinned, pid, allowed)
            yield "questions to the store while warm, by digest", str(_requests(port, authority) - mutated)
            yield "questions to the store by tag, for each admission", f"{(mutated - asked) / COUNT:.2f}"
        for number in (100, 10_000):
            policies = "---\n".join(POLICY.format(n=n) for n in range(number))
            with _pratique(folder, policies, both) as (port, pid):
                label = f"{number:,} image policies that do not match (budget 4,000/s)"
                yield from _row(label, port, authority, "/validate", tagged, pid, allowed)


def _row(
    label: str,
    port: int,
    authority: Authority,
    path: str,
    body: bytes,
    pid: int,
    wanted: bytes = b"allowed",
) -> Iterator[tuple[str, str]]:
    request = http_request(f"{path}?timeout=10s", body)
    load(port, authority.file, request, 50 * CONNECTIONS, wanted, pid)
    yield label, str(load(port, authority.file, request, COUNT, wanted, pid))


def _lab(folder: Path) -> str:
    recipe = folder / "lab.yaml"
    recipe.write_text(RECIPE)
    subprocess.run(
        [*PRATIQUE, "lab", "build", str(recipe), "-o", str(folder / "lab")], check=True, capture_output=True
    )
    index = json.loads((folder / "lab/layout/index.json").read_text())
    named = {m["annotations"].get("org.opencontainers.image.ref.name"): m for m in index["manifests"]}
    return str(named[IMAGE]["digest"])


@contextlib.contextmanager
def _pratique(folder: Path, policies: str, both: Path) -> Iterator[tuple[int, int]]:
    path = folder / "policies.yaml"
    path.write_text(policies)
    lab = folder / "lab"
    command = [*PRATIQUE, "serve", str(path), "--host", "127.0.0.1", "--port", "0", "--offline"]
    command += ["--tls-certificate", str(both), "--tls-key", str(both)]
    command += ["--registry-layout", str(lab / "layout")]
    command += ["--trusted-root", str(lab / "trust/trusted_root.json")]
    with _server(command) as found:
        yield found


@contextlib.contextmanager
def _server(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Give port and pid of a server that says where it listens."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=said, text=True)
        assert process.stderr is not None
        try:
            line = next((line for line in process.stderr if "listens on" in line), "")
            if not line:
                raise RuntimeError("the server did not start")
            yield int(line.rpartition(":")[2]), process.pid
        finally:
            process.terminate()
            process.wait(30)
            process.stderr.close()


def _requests(port: int, authority: Authority) -> int:
    url = f"https://127.0.0.1:{port}/metrics"
    with urllib.request.urlopen(url, context=authority.client_context(), timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    counts = [line.split()[-1] for line in lines if line.startswith("pratique_registry_requests_total")]
    return sum(map(int, counts))


def _review(image: str) -> bytes:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "team-1", "labels": {"app": "web"}, "uid": "1"},
        "spec": {
            "serviceAccountName": "default",
            "containers": [
                {
                    "name": "app",
                    "image": image,
                    "env": [{"name": f"SETTING_{n}", "value": f"value {n}"} for n in range(20)],
                    "resources": {"limits": {"cpu": "1", "memory": "256Mi"}},
                    "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {}}]}}],
        },
    }
    request = {
        "uid": "0d5e6b1c-9c0f-4f0e-8f8e-0c6d7b1a2e3f",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
        "namespace": "team-1",
        "name": "web-1",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": []},
        "object": pod,
        "dryRun": False,
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(review, separators=(",", ":")).encode()
