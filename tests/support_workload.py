"""The control plane of the article, brought into a real cluster: its controllers make the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from pratique.runtime.kubernetes.client import Object
from tests.conftest import ROOT

STORY = ROOT / "policies" / "control-plane"
_CONTROLLED = ("ReplicaSet", "DaemonSet")
_PASSING = ("uid", "creationTimestamp", "ownerReferences", "resourceVersion", "generation")


def workload() -> list[Object]:
    """Return Nodes, accounts, controllers and static Pods; what controllers make is left to them."""
    return list(_workload())


def _workload() -> Iterator[Object]:
    for item in yaml.safe_load_all((STORY / "resources.yaml").read_text()):
        owners = [owner["kind"] for owner in item["metadata"].get("ownerReferences", ())]
        made = item["kind"] == "ReplicaSet" or any(owner in _CONTROLLED for owner in owners)
        if item["kind"] in ("Namespace", "Service") or made:
            continue
        metadata: dict[str, Any] = {k: v for k, v in item["metadata"].items() if k not in _PASSING}
        yield {k: v for k, v in item.items() if k != "status"} | {"metadata": metadata}
