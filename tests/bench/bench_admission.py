"""`pratique serve` under a bounded closed loop on loopback over TLS, beside a server that allows everything.

The images are keyless signed ones of a lab, read from its layout as from a registry; the whole product
answers, as a process of its own. BENCH_ADMISSIONS sets the number of requests of each row, and
BENCH_SOAK=100000 adds so many in one go, to see whether memory stays flat. On a busy machine CPU time tells
more than rates do.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.admission_load import (
    CONNECTIONS,
    Asked,
    Load,
    at_once,
    http_request,
    load,
    resident_mb,
)
from tests.bench.bench_apply import POLICY
from tests.bench.measure import PRATIQUE
from tests.support_tls import Authority

COUNT = int(os.environ.get("BENCH_ADMISSIONS", "20000"))
SOAK = int(os.environ.get("BENCH_SOAK", "0"))
ALLOWED = b'"allowed":true'
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
        pinned = f"{IMAGE}@{_lab(folder)}"
        with _server([sys.executable, "-m", "tests.bench.admission_bare", str(both)]) as (port, pid):
            client = Client(port, pid, authority)
            bare = client.load(_reviews(IMAGE, b'"allowed": true'))
            yield "bare server that allows", str(bare)
        with _pratique(folder, SIGNED, both) as (port, pid):
            yield from _signed(Client(port, pid, authority), pinned, bare)
        with _pratique(folder, SIGNED, both) as (port, pid):
            yield from _cold(Client(port, pid, authority), pinned)
        for number in (100, 10_000):
            policies = "---\n".join(POLICY.format(n=n) for n in range(number))
            with _pratique(folder, policies, both) as (port, pid):
                found = Client(port, pid, authority).load(_reviews(IMAGE, ALLOWED))
                label = f"{number:,} image policies that do not match (budget 4,000/s)"
                yield label, f"{found}; {found.rate / bare.rate:.2f} of the bare server's rate"
        if SOAK:
            with _pratique(folder, SIGNED, both) as (port, pid):
                yield from _soak(Client(port, pid, authority), pinned)


def _signed(client: Client, pinned: str, bare: Load) -> Iterator[tuple[str, str]]:
    found = client.load(_reviews(pinned, ALLOWED))
    label = "signed image by digest, warm: /validate (budget 2,000/s, p99 15 ms)"
    yield label, f"{found}; {found.rate / bare.rate:.2f} of the bare server's rate"
    asked = client.total("pratique_store_requests_total")
    yield "signed image by digest, again", str(client.load(_reviews(pinned, ALLOWED)))
    warm = client.total("pratique_store_requests_total")
    yield "questions to the store while warm, by digest", str(warm - asked)
    label = "signed image by tag, warm: /mutate, digest written"
    yield label, str(client.load(_reviews(IMAGE, b'"patch":', path="/mutate")))
    by_tag = client.total("pratique_store_requests_total") - warm
    yield "questions to the store by tag, for each admission", f"{by_tag / COUNT:.2f}"
    yield "signatures verified until now", str(client.total("pratique_signature_verifications_total"))


def _cold(client: Client, pinned: str) -> Iterator[tuple[str, str]]:
    number = 100
    seconds = at_once(client.port, client.authority.file, _reviews(pinned, ALLOWED, number=number))
    label = f"cold: {number} Pods of one image at once"
    verified, asked = map(
        client.total, ("pratique_signature_verifications_total", "pratique_store_requests_total")
    )
    yield label, f"{seconds * 1e3:.0f} ms, {verified} verified, {asked} questions to the store"


def _soak(client: Client, pinned: str) -> Iterator[tuple[str, str]]:
    """Every answer is looked at, and the memory in the middle and at the end."""
    reviews = _reviews(pinned, ALLOWED)
    client.load(reviews)
    before = resident_mb(client.pid)
    for part in ("first", "second"):
        found = client.load(reviews, SOAK // 2)
        yield f"{part} half of {SOAK:,} admissions, none of them wrong", str(found)
    yield "memory before and after", f"{before:.1f} MB, {resident_mb(client.pid):.1f} MB"


@dataclass(frozen=True)
class Client:
    """Asks one server."""

    port: int
    pid: int
    authority: Authority

    def load(self, reviews: Sequence[Asked], count: int = COUNT) -> Load:
        """Return the figures of a bounded closed loop, after a warm-up."""
        load(self.port, self.authority.file, reviews, 50 * CONNECTIONS, self.pid)
        return load(self.port, self.authority.file, reviews, count, self.pid)

    def total(self, name: str) -> int:
        """Return the sum of a counter over its labels."""
        url = f"https://127.0.0.1:{self.port}/metrics"
        with urllib.request.urlopen(url, context=self.authority.client_context(), timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(line.split()[-1]) for line in lines if line.startswith(name))


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


def _reviews(image: str, wanted: bytes, *, path: str = "/validate", number: int = 64) -> list[Asked]:
    """Return requests for Pods of one image, each with a name and a uid of its own."""
    return [
        Asked(
            http_request(f"{path}?timeout=10s", _review(image, f"web-{n}", f"{n:08x}")),
            (wanted, f"{n:08x}".encode()),
        )
        for n in range(number)
    ]


def _review(image: str, name: str, uid: str) -> bytes:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "team-1", "labels": {"app": "web"}, "uid": "1"},
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
        "uid": uid,
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
        "namespace": "team-1",
        "name": name,
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller", "groups": []},
        "object": pod,
        "dryRun": False,
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(review, separators=(",", ":")).encode()
