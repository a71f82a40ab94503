"""Genuine production signatures as an OCI layout: they are all there is, the images are named by digest."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pratique.runtime.registry.layout_writer import LayoutWriter

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared/real-signatures"
OWN = ROOT / "tests/data/signatures"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

Record = dict[str, Any]


def records(*folders: str) -> list[Record]:
    """Return the records of folders: of the whole collection if it is at hand, else of the project's part."""
    home = SHARED if SHARED.exists() else OWN
    return [json.loads(p.read_text()) for folder in folders for p in sorted(home.glob(f"{folder}/*.json"))]


def write_layout(folder: Path, stored: Iterable[tuple[str, Record]]) -> None:
    """Write records as cosign stores them, each in the repository beside it; one digest has one manifest."""
    by_tag: defaultdict[str, list[Record]] = defaultdict(list)
    for repository, record in stored:
        by_tag[f"{repository}:{record['sig_tag']}"].append(record)
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
