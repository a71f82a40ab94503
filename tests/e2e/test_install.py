"""`pratique install` into a real API server: it takes every object, and takes them again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.cli import main
from pratique.runtime.installing.applying import TYPES, Applied, applied
from pratique.runtime.installing.manifests import InstallOptions, Object, manifests
from pratique.runtime.kubernetes.client import Cluster
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, DEFINITIONS, NAMESPACES
from pratique.runtime.outputs.json_text import yaml_text
from tests.support_cluster import Kubectl
from tests.support_serve import exists, namespace

pytestmark = pytest.mark.e2e

OPTIONS = InstallOptions(image="registry.example/own/pratique:1", namespace="pratique-install-test")


async def put(cluster: Cluster, objects: list[Object], *, dry_run: bool = False) -> list[Applied]:
    return [each async for each in applied(cluster, objects, dry_run=dry_run)]


@contextlib.asynccontextmanager
async def removed(cluster: Cluster, objects: list[Object]) -> AsyncIterator[None]:
    """Remove at the end what was made, but for definitions, which other tests use."""
    try:
        yield
    finally:
        for each in objects:
            if each["kind"] in (CLUSTER_ROLES.kind, CLUSTER_ROLE_BINDINGS.kind, NAMESPACES.kind):
                await cluster.delete(TYPES[each["kind"]], each["metadata"]["name"])


def test_the_server_takes_everything_and_takes_it_again(settings: ClusterSettings) -> None:
    objects = manifests(OPTIONS)

    async def run() -> None:
        async with Cluster(settings) as cluster, removed(cluster, objects):
            asked = {each.kind: each.outcome for each in await put(cluster, objects, dry_run=True)}
            assert asked["ClusterRole"] == "applied"
            assert asked["Deployment"] == "unknown"
            assert not await exists(cluster, NAMESPACES, OPTIONS.namespace)
            first = {each.kind: each.outcome for each in await put(cluster, objects)}
            assert first["Deployment"] == first["Namespace"] == "applied"
            for each in objects:
                metadata = each["metadata"]
                found = await cluster.get(
                    TYPES[each["kind"]], metadata["name"], metadata.get("namespace", "")
                )
                managers = [m["manager"] for m in found["metadata"].get("managedFields", ())]
                assert each["kind"] == DEFINITIONS.kind or "pratique" in managers
            again = await put(cluster, objects, dry_run=True)
            assert {each.outcome for each in again} == {"applied", "kept"}
            more = manifests(InstallOptions(image=OPTIONS.image, namespace=OPTIONS.namespace, replicas=3))
            await put(cluster, more)
            deployment = await cluster.get(TYPES["Deployment"], "pratique", OPTIONS.namespace)
            assert deployment["spec"]["replicas"] == 3
            elsewhere = manifests(InstallOptions(image=OPTIONS.image, namespace="elsewhere"))
            with pytest.raises(UsageError, match=OPTIONS.namespace):
                await put(cluster, elsewhere)

    asyncio.run(run())


def test_what_is_printed_is_what_kubectl_takes(
    settings: ClusterSettings, kubectl: Kubectl, tmp_path: Path
) -> None:

    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            objects = manifests(InstallOptions(image=OPTIONS.image, namespace=where, definitions=False))
            file = tmp_path / "install.yaml"
            file.write_text(yaml_text(objects))
            said = await asyncio.to_thread(
                kubectl, "apply", "--server-side", "--dry-run=server", "-f", str(file)
            )
            assert said.count("serverside-applied (server dry run)") == len(objects)

    asyncio.run(run())


def test_the_command_asks_and_says_what_would_become_of_each(
    kubeconfig_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["install", "--image", OPTIONS.image, "-n", "only-asked-about", "--dry-run=server"]
    assert main([*command, "--kubeconfig", str(kubeconfig_file)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Namespace only-asked-about: would be applied"
    assert "ClusterRole pratique: would be applied" in said
    assert said[-1] == "Deployment pratique: cannot be asked about before its namespace is there"
