"""`pratique apply` of 17 policies with patterns over 1,000 Pods that all of them judge, cold."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.measure import PRATIQUE, process


def containers(pattern: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": [pattern]}}


PATTERNS: list[dict[str, Any]] = [
    {"spec": {"=(hostNetwork)": "false"}},
    {"spec": {"=(hostPID)": False, "=(hostIPC)": False}},
    containers({"=(securityContext)": {"=(privileged)": "false"}}),
    containers({"securityContext": {"allowPrivilegeEscalation": "false"}}),
    containers({"name": "*", "resources": {"limits": {"memory": "?*"}, "requests": {"cpu": "?*"}}}),
    containers({"image": "!*:latest"}),
    containers({"image": "*:*"}),
    {"spec": {"=(volumes)": [{"X(hostPath)": "null"}]}},
    {"metadata": {"labels": {"app.kubernetes.io/name": "?*"}}},
    {"metadata": {"labels": {"team": "?*"}}},
    containers({"livenessProbe": {"periodSeconds": ">0"}}),
    {"spec": {"=(serviceAccountName)": "!default"}},
    containers({"=(ports)": [{"=(hostPort)": 0}]}),
    {"spec": {"securityContext": {"runAsNonRoot": True}}},
    containers({"image": "registry.example.com/* | ghcr.io/*"}),
    containers({"(image)": "*nginx*", "resources": {"limits": {"memory": "<=2Gi"}}}),
    {"spec": {"automountServiceAccountToken": False}},
]


def policy(number: int, pattern: dict[str, Any]) -> dict[str, Any]:
    match = {"any": [{"resources": {"kinds": ["Pod"]}}]}
    validate = {"message": f"message {number}", "pattern": pattern}
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": f"policy-{number}"},
        "spec": {"rules": [{"name": "check", "match": match, "validate": validate}]},
    }


def pod(number: int, chance: random.Random) -> dict[str, Any]:
    images = ("registry.example.com/app:1", "nginx:latest", "ghcr.io/x/y:2")
    containers = [
        {
            "name": f"c{index}",
            "image": chance.choice(images),
            "resources": {"limits": {"memory": "1Gi"}, "requests": {"memory": "128Mi", "cpu": "100m"}},
            "ports": [{"containerPort": 80}],
            "securityContext": {"privileged": False, "allowPrivilegeEscalation": chance.random() < 0.5},
        }
        for index in range(chance.choice((1, 2, 3)))
    ]
    labels = {"app": "x", "app.kubernetes.io/name": f"app-{number}"}
    volumes = [{"name": "tmp", "emptyDir": {}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{number}", "namespace": "default", "labels": labels},
        "spec": {"containers": containers, "hostNetwork": chance.random() < 0.5, "volumes": volumes},
    }


def run() -> Iterator[tuple[str, str]]:
    import yaml

    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        policies, pods = Path(folder, "policies.yaml"), Path(folder, "pods.yaml")
        policies.write_text("---\n".join(json.dumps(policy(n, p)) + "\n" for n, p in enumerate(PATTERNS)))
        pods.write_text(yaml.safe_dump_all([pod(number, chance) for number in range(1000)]))
        command = [*PRATIQUE, "apply", str(policies), "-r", str(pods)]
        yield "apply 17 policies with patterns x 1,000 Pods (budget 1.3 s)", str(process(command))
