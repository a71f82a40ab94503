"""The latest verdicts: the newest of each, in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pratique.runtime.decision import Check, RuleResult, Stage, Status
from pratique.runtime.showing import latest
from pratique.runtime.showing.latest import LatestVerdicts
from tests.support_reports import resource, result, signed, unproved, wrongly_signed

POLICY = ("", "kube-system/check-images")


def named(name: str, *checks: Check, **more: Any) -> RuleResult:
    return result(checks or (signed(),), of=resource(name), **more)


def names(of: LatestVerdicts) -> list[str]:
    return [verdict.row.result.resource.name for verdict in of.verdicts([POLICY])]


def test_the_newest_verdict_counts_and_comes_first() -> None:
    kept = LatestVerdicts()
    kept.take("admission", [named("a"), named("b")])
    kept.take("admission", [named("a", wrongly_signed())])
    assert names(kept) == ["a", "b"]
    assert kept.verdicts([POLICY])[0].row.status is Status.FAIL
    assert len(kept) == 2


def test_what_the_scan_finds_does_not_hide_what_was_admitted() -> None:
    kept = LatestVerdicts()
    kept.take("admission", [named("a", wrongly_signed())])
    kept.take("background scan", [named("a")])
    assert [(v.origin, v.row.status) for v in kept.verdicts([POLICY])] == [
        ("background scan", Status.PASS),
        ("admission", Status.FAIL),
    ]


def test_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = LatestVerdicts(max_rows=3)
    for number in range(10):
        kept.take("admission", [named(f"p{number}")])
        kept.take("admission", [named("always")])
    assert names(kept) == ["always", "p9", "p8"]
    assert kept.forgotten == 8


def test_texts_are_bounded() -> None:
    kept = LatestVerdicts(max_weight=100_000)
    for number in range(200):
        long = replace(signed(), message="x" * 5_000)
        kept.take("admission", [named(f"p{number}", long)])
    assert kept.weight <= 100_000
    assert 5 < len(kept) < 20
    kept.take("admission", [named("p", replace(signed(), message="y" * 1_000_000))])
    [newest, *_] = kept.verdicts([POLICY])
    assert len(newest.row.message) == len(newest.row.checks[0].message) == latest.MAX_MESSAGE
    assert len(newest.row.checks[0].check.message) == latest.MAX_MESSAGE


def test_the_weight_is_that_of_what_is_kept() -> None:
    kept = LatestVerdicts()
    for _ in range(5):
        kept.take("admission", [named("a", signed(), unproved()), named("b")])
    alone = LatestVerdicts()
    alone.take("admission", [named("a", signed(), unproved()), named("b")])
    assert kept.weight == alone.weight > 0


def test_many_checks_are_cut_and_the_verdict_stays() -> None:
    kept = LatestVerdicts()
    kept.take("admission", [named("a", *[signed()] * 500, wrongly_signed())])
    [verdict] = kept.verdicts([POLICY])
    assert len(verdict.row.checks) == latest.MAX_CHECKS
    assert verdict.row.status is Status.FAIL
    assert "someone@example.com" in verdict.row.message


def test_resources_are_not_kept() -> None:
    changed = Check(
        stage=Stage.MUTATE, status=Status.PASS, message="", patched={"kind": "Secret"}, made=({},)
    )
    kept = LatestVerdicts()
    kept.take("admission", [named("a", changed)])
    [verdict] = kept.verdicts([POLICY])
    assert verdict.row.result.checks == ()
    assert verdict.row.checks[0].check.patched is None
    assert verdict.row.checks[0].check.made == ()


def test_results_without_checks_are_no_verdicts() -> None:
    kept = LatestVerdicts()
    kept.take("admission", [result(())])
    assert len(kept) == 0
    assert kept.changes == 1


def test_policies_that_are_gone_are_not_told_of() -> None:
    kept = LatestVerdicts()
    kept.take("admission", [named("a"), named("a", policy="gone")])
    assert [verdict.row.result.policy for verdict in kept.verdicts([POLICY])] == [POLICY[1]]
