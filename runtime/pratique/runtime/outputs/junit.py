"""JUnit XML: a test suite per policy, a test case per rule and resource.

References: the de facto schema of Jenkins and GitLab (`testsuites` > `testsuite` > `testcase`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from pratique.runtime.decision import Reason, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.text import Palette, visible, visible_lines
from pratique.runtime.outputs.tree import draw, row_tree
from pratique.runtime.outputs.view import Row, View, tally

NAME: Final = "pratique"


def render(view: View, options: RenderOptions) -> str:
    """Return the report as XML; a warning is a passing case that says so in its output."""
    root = ET.Element("testsuites", {"name": NAME, **_numbers(view.rows)})
    suites: dict[str, list[Row]] = {}
    for row in view.rows:
        suites.setdefault(row.result.policy, []).append(row)
    for policy, rows in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": visible(policy), **_numbers(rows)})
        if options.now is not None:
            suite.set("timestamp", datetime.fromtimestamp(options.now, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        for row in rows:
            add_case(suite, row)
    return xml_text(root)


def render_problems(problems: Sequence[Problem]) -> str:
    """Return the mistakes as test cases in error."""
    number = str(len(problems))
    numbers = {"tests": number, "failures": "0", "errors": number, "skipped": "0"}
    root = ET.Element("testsuites", {"name": NAME, **numbers})
    suite = ET.SubElement(root, "testsuite", {"name": "inputs", **numbers})
    for problem in problems:
        place = f"{problem.file}:{problem.line}:{problem.column}" if problem.file else "inputs"
        case = ET.SubElement(suite, "testcase", classname="inputs", name=visible(place))
        fault = ET.SubElement(case, "error", type=problem.code, message=visible(problem.message))
        fault.text = visible(problem.help or problem.message)
    return xml_text(root)


def add_case(suite: ET.Element, row: Row) -> None:
    """Add the test case of a row to a suite."""
    result = row.result
    case = ET.SubElement(
        suite,
        "testcase",
        classname=visible(result.policy),
        name=visible(f"{result.rule} {result.resource}"),
    )
    if result.location:
        case.set("file", visible(result.location.source.name))
        case.set("line", str(result.location.span.start.line))
    match row.status:
        case Status.FAIL | Status.ERROR:
            tag = "failure" if row.status is Status.FAIL else "error"
            fault = ET.SubElement(case, tag, type=_code(row), message=visible(row.message))
            fault.text = _tree(row)
        case Status.SKIP:
            ET.SubElement(case, "skipped", message=visible(row.message))
        case Status.WARN:
            note = ET.SubElement(case, "system-out")
            note.text = "\n".join(["warning:", *visible_lines(row.message), _tree(row)])
        case Status.PASS:
            pass


def _tree(row: Row) -> str:
    return "\n".join(draw(row_tree(row, Palette())))


def _code(row: Row) -> str:
    """Return the code of the first reason that stands behind the row's status."""
    for shown in row.checks:
        if shown.status is row.status and shown.check.reason:
            return visible(_first_unmet(shown.check.reason).code)
    return str(row.status)


def _first_unmet(reason: Reason) -> Reason:
    for child in reason.children:
        if not child.met:
            return _first_unmet(child)
    return reason


def _numbers(rows: Sequence[Row]) -> dict[str, str]:
    counts = tally(rows)
    return {
        "tests": str(len(rows)),
        "failures": str(counts[Status.FAIL]),
        "errors": str(counts[Status.ERROR]),
        "skipped": str(counts[Status.SKIP]),
    }


def xml_text(root: ET.Element) -> str:
    """Return a report as text that any reader accepts."""
    ET.indent(root)
    # ASCII with character references: valid whatever encoding the file is later taken for.
    data: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return data.decode("ascii") + "\n"
