from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.compiler.plan import Plan
from pratique.runtime.fleet.classes import Classes
from pratique.runtime.fleet.inventory import Item
from pratique.runtime.fleet.judge import Found, Root, Verdict
from pratique.runtime.fleet.log import Log, read_log
from pratique.runtime.fleet.scan import scan
from tests.support_fleet import LABELLED, MemoryInventory, header, pod, policies, run_scan, text_of

PODS = [pod(f"p{n}", f"a:{'latest' if n % 7 == 0 else n % 3}", team="t" if n % 2 else "") for n in range(60)]


class Recording:
    """Judges nothing, and remembers what it was given."""

    def __init__(self, found: Found, *, unasked: bool = False) -> None:
        self.found = found
        self.given: list[str] = []
        self.closed = False
        self._unasked = unasked

    def submit(self, id: str, item: Item, affinity: int) -> None:
        self.given.append(id)
        self.found(id, Verdict([], self._unasked))

    def finish(self) -> list[Root]:
        return [{"name": "r"}]

    def close(self) -> None:
        self.closed = True


def recorded(path: Path, objects: list[dict[str, Any]], *, unasked: bool = False) -> Recording:
    found = policies(LABELLED)
    made: list[Recording] = []

    def opened(told: Found) -> Recording:
        made.append(Recording(told, unasked=unasked))
        return made[0]

    log = Log(path, header())
    try:
        scan(MemoryInventory(objects), Classes(Plan(found)), log, opened, (0, 1), lambda *_: None)
    finally:
        log.close()
    return made[0]


def test_each_class_is_judged_once_however_many_resources(tmp_path: Path) -> None:
    given = recorded(tmp_path / "log", PODS * 3).given
    assert len(given) == len(set(given)) == 8
    found = read_log(tmp_path / "log")
    assert found.totals == {"seen": 180, "resources": 180}
    assert found.roots == [{"name": "r"}]


def test_what_is_known_is_not_judged_again_but_what_was_not_asked_is(tmp_path: Path) -> None:
    recorded(tmp_path / "log", PODS[:10])
    assert len(recorded(tmp_path / "log", PODS).given) == 8 - len(read_log_classes(PODS[:10], tmp_path))
    assert recorded(tmp_path / "log", PODS).given == []
    first = recorded(tmp_path / "other", PODS, unasked=True).given
    assert recorded(tmp_path / "other", PODS).given == first
    assert recorded(tmp_path / "other", PODS).given == []


def read_log_classes(objects: list[dict[str, Any]], folder: Path) -> set[str]:
    recorded(folder / "part", objects)
    return set(read_log(folder / "part").classes)


def test_judging_is_closed_whatever_happens(tmp_path: Path) -> None:
    made: list[Recording] = []

    class Broken(Recording):
        def submit(self, id: str, item: Item, affinity: int) -> None:
            raise OSError

    def opened(told: Found) -> Recording:
        made.append(Broken(told))
        return made[0]

    log = Log(tmp_path / "log", header())
    with pytest.raises(OSError):  # noqa: PT011 (any)
        scan(
            MemoryInventory(PODS),
            Classes(Plan(policies(LABELLED))),
            log,
            opened,
            (0, 1),
            lambda *_: None,
        )
    log.close()
    assert made[0].closed


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_shards_make_the_report_of_the_whole(tmp_path: Path, of: int) -> None:
    found = policies(LABELLED)
    whole = run_scan(tmp_path / "whole", PODS, found)
    shards = [run_scan(tmp_path / f"s{n}", PODS, found, shard=(n, of)) for n in range(of)]
    for form in ("json", "table", "policy-report", "sarif", "junit"):
        assert text_of(form, *reversed(shards)) == text_of(form, whole)
