"""From a report to the exit code of `pratique apply` and `pratique scan`."""

from __future__ import annotations

from collections.abc import Mapping

from pratique.grammar.errors import ExitCode
from pratique.runtime.decision import Status
from pratique.runtime.outputs.view import View, only_transport


def exit_status(view: View, *, warn_exit_code: int = 0, warn_no_pass: bool = False) -> int:
    """Return the exit code for the rows of `view`.

    Findings come before faults of transport, and those before warnings: the code names the worst.

    Args:
        view: rows after `--audit-warn`.
        warn_exit_code: code for a run with warnings and nothing worse.
        warn_no_pass: use that code as well where nothing passed.

    References: Kyverno 1.19 CLI, `exit`; code 3 is pratique's own.
    """
    troubled = [row for row in view.rows if row.status is Status.ERROR]
    return status_of(
        view.summary,
        only_transport=all(map(only_transport, troubled)),
        warn_exit_code=warn_exit_code,
        warn_no_pass=warn_no_pass,
    )


def status_of(
    counts: Mapping[Status, int], *, only_transport: bool, warn_exit_code: int = 0, warn_no_pass: bool = False
) -> int:
    """Return the exit code for as many rows of each status.

    Args:
        counts: rows by status, after `--audit-warn`.
        only_transport: all errors come from what could not be asked.
        warn_exit_code: as in `exit_status`.
        warn_no_pass: likewise.
    """
    if counts[Status.FAIL] or (counts[Status.ERROR] and not only_transport):
        return ExitCode.FINDINGS
    if counts[Status.ERROR]:
        return ExitCode.TRANSPORT
    if counts[Status.WARN] or (warn_no_pass and not counts[Status.PASS]):
        return warn_exit_code
    return ExitCode.CLEAN
