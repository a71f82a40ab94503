"""The chart, installed by Helm into a real API server; beside it a server with its arguments and rights.

Pods do not run on the control plane that tests make, so that a process does the work of the Deployment: with
its arguments, the files that it mounts, and the token of its service account.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import yaml

from pratique.runtime.kubernetes.client import Cluster
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import CONFIG_MAPS, SECRETS, ResourceType
from tests.support_helm import CHART, run_helm
from tests.support_serve import until

RELEASE = "pratique-chart"
DEPLOYMENTS = ResourceType(group="apps", version="v1", plural="deployments", kind="Deployment")
SERVICES = ResourceType(version="v1", plural="services", kind="Service")


@contextlib.asynccontextmanager
async def installed(kubeconfig: Path, home: Path, where: str, *arguments: str) -> AsyncIterator[str]:
    """Install the chart; gives what Helm said."""
    env = {"KUBECONFIG": str(kubeconfig)}
    done = await asyncio.to_thread(
        run_helm, "install", RELEASE, str(CHART), "-n", where, *arguments, home=home, env=env
    )
    assert done.returncode == 0, done.stderr
    try:
        yield done.stdout
    finally:
        done = await asyncio.to_thread(run_helm, "uninstall", RELEASE, "-n", where, home=home, env=env)
    assert done.returncode == 0, done.stderr


async def account(cluster: Cluster, settings: ClusterSettings, folder: Path, where: str) -> Path:
    """Return a kubeconfig with a token of the service account of the chart."""
    metadata = {"name": "token", "annotations": {"kubernetes.io/service-account.name": RELEASE}}
    await cluster.create(
        SECRETS, {"metadata": metadata, "type": "kubernetes.io/service-account-token"}, where
    )

    async def token() -> str:
        secret = await cluster.get(SECRETS, "token", where)
        return base64.b64decode((secret.get("data") or {}).get("token", "")).decode()

    (folder / "ca.crt").write_bytes(settings.authority)
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": where}}],
        "clusters": [
            {"name": "k", "cluster": {"server": settings.server, "certificate-authority": "ca.crt"}}
        ],
        "users": [{"name": "u", "user": {"token": await until(token)}}],
    }
    file = folder / "account.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


async def command(cluster: Cluster, folder: Path, where: str, kubeconfig: Path, port: int) -> list[str]:
    """Return the arguments of the Deployment's container, with what it mounts in a folder."""
    deployment = await cluster.get(DEPLOYMENTS, RELEASE, where)
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    policies = folder / "mounted"
    if "/etc/pratique/policies" in container["args"]:
        config = await cluster.get(CONFIG_MAPS, f"{RELEASE}-policies", where)
        policies.mkdir()
        for name, text in config["data"].items():
            (policies / name).write_text(text)
    there = {
        "/etc/pratique/policies": [str(policies)],
        "--cluster": ["--kubeconfig", str(kubeconfig)],
        "--port=8443": [f"--port={port}"],
        "--cache-dir=/var/cache/pratique": [f"--cache-dir={folder / 'cache'}"],
    }
    assert there.keys() - {"/etc/pratique/policies"} <= set(container["args"])
    return [part for each in container["args"] for part in there.get(each, [each])]


async def to_loopback(cluster: Cluster, where: str) -> None:
    """Let the Service lead to this machine: there is no network of Pods."""
    found = await cluster.get(SERVICES, RELEASE, where)
    metadata = {k: found["metadata"][k] for k in ("name", "namespace", "labels", "annotations")}
    await cluster.delete(SERVICES, RELEASE, where)
    spec = {"type": "ExternalName", "externalName": "localhost", "ports": found["spec"]["ports"]}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    await cluster.create(SERVICES, body, where)
