"""One scan: resources come in, classes are judged, everything goes into the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pratique.runtime.fleet.classes import Classes
from pratique.runtime.fleet.inventory import Inventory, Item
from pratique.runtime.fleet.judge import Found, Judge, JudgeOptions, Root, Verdict
from pratique.runtime.fleet.log import Log
from pratique.runtime.fleet.sharding import Shard, affinity, belongs

BATCH: Final = 256
TOLD: Final = 200
"""Resources between two words about progress."""

Progress = Callable[[int, int, str], None]


class Judging(Protocol):
    """Judges classes, here or elsewhere."""

    def submit(self, id: str, item: Item, affinity: int) -> None:
        """Have the class of a resource judged; equal affinities are better judged in one place."""
        ...

    def finish(self) -> list[Root]:
        """Wait until everything is judged; return the trust roots that were used."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Here:
    """Judges in this process."""

    def __init__(self, options: JudgeOptions, found: Found) -> None:
        self._judge = Judge(options)
        self._found = found
        self._batch: list[tuple[str, Item]] = []

    def submit(self, id: str, item: Item, affinity: int) -> None:
        """Judge when a batch is full; see `Judging`."""
        self._batch.append((id, item))
        if len(self._batch) >= BATCH:
            self._judge_batch()

    def finish(self) -> list[Root]:
        """Judge what is left; see `Judging`."""
        self._judge_batch()
        return self._judge.roots

    def close(self) -> None:
        """Close all connections."""
        self._judge.close()

    def _judge_batch(self) -> None:
        batch, self._batch = self._batch, []
        self._judge.judge(batch, self._found)


def scan(
    inventory: Inventory,
    classes: Classes,
    log: Log,
    open_judging: Callable[[Found], Judging],
    shard: Shard,
    progress: Progress,
) -> None:
    """Look at all resources of a shard, and bring the log to its end.

    Args:
        inventory: the resources.
        classes: tells which of them have the same verdict.
        log: has what earlier runs found, and takes what is found.
        open_judging: makes what judges; it is told whom to tell.
        shard: which resources are looked at.
        progress: is told how far the scan is.

    Raises:
        PolicyErrors: the inventory holds something that is no object.
        TransportError: the cluster, the store or the trust root could not be asked at all.
    """
    known = set(log.classes) - log.known.unasked
    judged = seen = resources = 0

    def tell() -> None:
        position = inventory.position
        text = f"{position.unit}: {resources:,} resources, {judged:,} of {len(known):,} classes judged"
        progress(position.done, position.total, text)

    def found(id: str, verdict: Verdict) -> None:
        nonlocal judged
        log.add_class(id, verdict)
        judged += 1
        if judged % 16 == 0:
            tell()

    judging = open_judging(found)
    try:
        for item in inventory.items():
            seen += 1
            resource = classes.resource(item)
            if not belongs(resource, shard):
                continue
            resources += 1
            if resources % TOLD == 0:
                tell()
            rules = classes.rules(resource)
            if not rules:
                continue
            id = classes.of(resource, rules)
            log.add_resource(item.place, resource.id, id)
            if id not in known:
                known.add(id)
                judging.submit(id, item, affinity(resource))
        for root in judging.finish():
            log.add_root(root)
    finally:
        judging.close()
    log.end({"seen": seen, "resources": resources})
