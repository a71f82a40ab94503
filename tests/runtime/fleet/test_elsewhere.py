from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pratique.compiler.plan import Plan
from pratique.grammar.errors import PratiqueError, TransportError, UsageError
from pratique.runtime.fleet.classes import Classes
from pratique.runtime.fleet.elsewhere import AHEAD, BATCH, Elsewhere, close_judges, in_processes, judge_batch
from pratique.runtime.fleet.inventory import Item
from pratique.runtime.fleet.judge import JudgeOptions, Verdict
from pratique.runtime.fleet.log import Log
from pratique.runtime.fleet.scan import scan
from pratique.runtime.fleet.sharding import affinity, belongs
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.resource import Resource
from tests.runtime.fleet.test_classes import SIGNED
from tests.support_fleet import LABELLED, MemoryInventory, header, pod, policies, run_scan, text_of

PODS = [pod(f"p{n}", f"a:{n}", team="t" if n % 2 else "") for n in range(3 * BATCH)]
PRATIQUE = str(Path(sys.executable).with_name("pratique"))


def scanned(path: Path, options: JudgeOptions, opened: Any, objects: Any = PODS) -> Path:
    log = Log(path, header())
    try:
        classes = Classes(Plan(options.policies))
        scan(MemoryInventory(objects), classes, log, opened, (0, 1), lambda *_: None)
    finally:
        log.close()
    return path


def test_processes_find_what_this_one_finds(tmp_path: Path) -> None:
    options = JudgeOptions(policies=policies(LABELLED))
    here = run_scan(tmp_path / "here", PODS, options.policies)
    there = scanned(tmp_path / "there", options, in_processes(2, options))
    assert text_of("json", there) == text_of("json", here)


def test_lanes_share_the_work_of_a_shard() -> None:
    lanes = [Lane(), Lane()]
    options = JudgeOptions(policies=policies(LABELLED))
    judging = Elsewhere(lanes, options, lambda *_: None, lambda: None)
    of_shard = [r for n in range(400) if belongs(r := Resource(pod("p", f"x:{n}")), (0, 2))]
    for number, resource in enumerate(of_shard):
        judging.submit(str(number), item(number), affinity(resource))
    judging.finish()
    assert min(sum(map(len, lane.given)) for lane in lanes) > len(of_shard) / 3
    close_judges()


class Lane(Executor):
    """Runs what it is given when it is asked for the result, and counts."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []
        self.waiting = self.most = 0
        self._thread = ThreadPoolExecutor(1)

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given.append([id for id, _ in args[1]])
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        future = self._thread.submit(fn, *args, **kwargs)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Future[Any]) -> None:
        self.waiting -= 1


def item(number: int) -> Item:
    return Item(place=(number,), data=pod(f"p{number}"))


def test_equal_affinities_share_a_lane_which_is_never_given_too_much() -> None:
    lanes, found = [Lane(), Lane()], dict[str, Verdict]()
    ended: list[bool] = []
    judging = Elsewhere(
        lanes,
        JudgeOptions(policies=policies(LABELLED)),
        found.__setitem__,
        lambda: ended.append(True),
    )
    for number in range(BATCH * AHEAD * 4):
        judging.submit(str(number), item(number), number << 32)
    judging.finish()
    judging.close()
    assert ended == [True]
    assert [{int(id) % 2 for batch in lane.given for id in batch} for lane in lanes] == [{0}, {1}]
    assert all(len(batch) == BATCH for lane in lanes for batch in lane.given)
    assert max(lane.most for lane in lanes) <= AHEAD
    assert len(found) == BATCH * AHEAD * 4
    close_judges()


@pytest.mark.parametrize(
    ("store", "kind"),
    [
        (StoreOptions(max_concurrency=0), UsageError),
        (StoreOptions(pull_secrets=(b"x",)), TransportError),
    ],
)
def test_faults_are_told_across_processes(
    tmp_path: Path, store: StoreOptions, kind: type[PratiqueError]
) -> None:
    options = JudgeOptions(policies=policies(SIGNED), store=store)
    pods = [pod("a", "ghcr.io/x:1")]
    with pytest.raises(kind) as here:
        run_scan(tmp_path / "here", pods, options.policies, store=store)
    with pytest.raises(kind) as there:
        scanned(tmp_path / "log", options, in_processes(1, options), pods)
    assert str(there.value) == str(here.value)


def test_a_process_that_ends_is_an_outage(tmp_path: Path) -> None:
    class Dying(JudgeOptions):
        def __reduce__(self) -> Any:
            return os._exit, (9,)

    options = Dying(policies=policies(LABELLED))
    with pytest.raises(TransportError, match="a process that judges resources has ended") as error:
        scanned(tmp_path / "log", options, in_processes(1, options))
    assert error.value.code == "worker-lost"


def test_a_batch_says_how_far_it_came() -> None:
    import pickle

    options = JudgeOptions(policies=policies(SIGNED), store=StoreOptions(offline=True, max_concurrency=0))
    judged = judge_batch(pickle.dumps(options), [("a", Item(place=(0,), data=pod("a", "ghcr.io/x:1")))])
    assert judged.fault is None
    assert judged.verdicts[0][1].unasked
    close_judges()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes under /proc")
def test_processes_end_with_the_one_that_made_them(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(LABELLED)
    pods = [pod(f"p{n}", f"a:{n}") for n in range(5000)]
    (tmp_path / "pods.json").write_text("".join(json.dumps(each) + "\n" for each in pods))
    command = [PRATIQUE, "scan", "policy.yaml", "--inventory", "pods.json", "--workers", "2"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    workers: set[int] = set()
    until = time.monotonic() + 60
    while not workers and time.monotonic() < until and process.poll() is None:
        workers = {pid for pid in _below(process.pid) if b"spawn_main" in _command(pid)}
        time.sleep(0.02)
    process.kill()
    process.wait(30)
    assert workers
    while any(b"spawn_main" in _command(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(b"spawn_main" in _command(pid) for pid in workers)


def _below(pid: int) -> set[int]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
