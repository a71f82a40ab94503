"""Genuine production signatures, through the command line, from an OCI layout: the digest is all there is."""

import base64
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.registry.layout_writer import LayoutWriter

ROOT = Path(__file__).parents[2]
PRATIQUE = str(Path(sys.executable).with_name("pratique"))
SHARED = ROOT.parent / "shared/real-signatures"
OWN = ROOT / "tests/data/signatures"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
GOOGLE = "https://accounts.google.com"


def records(*folders: str) -> list[dict[str, Any]]:
    home = SHARED if SHARED.exists() else OWN
    return [json.loads(p.read_text()) for folder in folders for p in sorted(home.glob(f"{folder}/*.json"))]


VERIFIED, REJECTED = records("verified", "more"), records("rejected")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("genuine")
    by_tag: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in VERIFIED:
        by_tag[f"{record['repository']}:{record['sig_tag']}"].append(record)
    for record in REJECTED:  # one shares its digest with a good one: a registry of its own
        by_tag[f"rejected.example/{record['layer']['digest'][7:17]}:{record['sig_tag']}"].append(record)
    with LayoutWriter(folder) as writer:
        for name, found in by_tag.items():
            layers = []
            for record in found:
                digest = writer.blob(base64.b64decode(record["payload"]))
                assert digest == record["layer"]["digest"]
                layers.append({**record["layer"], "annotations": record["annotations"]})
            config = b"{}"
            described = {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": writer.blob(config),
                "size": len(config),
            }
            body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
            writer.manifest(json.dumps(body).encode(), MANIFEST, [name])
    return folder


def verify(image: str, layout: Path, *signer: str) -> tuple[int, dict[str, Any]]:
    run = subprocess.run(
        [PRATIQUE, "verify", image, *signer, "--registry-layout", layout, "--offline", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode in (0, 1), run.stderr
    return run.returncode, json.loads(run.stdout)


def signer(record: dict[str, Any], folder: Path) -> list[str]:
    if record["kind"] == "key":
        path = folder / "key.pem"
        path.write_text(record["public_key"])
        return ["--key", str(path)]
    expected = record["expected"]
    return ["--identity", expected["subject"], "--issuer", expected["issuer"] or GOOGLE]


@pytest.mark.parametrize("record", VERIFIED, ids=lambda r: r["image"])
def test_verifies_with_the_identity_it_names_and_no_other(
    record: dict[str, Any], layout: Path, tmp_path: Path
) -> None:
    image = f"{record['repository']}@{record['digest']}"
    code, facts = verify(image, layout, *signer(record, tmp_path))
    assert (code, facts["verified"]) == (0, True), facts
    index = record["expected"]["logIndex"]
    assert index in [s["logIndex"] for s in facts["signatures"] if s["verified"]]
    code, facts = verify(image, layout, "--identity", "stranger@example.com", "--issuer", GOOGLE)
    assert (code, facts["verified"]) == (1, False)


CODES = {"01": {"sct-missing"}, "02": {"chain-untrusted", "sct-missing"}, "03": {"bundle-malformed"}}


@pytest.mark.parametrize("record", REJECTED, ids=lambda r: r["image"])
def test_rejected_for_its_own_reason(record: dict[str, Any], layout: Path, tmp_path: Path) -> None:
    image = f"rejected.example/{record['layer']['digest'][7:17]}@{record['digest']}"
    code, facts = verify(image, layout, *signer(record, tmp_path))
    assert (code, facts["verified"]) == (1, False)
    (found,) = facts["reason"]["children"]
    assert found["code"] in set().union(*CODES.values())
    assert found["code"] in CODES[f"0{REJECTED.index(record) + 1}"]
