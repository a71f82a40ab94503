from __future__ import annotations

import pytest

from pratique.compiler.ir import Action
from pratique.runtime.decision import Report, ResourceId, RuleResult, Status
from pratique.runtime.outputs.view import View, resource_reference
from tests.support_reports import (
    mixed,
    proved,
    result,
    signed,
    skipped,
    unproved,
    unreachable,
    wrongly_signed,
)


def status_of(one: RuleResult, *, audit_warn: bool = False) -> tuple[Status, list[Status]]:
    row = View(Report(results=(one,)), audit_warn=audit_warn).rows[0]
    return row.status, [shown.status for shown in row.checks]


def test_rows_keep_the_order_and_the_status_of_the_report() -> None:
    report = mixed()
    view = View(report)
    assert [row.result for row in view.rows] == list(report.results)
    assert [row.status for row in view.rows] == [one.status for one in report.results]
    assert view.summary == report.summary


def test_an_unscored_failure_is_a_warning_in_rows_and_checks() -> None:
    one = result((wrongly_signed(), proved()), scored=False)
    assert status_of(one) == (Status.WARN, [Status.WARN, Status.PASS])


def test_audit_warn_turns_failures_of_audit_policies_into_warnings() -> None:
    audited = result((wrongly_signed(), proved()), action=Action.AUDIT)
    assert status_of(audited) == (Status.FAIL, [Status.FAIL, Status.PASS])
    assert status_of(audited, audit_warn=True) == (Status.WARN, [Status.WARN, Status.PASS])


def test_audit_warn_leaves_enforcing_policies_alone() -> None:
    enforced = result((wrongly_signed(), unproved()))
    assert status_of(enforced, audit_warn=True) == (Status.FAIL, [Status.FAIL, Status.FAIL])


def test_an_error_is_never_a_warning() -> None:
    one = result((unreachable(),), action=Action.AUDIT, scored=False)
    assert status_of(one, audit_warn=True) == (Status.ERROR, [Status.ERROR])


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"failMessage": "F"}, "F"),
        ({"passMessage": "P"}, None),
        ({"failMessage": "F", "message": "M"}, "M"),
        ({"failMessage": ""}, None),
        ({"message": ""}, None),
    ],
)
def test_report_properties_override_messages(properties: dict[str, str], message: str | None) -> None:
    one = result((wrongly_signed(),), properties=tuple(properties.items()))
    row = View(Report(results=(one,))).rows[0]
    assert row.message == (message or one.message)
    assert [shown.message for shown in row.checks] == [row.message]
    assert row.properties == properties


def test_each_status_has_its_own_override() -> None:
    properties = tuple((f"{status}Message", f"because {status}") for status in Status)
    checks = (signed(), wrongly_signed(), unreachable(), skipped())
    row = View(Report(results=(result(checks, properties=properties),))).rows[0]
    assert row.message == "because error"
    assert [c.message for c in row.checks] == [
        "because pass",
        "because fail",
        "because error",
        "because skip",
    ]


def test_the_override_goes_by_the_status_before_it_became_a_warning() -> None:
    properties = (("failMessage", "F"), ("warnMessage", "W"))
    row = View(Report(results=(result((wrongly_signed(),), scored=False, properties=properties),))).rows[0]
    assert (row.status, row.message) == (Status.WARN, "F")


def test_empty_parts_of_a_reference_are_left_out() -> None:
    cluster_wide = ResourceId(api_version="v1", kind="Namespace", namespace="", name="n")
    assert resource_reference(cluster_wide) == {"apiVersion": "v1", "kind": "Namespace", "name": "n"}
    full = ResourceId(api_version="v1", kind="Pod", namespace="ns", name="n", uid="u")
    assert list(resource_reference(full)) == ["apiVersion", "kind", "namespace", "name", "uid"]
