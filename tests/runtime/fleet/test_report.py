from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.runtime.decision import Status
from pratique.runtime.fleet.log import LogError
from pratique.runtime.fleet.report import open_report
from tests.support_fleet import LABELLED, pod, policies, run_scan, text_of

POLICIES = policies(LABELLED)


def test_rows_counts_and_images(tmp_path: Path) -> None:
    objects = [pod("a", "x:1", team="t"), pod("b", "x:latest"), {"apiVersion": "v1", "kind": "Node"}]
    report = open_report([run_scan(tmp_path / "log", objects, POLICIES)])
    rows = [(row.result.resource.name, row.result.rule, str(row.status)) for row in report.rows()]
    assert rows == [("a", "team", "pass"), ("a", "tag", "pass"), ("b", "team", "fail"), ("b", "tag", "fail")]
    assert list(report.rows()) == list(report.rows())
    assert report.summary == {Status.PASS: 2, Status.FAIL: 2, Status.WARN: 0, Status.ERROR: 0, Status.SKIP: 0}
    assert (report.resources, report.rules, report.notices) == (3, 2, ("a word",))
    report.close()
    report = open_report([tmp_path / "log"], audit_warn=True)
    assert report.summary[Status.WARN] == 2
    report.close()


def test_shards_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    one, two, three = (run_scan(tmp_path / f"{n}", [pod("a")], POLICIES, shard=(n, 3)) for n in range(3))
    of_two = run_scan(tmp_path / "o", [pod("a")], POLICIES, shard=(0, 2))
    with pytest.raises(LogError, match="not all shards of the scan are given: 2/3 missing"):
        open_report([one, three])
    with pytest.raises(LogError, match="shard 1/3 is given twice"):
        open_report([one, two, three, one])
    with pytest.raises(LogError, match="are not of one scan: number of shards"):
        open_report([of_two, two])
    open_report([three, one, two]).close()


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a:1", "b:latest", "c:2", "d:3"]), st.sampled_from(["", "t"])), max_size=12
    ),
    st.integers(1, 4),
    st.randoms(),
)
def test_merging_shards_is_scanning_the_whole(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, str]], of: int, random: Random
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    objects = [pod(f"p{n}", image, team=team) for n, (image, team) in enumerate(found)]
    whole = run_scan(folder / "whole", objects, POLICIES)
    shards = [run_scan(folder / f"{n}", objects, POLICIES, shard=(n, of)) for n in range(of)]
    random.shuffle(shards)
    assert text_of("json", *shards) == text_of("json", whole)
