"""From a report to the exit code of `pratique apply`."""

from __future__ import annotations

from pratique.grammar.errors import ExitCode
from pratique.runtime.decision import Stage, Status
from pratique.runtime.outputs.view import Row, View


def exit_status(view: View, *, warn_exit_code: int = 0, warn_no_pass: bool = False) -> int:
    """Return the exit code for the rows of `view`.

    Findings come before faults of transport, and those before warnings: the code names the worst.

    Args:
        view: rows after `--audit-warn`.
        warn_exit_code: code for a run with warnings and nothing worse.
        warn_no_pass: use that code as well where nothing passed.

    References: Kyverno 1.19 CLI, `exit`; code 3 is pratique's own.
    """
    counts = view.summary
    troubled = [row for row in view.rows if row.status is Status.ERROR]
    if counts[Status.FAIL] or not all(map(only_transport, troubled)):
        return ExitCode.FINDINGS
    if troubled:
        return ExitCode.TRANSPORT
    if counts[Status.WARN] or (warn_no_pass and not counts[Status.PASS]):
        return warn_exit_code
    return ExitCode.CLEAN


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
