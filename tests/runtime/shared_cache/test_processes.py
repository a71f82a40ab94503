"""Replicas as processes of their own, as in a cluster: `pratique serve` twice, a Valkey, a registry."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pratique.runtime.lab.build import write_lab
from tests.support_admission import review_body
from tests.support_engine import pod
from tests.support_held_registry import HeldRegistry
from tests.support_lab import recipe_of
from tests.support_policies import cluster_policy
from tests.support_tls import Authority
from tests.support_valkey import KEY, NO_PROGRAM, PROGRAM, Valkey, valkey

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NO_PROGRAM)

RECIPE = """
    sigstore: {seed: processes, at: 2026-01-15T12:00:00Z}
    signers:
      dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
    images:
      - image: ghcr.io/acme/app:v1
        signatures: [{by: dev}]
      - image: ghcr.io/acme/unsigned:v1
"""
ENTRY = {"failureAction": "Enforce", "mutateDigest": True, "imageReferences": ["*"]}


@dataclass
class Registry:
    """A lab that is served from a thread."""

    folder: Path
    server: HeldRegistry


@contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    write_lab(recipe_of(RECIPE), folder)
    found = Registry(folder, HeldRegistry(folder))
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with found.server:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(20)
        yield found
    finally:
        found.server.held = False
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@dataclass
class Replica:
    """A process that serves."""

    process: subprocess.Popen[str]
    url: str
    authority: Authority
    host: str

    def admit(self, image: str = "acme/app:v1") -> bool:
        """Return whether a Pod of an image is allowed; with its digest written, if so."""
        request = urllib.request.Request(
            f"{self.url}/mutate?timeout=30s",
            review_body(pod(f"{self.host}/{image}")),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=self.authority.client_context(), timeout=60) as answer:
            response = json.load(answer)["response"]
        assert bool(response.get("patch")) == response["allowed"]
        return bool(response["allowed"])

    def figure(self, name: str) -> int:
        url = f"{self.url}/metrics"
        with urllib.request.urlopen(url, context=self.authority.client_context(), timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(line.split()[-1]) for line in lines if line.startswith(name))


@contextmanager
def replica(folder: Path, place: Registry, server: Valkey) -> Iterator[Replica]:
    authority = Authority.make(folder)
    authority.server_context("127.0.0.1")
    both = next(folder.glob("server-*.pem"))
    (folder / "policy.yaml").write_text(cluster_policy(ENTRY))
    (folder / "key").write_text(KEY)
    command = [str(Path(sys.executable).with_name("pratique")), "serve", str(folder / "policy.yaml")]
    command += ["--tls-certificate", str(both), "--tls-key", str(both), "--host", "127.0.0.1", "--port", "0"]
    command += ["--linger", "0", "--trusted-root", str(place.folder / "trust/trusted_root.json")]
    command += ["--shared-cache", f"valkey://127.0.0.1:{server.port}"]
    command += ["--shared-cache-key", str(folder / "key")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = next((line for line in process.stderr if "listens on" in line), "")
            port = line.rpartition(":")[2].strip()
            yield Replica(process, f"https://127.0.0.1:{port}", authority, place.server.host)
        finally:
            process.kill()


@dataclass
class Site:
    place: Registry
    replicas: list[Replica]
    pool: ThreadPoolExecutor


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        place = stack.enter_context(registry(tmp_path / "lab"))
        server = stack.enter_context(valkey(tmp_path))
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir()
        replicas = [stack.enter_context(replica(folder, place, server)) for folder in folders]
        yield Site(place, replicas, stack.enter_context(ThreadPoolExecutor(32)))


def test_cold_pods_of_all_replicas_are_one_fetch_and_one_verification_each(site: Site) -> None:
    site.place.server.held = True
    asked = [site.pool.submit(each.admit) for each in site.replicas for _ in range(16)]
    wait_until(lambda: bool(site.place.server.asked))
    time.sleep(0.5)
    site.place.server.held = False
    assert all(answer.result(60) for answer in asked)
    assert not site.pool.submit(site.replicas[1].admit, "acme/unsigned:v1").result(60)
    # What its tag means is asked by each, unless they ask at the very same time.
    asked_of = {path: n for path, n in site.place.server.asked.items() if "acme/app" in path}
    assert [n for path, n in asked_of.items() if not path.endswith("/v1")] == [1, 1]
    assert [each.figure("pratique_signature_verifications_total") for each in site.replicas] == [1, 1]


def test_a_replica_that_is_killed_at_work_delays_the_other_by_seconds_at_most(site: Site) -> None:
    one, two = site.replicas
    site.place.server.held = True
    lost = site.pool.submit(one.admit)
    wait_until(lambda: bool(site.place.server.asked))
    left = site.pool.submit(two.admit)
    time.sleep(0.2)
    one.process.kill()
    site.place.server.held = False
    start = time.monotonic()
    assert left.result(60)
    assert time.monotonic() - start < 6
    assert not two.admit("acme/unsigned:v1")
    assert lost.exception(60) is not None


def wait_until(condition: object) -> None:
    assert callable(condition)
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
