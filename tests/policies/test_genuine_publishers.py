"""The policies of real publishers accept what these really signed, and nobody else's genuine signatures."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support_genuine import SHARED, Record, records, write_layout

ROOT = Path(__file__).parents[2]
POLICIES = sorted((ROOT / "policies").glob("*/policy.yaml"))
PRATIQUE = str(Path(sys.executable).with_name("pratique"))
GENUINE = records("verified", "more")

COVERED = {
    "chainguard": ("ghcr.io/chainguard-images/static", "https://github.com/chainguard-images/"),
    "cluster-api": ("registry.k8s.io/cluster-api/cluster-api-controller", "krel-trust@"),
    "kubernetes": ("registry.k8s.io/kube-apiserver", "krel-trust@"),
    "opentelemetry-collector": (
        "ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector",
        "https://github.com/open-telemetry/",
    ),
    "talos": ("ghcr.io/siderolabs/installer", "@siderolabs.com"),
}
"""The publishers of whom there are genuine signatures: an image that their policy is for, and a part of their
name."""

pytestmark = pytest.mark.skipif(
    not SHARED.exists(), reason="the collection of genuine signatures is not at hand"
)


def apply(policies: list[Path], images: list[str], folder: Path) -> list[dict[str, Any]]:
    """Return the rows of policies over one Pod for each image, with the signatures in `folder`."""
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number}", "namespace": "default"},
            "spec": {"containers": [{"name": "main", "image": image}]},
        }
        for number, image in enumerate(images)
    ]
    resources = folder / "pods.json"
    resources.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
    run = subprocess.run(
        [
            PRATIQUE,
            "apply",
            *policies,
            "-r",
            resources,
            "--registry-layout",
            folder / "layout",
            "--offline",
            "-o",
            "json",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode in (0, 1), run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)["rows"]
    return found


def image(repository: str, record: Record) -> str:
    return f"{repository}@{record['digest']}"


def test_genuine_signatures_are_accepted(tmp_path: Path) -> None:
    write_layout(tmp_path / "layout", [(record["repository"], record) for record in GENUINE])
    images = sorted({image(record["repository"], record) for record in GENUINE})
    rows = apply(POLICIES, images, tmp_path)
    assert [row["message"] for row in rows if row["result"] != "pass"] == []
    assert {row["policy"] for row in rows} == {f"verify-{name}-images" for name in COVERED}


@pytest.mark.parametrize("name", COVERED)
def test_genuine_signatures_of_others_are_refused(name: str, tmp_path: Path) -> None:
    repository, signer = COVERED[name]
    others = [r for r in GENUINE if r["kind"] == "keyless" and signer not in r["expected"]["subject"]]
    assert len(others) >= 5
    write_layout(tmp_path / "layout", [(repository, record) for record in others])
    images = sorted({image(repository, record) for record in others})
    rows = apply([ROOT / "policies" / name / "policy.yaml"], images, tmp_path)
    assert [row["result"] for row in rows] == ["fail"] * len(images)
    assert all("subject mismatch" in row["message"] or "issuer mismatch" in row["message"] for row in rows)
