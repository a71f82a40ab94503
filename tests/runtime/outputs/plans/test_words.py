from __future__ import annotations

import pytest

from pratique.compiler.cost import FREE, Cost
from pratique.compiler.explain.pruning import Kept
from pratique.runtime.analysis import RuleFigures
from pratique.runtime.decision import Status
from pratique.runtime.measuring import Measured
from pratique.runtime.outputs.plans import words


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (53_766, "53.8 kB"), (10_100_000, "10.1 MB")],
)
def test_size(number: int, text: str) -> None:
    assert words.size(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.25, "0.2 ms"), (9.96, "10.0 ms"), (301.4, "301 ms"), (6_014, "6.0 s"), (58_500, "58 s")],
)
def test_time(number: float, text: str) -> None:
    assert words.time(number) == text


def test_cost() -> None:
    assert words.cost(FREE) == "free"
    one = Cost(requests=1, calls=1, bytes=10, signatures=1, cpu_ms=0.4, wait_ms=100)
    assert words.cost(one) == "1 request, 1 call, 10 B, 1 signature, 100 ms"
    assert words.cost(one.times(2)) == "2 requests, 2 calls, 20 B, 2 signatures, 201 ms"


def test_measured() -> None:
    assert words.measured(Measured(asked=3)) == "free"
    assert words.measured(Measured(requests=2, bytes=5, seconds=0.01)) == "2 requests, 5 B, 10 ms"


def test_kept() -> None:
    assert words.kept(Kept(3, 12)) == "keeps 3 of 12, prunes 75%"


def test_cut() -> None:
    assert words.cut("abc", 3) == "abc"
    assert words.cut("ab cdef", 4) == "ab…"


def test_rule_ran() -> None:
    assert words.rule_ran(RuleFigures(0, 0, {})) == "applied to no resource"
    figures = RuleFigures(1, 2, {Status.PASS: 1, Status.FAIL: 0})
    assert words.rule_ran(figures) == "applied to 1 resource with 2 images: 1 pass"
