"""Results of suites for programs: JSON, YAML, Markdown, JUnit. Pure functions of the results.

References: fields as in Kyverno 1.19 `kyverno test -o json` (`printOutputFormats`), with the file of the
suite added, all suites in one document.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from pratique.runtime.outputs.text import visible
from pratique.runtime.testing.model import Row, SuiteResult

_COLUMNS: Final = ("ID", "POLICY", "RULE", "RESOURCE", "RESULT", "REASON")


def as_json(results: Sequence[SuiteResult], *, detailed: bool) -> str:
    """Return the rows as a JSON array."""
    return json.dumps(_rows(results, detailed=detailed), indent=2, ensure_ascii=False) + "\n"


def as_yaml(results: Sequence[SuiteResult], *, detailed: bool) -> str:
    """Return the rows as a YAML list."""
    import yaml

    text: str = yaml.safe_dump(_rows(results, detailed=detailed), sort_keys=False, allow_unicode=True)
    return text


def as_markdown(results: Sequence[SuiteResult], *, detailed: bool) -> str:
    """Return the rows as a table of Markdown."""
    names = (*_COLUMNS, "MESSAGE") if detailed else _COLUMNS
    lines = [f"| {' | '.join(names)} |", f"|{'----|' * len(names)}"]
    for row in _rows(results, detailed=detailed):
        cells = [str(row["Message" if name == "MESSAGE" else name]) for name in names]
        lines.append(f"| {' | '.join(visible(cell).replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def as_junit(results: Sequence[SuiteResult], *, detailed: bool) -> str:
    """Return the results as JUnit XML: a suite for each file, a case for each row."""
    tests = sum(result.passes + result.failures for result in results)
    failures = sum(result.failures for result in results)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites tests="{tests}" failures="{failures}">']
    for result in results:
        lines += _junit_suite(result, detailed=detailed)
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _junit_suite(result: SuiteResult, *, detailed: bool) -> Iterator[str]:
    count = result.passes + result.failures
    name = quoteattr(visible(result.path))
    yield f' <testsuite name={name} tests="{count}" failures="{result.failures}">'
    if result.problem:
        yield f'  <testcase classname={name} name="suite">'
        yield f'   <failure message="cannot be run">{_text(result.problem)}</failure>'
        yield "  </testcase>"
    for row in result.rows:
        yield from _junit_case(row, detailed=detailed)
    yield " </testsuite>"


def _junit_case(row: Row, *, detailed: bool) -> Iterator[str]:
    case = f"{row.policy}/{row.rule}" if row.rule else row.policy
    yield f"  <testcase classname={quoteattr(visible(case))} name={quoteattr(visible(row.resource))}>"
    message = row.message if detailed or row.failed else ""
    if row.failed:
        yield f"   <failure message={quoteattr(visible(row.reason))}>{_text(message)}</failure>"
    elif row.skipped:
        yield f"   <skipped message={quoteattr(visible(row.reason))}/>"
    elif message:
        yield f"   <system-out>{_text(message)}</system-out>"
    yield "  </testcase>"


def _text(text: str) -> str:
    return escape("\n".join(visible(line) for line in text.split("\n")))


def _rows(results: Sequence[SuiteResult], *, detailed: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for result in results:
        if result.problem:
            row = {"POLICY": "", "RULE": "", "RESOURCE": "", "RESULT": "Fail", "REASON": "Not run"}
            found.append({"ID": len(found) + 1, **row, "FILE": result.path, "Message": result.problem})
        for each in result.rows:
            told = {
                "ID": len(found) + 1,
                "POLICY": each.policy,
                "RULE": each.rule,
                "RESOURCE": each.resource,
                "RESULT": str(each.verdict),
                "REASON": each.reason,
                "FILE": result.path,
            }
            found.append({**told, "Message": each.message} if detailed else told)
    return found


FORMATS: Final[Mapping[str, Callable[..., str]]] = {
    "json": as_json,
    "yaml": as_yaml,
    "markdown": as_markdown,
    "junit": as_junit,
}
"""Format -> `(results, detailed=...)` that renders it."""
