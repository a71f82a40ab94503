"""Judging in other processes: on this machine, or on the workers of a Dask cluster.

Each lane is one process. Equal images go to one lane, so that each is asked about in one process only; a lane
keeps its connections, and what it knows of images, from batch to batch.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from typing import Final

from pratique.grammar.errors import PratiqueError, TransportError, UsageError
from pratique.runtime.fleet.inventory import Item
from pratique.runtime.fleet.judge import Found, Judge, JudgeOptions, Root, Verdict

BATCH: Final = 32
AHEAD: Final = 4
"""Batches that wait for one lane, at most: memory is bounded however fast the inventory is read."""

Batch = list[tuple[str, Item]]


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of a batch.

    Attributes:
        verdicts: by class, as far as they were found.
        roots: trust roots that signatures were checked against.
        fault: code and message of what ended it early; the code is empty for a fault of usage.
    """

    verdicts: list[tuple[str, Verdict]] = field(default_factory=list)
    roots: list[Root] = field(default_factory=list)
    fault: tuple[str, str] | None = None


_JUDGES: dict[str, Judge] = {}
"""Those of this process, by the digest of their options."""
_ONE_AT_A_TIME: Final = threading.Lock()
"""Dask may run several tasks in threads of one process."""


def judge_batch(options: bytes, batch: Batch) -> Judged:
    """Return what is found of resources; runs in the process of a lane.

    Args:
        options: `JudgeOptions`, pickled by the process that submits, which is ours.
        batch: classes with a resource of each.
    """
    verdicts: list[tuple[str, Verdict]] = []
    with _ONE_AT_A_TIME:
        try:
            name = hashlib.sha256(options).hexdigest()
            judge = _JUDGES.get(name)
            if judge is None:
                judge = _JUDGES[name] = Judge(pickle.loads(options))  # noqa: S301 (see above)
            judge.judge(batch, lambda id, verdict: verdicts.append((id, verdict)))
        except TransportError as error:
            return Judged(verdicts, fault=(error.code, error.message))
        except PratiqueError as error:
            return Judged(verdicts, fault=("", str(error)))
        return Judged(verdicts, judge.roots)


def close_judges() -> None:
    """Close the connections of this process."""
    with _ONE_AT_A_TIME:
        while _JUDGES:
            _JUDGES.popitem()[1].close()


class Elsewhere:
    """Implements `Judging` over executors, each of which is a lane."""

    def __init__(
        self,
        lanes: Sequence[Executor],
        options: JudgeOptions,
        found: Found,
        shut_down: Callable[[], None],
    ) -> None:
        """Take the lanes, and what ends them."""
        self._lanes = lanes
        self._options = pickle.dumps(options)
        self._found = found
        self._shut_down = shut_down
        self._batches: list[Batch] = [[] for _ in lanes]
        self._under_way: dict[Future[Judged], int] = {}
        self._roots: list[Root] = []

    def submit(self, id: str, item: Item, affinity: int) -> None:
        """Put a class into the batch of its lane; waits where the lane has enough to do. See `Judging`."""
        # By other bits than those that made the shard, of which all resources here have the same.
        lane = (affinity >> 32) % len(self._lanes)
        self._batches[lane].append((id, item))
        if len(self._batches[lane]) >= BATCH:
            self._send(lane)

    def finish(self) -> list[Root]:
        """Wait for everything, see `Judging`."""
        for lane, batch in enumerate(self._batches):
            if batch:
                self._send(lane)
        while self._under_way:
            self._take()
        return self._roots

    def close(self) -> None:
        """End the lanes."""
        for future in self._under_way:
            future.cancel()
        self._shut_down()

    def _send(self, lane: int) -> None:
        while sum(of == lane for of in self._under_way.values()) >= AHEAD:
            self._take()
        batch, self._batches[lane] = self._batches[lane], []
        try:
            self._under_way[self._lanes[lane].submit(judge_batch, self._options, batch)] = lane
        except BrokenExecutor as error:
            raise _lost() from error

    def _take(self) -> None:
        """Take what is there, and wait until something is."""
        done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        for future in done:
            del self._under_way[future]
            try:
                judged = future.result()
            except BrokenExecutor as error:
                raise _lost() from error
            for id, verdict in judged.verdicts:
                self._found(id, verdict)
            self._roots += [root for root in judged.roots if root not in self._roots]
            if judged.fault:
                code, message = judged.fault
                raise TransportError(code, message) if code else UsageError(message)


def _lost() -> TransportError:
    text = "a process that judges resources has ended; with --state, run the scan again to go on"
    return TransportError("worker-lost", text)


def in_processes(count: int, options: JudgeOptions) -> Callable[[Found], Elsewhere]:
    """Return what opens lanes in processes of this machine."""

    def opened(found: Found) -> Elsewhere:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        # Spawned: a forked child would have our event loops, locks and open log.
        context = get_context("spawn")
        lanes = [ProcessPoolExecutor(1, context, initializer=_end_with_parent) for _ in range(count)]

        def shut_down() -> None:
            for lane in lanes:
                try:
                    lane.submit(close_judges)
                except BrokenExecutor:
                    continue
            for lane in lanes:
                lane.shutdown()

        return Elsewhere(lanes, options, found, shut_down)

    return opened


def _end_with_parent() -> None:
    """End this process when the one that made it is killed, which could not tell it."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait as wait_for

    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
