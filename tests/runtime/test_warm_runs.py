"""Whole runs that follow each other over one `--cache-dir`: what the second one asks and says."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.cli import main
from pratique.runtime.lab.build import write_lab
from pratique.runtime.registry.disk_cache import DiskCache
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.serve import LayoutServer
from tests.support_engine import pod
from tests.support_lab import recipe_of
from tests.support_policies import KEYLESS, cluster_policy

RECIPE = """
    sigstore: {seed: warm, at: 2026-01-15T12:00:00Z}
    signers:
      dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
      ops: {subject: ops@acme.example, issuer: https://accounts.google.com}
    images:
      - image: ghcr.io/acme/app:v1
        signatures: [{by: dev}, {by: ops}, {by: dev, format: bundle}]
      - image: ghcr.io/acme/unsigned:v1
"""
OFF = {"verifyDigest": False, "required": False, "imageReferences": ["*"]}


@dataclass
class Lab:
    """A served lab, and `pratique apply` against it."""

    folder: Path
    host: str = ""
    asked: list[str] = field(default_factory=list)

    def apply(self, work: Path, policy: str, *images: str, options: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the JSON of a run in `work`."""
        (work / "policy.yaml").write_text(policy)
        (work / "pod.yaml").write_text(json.dumps(pod(*(f"{self.host}/{image}" for image in images))))
        command = ["apply", str(work / "policy.yaml"), "-r", str(work / "pod.yaml"), "-q"]
        command += ["--cache-dir", str(work / "cache")]
        command += ["--trusted-root", str(self.folder / "trust/trusted_root.json")]
        command += ["-o", f"json={work / 'out.json'}", *options]
        main(command)
        found: dict[str, Any] = json.loads((work / "out.json").read_text())
        return found

    def spent(self) -> int:
        """Return the requests since this was asked last."""
        count = len(self.asked)
        self.asked.clear()
        return count


@contextmanager
def served(folder: Path) -> Iterator[Lab]:
    """Serve a lab from a thread of its own."""
    write_lab(recipe_of(RECIPE), folder)
    lab = Lab(folder)
    loop, ready = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        store = LayoutStore(folder / "layout")
        server = LayoutServer(
            store, registry="ghcr.io", on_request=lambda *request: lab.asked.append(request[1])
        )
        async with server:
            lab.host = server.host
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield lab
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with served(tmp_path_factory.mktemp("warm") / "lab") as found:
        yield found


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)


def verdicts(found: dict[str, Any]) -> Any:
    return found["results"], found["summary"]


BUNDLE = {"type": "SigstoreBundle", **OFF}


@pytest.mark.parametrize("entry", [OFF, BUNDLE])
def test_a_warm_run_costs_no_requests_and_says_the_same(
    lab: Lab, tmp_path: Path, entry: dict[str, Any]
) -> None:
    images = ("acme/app:v1", "acme/unsigned:v1", "acme/absent:v1")
    lab.spent()
    cold = lab.apply(tmp_path, cluster_policy(entry), *images)
    assert lab.spent() > 4
    warm = lab.apply(tmp_path, cluster_policy(entry), *images)
    assert lab.spent() == 0
    assert verdicts(warm) == verdicts(cold)


def test_cryptography_is_done_anew_by_a_warm_run(lab: Lab, tmp_path: Path) -> None:
    assert lab.apply(tmp_path, cluster_policy(OFF), "acme/app:v1")["summary"]["pass"] == 1
    other = cluster_policy({**OFF, "attestors": [{"entries": [{"keyless": {**KEYLESS, "subject": "qa@x"}}]}]})
    lab.spent()
    assert lab.apply(tmp_path, other, "acme/app:v1")["summary"]["fail"] == 1
    assert lab.spent() == 0


def test_use_cache_false_goes_past_the_folder(lab: Lab, tmp_path: Path) -> None:
    lab.apply(tmp_path, cluster_policy(OFF), "acme/app:v1")
    lab.spent()
    anew = cluster_policy({**OFF, "useCache": False})
    assert lab.apply(tmp_path, anew, "acme/app:v1")["summary"]["pass"] == 1
    assert lab.spent() == 3


def test_no_time_to_live_asks_for_what_may_change(lab: Lab, tmp_path: Path) -> None:
    lab.apply(tmp_path, cluster_policy(OFF), "acme/app:v1")
    lab.spent()
    lab.apply(tmp_path, cluster_policy(OFF), "acme/app:v1", options=("--cache-ttl", "0"))
    assert (
        lab.spent() == 2
    )  # the tag of the image and that of its signatures; the payload is fixed by its digest


def test_a_warm_cache_serves_a_run_that_is_offline(lab: Lab, tmp_path: Path) -> None:
    cold = lab.apply(tmp_path, cluster_policy(OFF), "acme/app:v1")
    lab.spent()
    warm = lab.apply(tmp_path, cluster_policy(OFF), "acme/app:v1", options=("--offline",))
    assert verdicts(warm) == verdicts(cold)
    assert lab.spent() == 0


def test_f24_forged_signatures_in_the_folder_prove_nothing(lab: Lab, tmp_path: Path) -> None:
    """Whoever may write the folder gives the unsigned image the signatures of another."""
    images = ("acme/app:v1", "acme/unsigned:v1")
    lab.apply(tmp_path, cluster_policy(OFF), *images)
    cache = DiskCache(tmp_path / "cache")
    kept = {}
    for path in cache.folder.rglob("*/*"):
        line, _, body = path.read_bytes().partition(b"\n")
        header = json.loads(line)
        kept[tuple(header["key"])] = header["note"], body
    (signed,) = [key for key in kept if key[2] == "acme/app" and key[4].endswith(".sig")]
    (absent,) = [key for key in kept if key[2] == "acme/unsigned" and key[-1] == "absent"]
    cache.discard(absent)
    cache.write(absent[:-1], *kept[signed])
    for key, (note, body) in kept.items():
        if key[3] == "blob":
            cache.write((*key[:2], "acme/unsigned", *key[3:]), note, body)
    lab.spent()
    found = lab.apply(tmp_path, cluster_policy(OFF), *images)
    assert lab.spent() == 0  # the forgery was read, and judged
    (result,) = [result for result in found["results"] if result["result"] == "fail"]
    assert f"failed to verify image {lab.host}/acme/unsigned:v1" in result["message"]
    assert "no signatures found" not in result["message"]


def test_n5_a_folder_that_cannot_be_used_changes_no_verdict(lab: Lab, tmp_path: Path) -> None:
    cold = lab.apply(tmp_path, cluster_policy(OFF), "acme/app:v1")
    for path in (tmp_path / "cache").iterdir():
        os.chmod(path, 0o777)  # noqa: PTH101
    lab.spent()
    again = lab.apply(tmp_path, cluster_policy(OFF), "acme/app:v1")
    assert lab.spent() == 3
    assert verdicts(again) == verdicts(cold)


def test_verify_uses_the_folder_too(lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["verify", f"{lab.host}/acme/app:v1", "--identity", "dev@acme.example"]
    command += ["--issuer", "https://accounts.google.com", "--cache-dir", str(tmp_path / "cache")]
    command += ["--trusted-root", str(lab.folder / "trust/trusted_root.json")]
    lab.spent()
    # image, tag of signatures, payload; then bundles: their list, the manifest, the bundle
    for expected in (6, 0):
        assert main(command) == 0
        assert lab.spent() == expected
    capsys.readouterr()
