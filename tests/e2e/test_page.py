"""The page of verdicts beside a real API server: of a running server, and of the reports in the cluster."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.cli import main
from pratique.runtime.kubernetes.client import Cluster
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import CLUSTER_POLICIES, PODS
from tests.e2e.test_scan import NAME, cleaned, definitions, made, policy, reported
from tests.support_browser import parsed
from tests.support_serve import APP, BAD, free_port, images, namespace, serving, until

__all__ = ["cleaned", "definitions"]

pytestmark = pytest.mark.e2e


def state(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ui/state", timeout=20) as answer:
        return dict(json.load(answer))


def test_what_was_admitted_and_what_was_found(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        port = free_port()
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            good, bad = await made(cluster, "good", APP, where), await made(cluster, "bad", BAD, where)
            await cluster.create(CLUSTER_POLICIES, policy(where, "Enforce"))
            arguments = ("--name", NAME, "--reports", "policyreports", "--page-port", str(port), *images(lab))
            with serving(kubeconfig_file, tmp_path, *arguments):
                await reported(cluster, where, {good: "1/0", bad: "0/1"})

                async def rows(origin: str) -> dict[str, str]:
                    data = await asyncio.to_thread(state, port)
                    found = [row for row in data["rows"] if row["origin"] == origin]
                    return {row["name"]: row["result"] for row in found}

                async def scanned() -> bool:
                    return await rows("background scan") == {"good": "pass", "bad": "fail"}

                async def admitted() -> bool:
                    # The webhook is registered some moments after the policy is there.
                    await made(cluster, "late", APP, where)
                    seen = await rows("admission")
                    await cluster.delete(PODS, "late", where)
                    return seen.get("late") == "pass"

                await until(scanned)
                await until(admitted)
                data = await asyncio.to_thread(state, port)
                assert [each["name"] for each in data["policies"] if each.get("inForce")] == [where]
                assert {each["signer"] for each in data["signatures"]} == {"dev@acme.example"}
                page = tmp_path / "reports.html"
                command = ["report", "--kubeconfig", str(kubeconfig_file), "-n", where, "--html", str(page)]
                assert await asyncio.to_thread(main, command) == 0
            elements = parsed(page.read_text())
            held = json.loads(next(e.text for e in elements if e.attributes.get("id") == "state"))
            found = {row["name"]: (row["result"], row["origin"]) for row in held["rows"]}
            assert found["good"] == ("pass", "pratique")
            assert found["bad"] == ("fail", "pratique")

    asyncio.run(asyncio.wait_for(run(), 180))
