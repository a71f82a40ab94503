"""`pratique scan` of 100,000 Pods over 2,000 distinct images, all signed by a lab and read from its layout.

Each row is a process of its own, output included. The budget, 60 s on two cores, is for the second one: all
images are verified, and every Pod is looked at. BENCH_SCAN_PODS sets the number of Pods.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.measure import PRATIQUE, Process, process

PODS = int(os.environ.get("BENCH_SCAN_PODS", "100000"))
IMAGES = int(os.environ.get("BENCH_SCAN_IMAGES", "2000"))
NAMESPACES = 100

POLICY = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: signed}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      exclude: {any: [{resources: {namespaces: [kube-system]}}]}
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


def run() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab(folder, IMAGES)
        inventory(folder / "pods.jsonl", PODS, IMAGES)
        size = (folder / "pods.jsonl").stat().st_size >> 20
        label = f"{PODS:,} Pods, {IMAGES:,} images, {size} MiB"
        yield f"{label}, nothing known", _figures(process(_command(folder), runs=1), PODS)
        found = process(_command(folder, "--workers", "2"), runs=1)
        yield f"{label}, nothing known, --workers 2 (memory of the first)", _figures(found, PODS)
        state = ["--state", str(folder / "state.log")]
        _once(_command(folder, *state))
        yield (
            f"{label}, images verified (budget 60 s)",
            _figures(process(_command(folder, *state), runs=1), PODS),
        )
        for form in ("json", "policy-report"):
            command = _command(folder, *state, "-o", form, "--output-format", "json")
            yield f"the same, -o {form}", _figures(process(command, runs=1), PODS)
        tenth = folder / "tenth.jsonl"
        inventory(tenth, PODS // 10, IMAGES)
        command = _command(folder, "--state", str(folder / "tenth.log"), inventory=tenth)
        yield "a tenth of the Pods, images verified", _figures(process(command, runs=1), PODS // 10)


def _figures(found: Process, pods: int) -> str:
    return f"{found}, {pods / found.wall_s:,.0f} Pods/s, {found.cpu_s / pods * 1e6:.0f} us CPU each"


def _command(folder: Path, *more: str, inventory: Path | None = None) -> list[str]:
    lab = folder / "lab"
    command = [*PRATIQUE, "scan", str(folder / "policy.yaml"), "--offline", *more]
    command += ["--inventory", str(inventory or folder / "pods.jsonl")]
    command += ["--registry-layout", str(lab / "layout")]
    return [*command, "--trusted-root", str(lab / "trust/trusted_root.json")]


def _once(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def lab(folder: Path, images: int) -> None:
    """Write a policy, and a lab of signed images."""
    (folder / "policy.yaml").write_text(POLICY)
    lines = ["sigstore: {seed: scan}", "signers:"]
    lines.append("  dev: {issuer: https://accounts.google.com, subject: dev@acme.example}")
    lines.append("images:")
    lines += [f"  - {{image: {_image(n)}, signatures: [{{by: dev}}]}}" for n in range(images)]
    recipe = folder / "lab.yaml"
    recipe.write_text("\n".join(lines) + "\n")
    _once([*PRATIQUE, "lab", "build", str(recipe), "-o", str(folder / "lab")])


def _image(number: int) -> str:
    return f"ghcr.io/acme/app-{number}:v1"


def inventory(path: Path, pods: int, images: int) -> None:
    """Write Pods as `kubectl get -o json` has them, one a line."""
    with path.open("w") as file:
        for number in range(pods):
            file.write(json.dumps(pod(number, images), separators=(",", ":")) + "\n")


def pod(number: int, images: int) -> dict[str, object]:
    app = f"app-{number % images}"
    mounts = [
        {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{app}-6d5f8b7c9-{number:05x}",
            "generateName": f"{app}-6d5f8b7c9-",
            "namespace": f"team-{number % NAMESPACES}",
            "uid": f"00000000-0000-4000-8000-{number:012x}",
            "labels": {"app": app, "pod-template-hash": "6d5f8b7c9"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{app}-6d5f8b7c9"}],
        },
        "spec": {
            "serviceAccountName": "default",
            "nodeName": f"node-{number % 500}",
            "containers": [
                {
                    "name": "app",
                    "image": _image(number % images),
                    "env": [{"name": f"SETTING_{n}", "value": f"value {n}"} for n in range(8)],
                    "resources": {"limits": {"cpu": "1", "memory": "256Mi"}},
                    "volumeMounts": mounts,
                }
            ],
            "volumes": [
                {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
            ],
        },
        "status": {"phase": "Running", "podIP": f"10.0.{number >> 8 & 255}.{number & 255}"},
    }


if __name__ == "__main__":
    lab(Path(sys.argv[1]), IMAGES)
    inventory(Path(sys.argv[1], "pods.jsonl"), PODS, IMAGES)
