"""`pratique serve` as a process beside a real API server, with the images of a lab."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.types import NAMESPACES, ResourceType

APP, BAD, OTHER = "ghcr.io/acme/app:v1", "ghcr.io/acme/app:bad", "ghcr.io/acme/other:v1"
ACCOUNTS = ResourceType(version="v1", plural="serviceaccounts", kind="ServiceAccount")
PRATIQUE = str(Path(sys.executable).with_name("pratique"))
RECIPE = f"""\
sigstore: {{seed: serve}}
signers:
  dev: {{issuer: https://accounts.google.com, subject: dev@acme.example}}
  ops: {{issuer: https://accounts.google.com, subject: ops@acme.example}}
images:
  - image: [{APP}, {OTHER}]
    signatures: [{{by: dev}}]
  - image: {BAD}
  - image: ghcr.io/acme/ops:v1
    signatures: [{{by: ops}}]
"""
SECONDS = 60


def build_lab(folder: Path, recipe: str = RECIPE) -> Path:
    """Return the folder of a lab with a signed, an unsigned, and an otherwise signed image."""
    (folder / "lab.yaml").write_text(recipe)
    command = [PRATIQUE, "lab", "build", str(folder / "lab.yaml"), "-o", str(folder / "lab")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "lab"


def images(lab: Path) -> list[str]:
    """Return the options that read images and trust from a lab."""
    root = lab / "trust/trusted_root.json"
    return ["--registry-layout", str(lab / "layout"), "--trusted-root", str(root), "--offline"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Process:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    command: Sequence[str] = field(default=())

    @property
    def said(self) -> str:
        return self.log.read_text()


@contextlib.contextmanager
def serving(
    kubeconfig: Path, folder: Path, *arguments: str, port: int | None = None, url: bool = True
) -> Iterator[Process]:
    """Run `pratique serve` on loopback, registered by its address; gives it once it listens."""
    port = port or free_port()
    command = ["serve", *arguments, "--kubeconfig", str(kubeconfig), "--host", "127.0.0.1"]
    command += ["--port", str(port), "--linger", "0.5", "--log-level", "debug"]
    command += ["--url", f"https://127.0.0.1:{port}"] if url else []
    with process(folder, port, *command) as server:
        yield server


@contextlib.contextmanager
def process(folder: Path, port: int, *arguments: str) -> Iterator[Process]:
    """Run `pratique` with arguments that make it listen on a port; gives it once it listens."""
    command = [PRATIQUE, *arguments]
    log = folder / f"serve-{uuid.uuid4().hex[:8]}.log"
    with log.open("w") as output:
        started = subprocess.Popen(command, stderr=output, stdout=output, text=True, env={**os.environ})
    try:
        end = time.monotonic() + SECONDS
        while "listens on" not in log.read_text():
            if started.poll() is not None or time.monotonic() > end:
                raise AssertionError(log.read_text())
            time.sleep(0.05)
        yield Process(started, port, log, command)
    finally:
        started.terminate()
        try:
            started.wait(30)
        finally:
            started.kill()


@contextlib.asynccontextmanager
async def namespace(cluster: Cluster, **labels: str) -> AsyncIterator[str]:
    """Give a namespace in which Pods can be made."""
    name = f"pratique-{uuid.uuid4().hex[:8]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    await cluster.create(NAMESPACES, body)
    try:
        await until(lambda: exists(cluster, ACCOUNTS, "default", name))
        yield name
    finally:
        await cluster.delete(NAMESPACES, name)


async def exists(cluster: Cluster, type: ResourceType, name: str, namespace: str = "") -> bool:
    try:
        await cluster.get(type, name, namespace)
    except ClusterError as error:
        if error.status != 404:
            raise
        return False
    return True


async def until(holds: Any, seconds: float = SECONDS) -> Any:
    """Wait until a function, or what it awaits, says something true; return that."""
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.1)
