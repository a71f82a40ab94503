from __future__ import annotations

from dataclasses import replace

import pytest

from pratique.compiler.ir import Action
from pratique.runtime.cli.exit_status import exit_status
from pratique.runtime.decision import Check, Report, RuleResult, Stage, Status
from pratique.runtime.outputs.view import View
from tests.support_reports import proved, result, signed, skipped, unproved, unreachable, wrongly_signed

PASS = result((signed(), proved()))
FAIL = result((wrongly_signed(), unproved()))
AUDIT = replace(FAIL, action=Action.AUDIT)
WARN = replace(FAIL, scored=False)
SKIP = result((skipped(),))
BROKEN = result((unreachable(), unproved()))
MISJUDGED = result((Check(stage=Stage.VERIFY, status=Status.ERROR, message="variable missing"),))


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ((), 0),
        ((PASS,), 0),
        ((SKIP,), 0),
        ((PASS, WARN, SKIP), 0),
        ((FAIL,), 1),
        ((AUDIT,), 1),
        ((PASS, FAIL), 1),
        ((MISJUDGED,), 1),
        ((BROKEN,), 3),
        ((BROKEN, PASS, WARN, SKIP), 3),
        ((BROKEN, FAIL), 1),
        ((BROKEN, MISJUDGED), 1),
    ],
)
def test_exit_codes_of_verdicts(results: tuple[RuleResult, ...], code: int) -> None:
    assert exit_status(View(Report(results=results))) == code


def test_a_finding_beside_a_fault_of_transport_is_a_finding() -> None:
    other = replace(wrongly_signed("other:v1"), pointer="/spec/containers/1/image")
    assert exit_status(View(Report(results=(result((unreachable(), other)),)))) == 1
    unpinned = replace(unproved("other:v1"), pointer="/spec/containers/1/image")
    assert exit_status(View(Report(results=(result((unreachable(), unpinned)),)))) == 1
    nameless = replace(unproved(), pointer="")
    assert exit_status(View(Report(results=(result((unreachable(), nameless)),)))) == 1


def test_an_error_without_a_fault_of_transport_is_a_finding() -> None:
    one = replace(unreachable(), transport=False)
    assert exit_status(View(Report(results=(result((one,)),)))) == 1


@pytest.mark.parametrize(
    ("results", "code"),
    [((PASS, WARN), 9), ((WARN,), 9), ((PASS,), 0), ((FAIL, WARN), 1), ((BROKEN, WARN), 3), ((), 0)],
)
def test_the_code_of_warnings(results: tuple[RuleResult, ...], code: int) -> None:
    assert exit_status(View(Report(results=results)), warn_exit_code=9) == code


@pytest.mark.parametrize(
    ("results", "code"), [((), 9), ((SKIP,), 9), ((PASS,), 0), ((FAIL,), 1), ((BROKEN,), 3)]
)
def test_nothing_passed(results: tuple[RuleResult, ...], code: int) -> None:
    assert exit_status(View(Report(results=results)), warn_exit_code=9, warn_no_pass=True) == code


def test_audit_warn_is_looked_at_before() -> None:
    report = Report(results=(AUDIT,))
    assert exit_status(View(report, audit_warn=True)) == 0
    assert exit_status(View(report, audit_warn=True), warn_exit_code=2) == 2
