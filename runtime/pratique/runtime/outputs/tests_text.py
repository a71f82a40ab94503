"""Results of suites as the Kyverno CLI prints them: a table a suite, and one line at the end.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/commands/test` (`output.go`), `output/table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from pratique.runtime.outputs.text import Palette, plural, visible, visible_lines
from pratique.runtime.testing.model import Row, SuiteResult, Verdict

_COLUMNS: Final = ("ID", "POLICY", "RULE", "RESOURCE", "RESULT", "REASON")
_MESSAGE: Final = "MESSAGE"
_MAX_CELL: Final = 300
_COLOURS: Final = {Verdict.PASS: "1;32", Verdict.FAIL: "1;31", Verdict.SKIP: "1;36"}


def suite_text(result: SuiteResult, palette: Palette, *, detailed: bool = False) -> str:
    """Return what is printed of one suite, its table last."""
    lines = [f"Loading test {result.name} ( {visible(result.path)} ) ..."]
    if result.problem:
        lines += [palette.paint("1;31", "  cannot be run:"), *_indented(result.problem), ""]
        return "\n".join(lines)
    lines += [f"  warning: {visible(note)}" for note in result.notes]
    policies, resources = _count(result.policies, "policy", "policies"), plural(result.resources, "resource")
    exceptions = f" with {plural(result.exceptions, 'exception')}" if result.exceptions else ""
    lines += [f"  Applying {policies} to {resources}{exceptions} ...", ""]
    lines += [*table(result.rows, palette, detailed=detailed), ""]
    return "\n".join(lines)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in visible_lines(text)]


def table(rows: Sequence[Row], palette: Palette, *, detailed: bool = False) -> Iterator[str]:
    """Yield the lines of a table; rows are numbered from 1."""
    names = (*_COLUMNS, _MESSAGE) if detailed else _COLUMNS
    cells = [_cells(number, row, detailed=detailed) for number, row in enumerate(rows, 1)]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    rule = "│" + "│".join("─" * (width + 2) for width in widths) + "│"
    yield rule
    yield _line([palette.paint("32", name.ljust(width)) for name, width in zip(names, widths, strict=True)])
    yield rule
    for row, found in zip(rows, cells, strict=True):
        padded = [cell.ljust(width) for cell, width in zip(found, widths, strict=True)]
        padded[4] = palette.paint(_COLOURS[row.verdict], padded[4])
        yield _line(padded)
    yield rule


def _cells(number: int, row: Row, *, detailed: bool) -> list[str]:
    cells = [str(number), row.policy, row.rule, row.resource, row.verdict, row.reason]
    if detailed:
        cells.append(row.message)
    return [visible(cell)[:_MAX_CELL] for cell in cells]


def _line(cells: Iterable[str]) -> str:
    return "│ " + " │ ".join(cells) + " │"


def summary(results: Sequence[SuiteResult], *, fail_only: bool = False) -> str:
    """Return the line that counts the tests of all suites; a suite that was not run is a failed one."""
    passed = sum(result.passes for result in results)
    failed = sum(result.failures for result in results)
    if fail_only:
        return f"Test Summary: {failed} out of {passed + failed} tests failed"
    return f"Test Summary: {passed} tests passed and {failed} tests failed"


def only_failures(results: Sequence[SuiteResult]) -> list[SuiteResult]:
    """Return the suites with failed tests, without their other tests."""
    failing = (
        replace(result, rows=tuple(row for row in result.rows if row.failed))
        for result in results
        if result.failures
    )
    return list(failing)


def failures_text(results: Sequence[SuiteResult], palette: Palette, *, detailed: bool = False) -> str:
    """Return the failed tests of all suites in one table; empty where there are none."""
    rows = [row for result in results for row in result.rows if row.failed]
    lines: list[str] = []
    if rows:
        lines = ["Aggregated Failed Test Cases : ", *table(rows, palette, detailed=detailed)]
    for result in results:
        if result.problem:
            lines += [f"{visible(result.path)} cannot be run:", *_indented(result.problem)]
    return "\n".join(lines)
