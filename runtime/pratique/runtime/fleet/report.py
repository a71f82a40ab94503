"""What a scan found, read from its log, or from the logs of its shards: rows in the order of the inventory.

Nothing is held but what is counted by image and where each verdict stands, so that reports of any size can be
written.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from pratique.runtime.decision import ResourceId, Status, worst
from pratique.runtime.fleet.inventory import Place
from pratique.runtime.fleet.log import LogError, LogReader, differences
from pratique.runtime.fleet.records import result_of
from pratique.runtime.inputs import show
from pratique.runtime.outputs.scans.scanned import ImageCount
from pratique.runtime.outputs.view import Row, only_transport, row_of

REMEMBERED: Final = 4096
"""Verdicts that are held at a time."""

_NOBODY: Final = ResourceId(api_version="", kind="", namespace="", name="")


class _Tally(NamedTuple):
    """What one resource of a class adds to the counts."""

    statuses: tuple[Status, ...]
    images: tuple[tuple[str, Status], ...]
    only_transport: bool


class ScanReport:
    """Implements `Scanned` over finished logs; to be closed."""

    def __init__(self, readers: Sequence[LogReader], *, audit_warn: bool = False) -> None:
        """Count what the logs hold; they are those of all shards of one scan, see `open_report`."""
        self._readers = readers
        self._audit_warn = audit_warn
        self._rows = lru_cache(maxsize=REMEMBERED)(self._read_rows)
        header = readers[0].header
        self.policies = header.policies
        self.rules = header.rules
        self.notices = header.notices
        self.resources = sum(int(reader.totals["resources"]) for reader in readers)
        found = {tuple(sorted(root.items())) for reader in readers for root in reader.contents.roots}
        self.roots = [dict(root) for root in sorted(found)]
        counts: Counter[Status] = Counter()
        images: dict[str, Counter[Status]] = {}
        self.only_transport = True
        """Whether all errors come from what could not be asked."""
        tally = lru_cache(maxsize=REMEMBERED)(self._tally)
        for number, _, _, id in self._resources():
            told = tally(number, id)
            counts.update(told.statuses)
            for image, status in told.images:
                images.setdefault(image, Counter())[status] += 1
            self.only_transport = self.only_transport and told.only_transport
        self.summary = {status: counts[status] for status in Status}
        self.images = [
            ImageCount(image, {status: found[status] for status in Status})
            for image, found in sorted(images.items())
        ]

    def rows(self) -> Iterator[Row]:
        """Yield the rows, see `Scanned`."""
        for number, _, resource, id in self._resources():
            for row in self._rows(number, id):
                yield row._replace(result=replace(row.result, resource=resource))

    def close(self) -> None:
        """Close the logs."""
        for reader in self._readers:
            reader.close()

    def _resources(self) -> Iterator[tuple[int, Place, ResourceId, str]]:
        """Yield the resources of all logs in the order of their places, with the number of their log."""

        def of(number: int) -> Iterator[tuple[int, Place, ResourceId, str]]:
            for place, resource, id in self._readers[number].resources():
                yield number, place, resource, id

        return heapq.merge(*map(of, range(len(self._readers))), key=lambda each: each[1])

    def _read_rows(self, number: int, id: str) -> tuple[Row, ...]:
        results = [result_of(each, _NOBODY) for each in self._readers[number].results(id)]
        return tuple(row_of(each, audit_warn=self._audit_warn) for each in results)

    def _tally(self, number: int, id: str) -> _Tally:
        rows = self._rows(number, id)
        images: dict[str, list[Status]] = {}
        for row in rows:
            for shown in row.checks:
                if shown.check.image:
                    images.setdefault(shown.check.image, []).append(shown.status)
        return _Tally(
            statuses=tuple(row.status for row in rows),
            images=tuple((image, worst(statuses)) for image, statuses in images.items()),
            only_transport=all(only_transport(row) for row in rows if row.status is Status.ERROR),
        )


def open_report(paths: Sequence[Path], *, audit_warn: bool = False, part: bool = False) -> ScanReport:
    """Return the report of the logs of all shards of one scan, or with `part` of one of them.

    Raises:
        LogError: a log cannot be read or is not finished, they are of different scans, or a shard is missing.
    """
    with ExitStack() as stack:
        readers = []
        for path in paths:
            readers.append(LogReader(path))
            stack.callback(readers[-1].close)
        if not part:
            _check(readers)
        report = ScanReport(sorted(readers, key=lambda r: r.header.shard), audit_warn=audit_warn)
        stack.pop_all()
        return report


def _check(readers: Sequence[LogReader]) -> None:
    """Raise a `LogError` unless logs are those of all shards of one scan."""
    first = readers[0]
    for other in readers[1:]:
        differing = [n for n in differences(first.header, other.header) if n != "shard"]
        if first.header.shard[1] != other.header.shard[1]:
            differing.append("number of shards")
        if differing:
            names = f"{show(str(first.path))} and {show(str(other.path))}"
            raise LogError(f"{names} are not of one scan: {', '.join(differing)}")
    of = first.header.shard[1]
    shards = [reader.header.shard[0] for reader in readers]
    if twice := sorted({number for number in shards if shards.count(number) > 1}):
        raise LogError(f"shard {twice[0] + 1}/{of} is given twice")
    if missing := sorted(set(range(of)) - set(shards)):
        named = ", ".join(f"{number + 1}/{of}" for number in missing[:10])
        raise LogError(f"not all shards of the scan are given: {named} missing")
