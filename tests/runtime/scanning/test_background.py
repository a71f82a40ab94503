from __future__ import annotations

from pratique.compiler.plan import Plan
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import Stage
from pratique.runtime.resource import Resource
from pratique.runtime.scanning.background import is_scanned, reported
from tests.runtime.fleet.test_classes import CHANGES, SIGNED
from tests.support_fleet import LABELLED, pod, policies
from tests.support_reports import result, signed, unproved

FOREGROUND = LABELLED.replace("spec:\n", "spec:\n  background: false\n")


def parts(text: str) -> list[bool]:
    return [is_scanned(each.policy, each.rule) for each in Plan(policies(text)).rules]


def test_rules_that_judge_take_part() -> None:
    assert parts(SIGNED) == [True] * 3
    assert parts(CHANGES) == [False] * 3
    assert not any(parts(FOREGROUND))


def test_of_images_only_signatures_are_reported() -> None:
    plan = Plan(policies(SIGNED))
    rules = applicable(plan, Resource(pod("a", "ghcr.io/x:1")))
    (kept,) = reported(rules, [result((signed(), unproved()))])
    assert [check.stage for check in kept.checks] == [Stage.VERIFY]
    assert reported(rules, [result((unproved(),))]) == []


def test_of_other_rules_everything_is() -> None:
    rules = applicable(Plan(policies(LABELLED)), Resource(pod("a")))
    found = result((unproved(),))
    assert reported([], [found]) == [found]
    assert len(rules) == 2
