"""A report as outputs show it: one row per policy, rule and resource, with the status that is counted.

Two things separate a row from its `RuleResult`: `--audit-warn` turns failures of Audit policies into
warnings, and a rule's `reportProperties` may replace messages.

References: Kyverno 1.19, `ToPolicyReportResult` (order: override by the status before it becomes a warning,
then by `message`), `ResultCounts.addEngineResponse`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from pratique.compiler.ir import Action
from pratique.runtime.decision import Check, Report, ResourceId, RuleResult, Stage, Status, worst

SOURCE = "pratique"
"""What reports give as `source`; never `kyverno`, whose own reports may live in the same cluster."""


class CheckRow(NamedTuple):
    """A check with the status and the message that reports show."""

    check: Check
    status: Status
    message: str


class Row(NamedTuple):
    """A rule result with the status that counts and the message that reports show."""

    result: RuleResult
    status: Status
    message: str
    checks: tuple[CheckRow, ...]

    @property
    def properties(self) -> dict[str, str]:
        """Return the rule's `reportProperties`."""
        return dict(self.result.properties)


class Verdict(NamedTuple):
    """A row with when it was judged and by whom, where that is known.

    Attributes:
        at: seconds since the epoch.
        origin: the program that found it, or the part of it; empty for a run of `pratique apply`.
        foreign: it comes from a report, which does not say what a failure does: the action is a guess.
    """

    row: Row
    at: int | None = None
    origin: str = ""
    foreign: bool = False


class View:
    """A report and its rows, in the report's order."""

    def __init__(
        self, report: Report, *, audit_warn: bool = False, rows: Sequence[Row] | None = None
    ) -> None:
        """Take a report; `rows` are those that were shown of it before, where it was read back."""
        self.report = report
        self.rows = (
            tuple(row_of(result, audit_warn=audit_warn) for result in report.results)
            if rows is None
            else tuple(rows)
        )

    @cached_property
    def summary(self) -> dict[Status, int]:
        """Return how many rows have each status, in the order of policy reports."""
        return tally(self.rows)


def tally(rows: Sequence[Row]) -> dict[Status, int]:
    """Return how many of `rows` have each status; every status is present."""
    counts = Counter(row.status for row in rows)
    return {status: counts[status] for status in Status}


def only_transport(row: Row) -> bool:
    """Say whether all that is wrong with `row` comes from something that could not be asked.

    An image that could not be asked about is also unproved: what the validating stage says about it is a
    consequence, not a finding.
    """
    broken = {shown.check.pointer for shown in row.checks if shown.check.transport}
    for shown in row.checks:
        check = shown.check
        follows = check.stage is Stage.VALIDATE and check.pointer in broken
        if shown.status in (Status.FAIL, Status.ERROR) and not check.transport and not follows:
            return False
    return True


def row_of(result: RuleResult, *, audit_warn: bool = False) -> Row:
    """Return a result as it stands in a report; failures of Audit policies are warnings with `audit_warn`."""
    decided = worst(check.status for check in result.checks)
    return Row(
        result=result,
        status=_counted(decided, result, audit_warn),
        message=_override(result, decided, result.message),
        checks=tuple(
            CheckRow(
                check=check,
                status=_counted(check.status, result, audit_warn),
                message=_override(result, check.status, check.message),
            )
            for check in result.checks
        ),
    )


def _counted(status: Status, result: RuleResult, audit_warn: bool) -> Status:
    lenient = not result.scored or (audit_warn and result.action is Action.AUDIT)
    return Status.WARN if status is Status.FAIL and lenient else status


def _override(result: RuleResult, status: Status, message: str) -> str:
    if not result.properties:
        return message
    properties = dict(result.properties)
    return properties.get("message") or properties.get(f"{status}Message") or message


def resource_reference(resource: ResourceId) -> dict[str, Any]:
    """Return the coordinates of a resource as a Kubernetes object reference; empty parts are left out."""
    reference = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "namespace": resource.namespace,
        "name": resource.name,
        "uid": resource.uid,
    }
    return {key: value for key, value in reference.items() if value}
