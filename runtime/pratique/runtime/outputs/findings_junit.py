"""Lint findings as JUnit XML: a test suite for each file, a test case for each finding.

References: the de facto schema of Jenkins and GitLab (`testsuites` > `testsuite` > `testcase`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from pratique.compiler.lint.base import Finding, Severity
from pratique.runtime.outputs.findings import LintReport, whole_message
from pratique.runtime.outputs.junit import xml_text
from pratique.runtime.outputs.text import Palette, visible, visible_lines

NAME: Final = "pratique lint"


def render(report: LintReport, palette: Palette) -> str:
    """Return mistakes as cases in error, findings as failed cases; notes of no weight pass, with an output.

    Without any there is one case that passes, since readers take a report without cases for a fault.
    """
    mistakes = {id(mistake) for mistake in report.mistakes}
    found = report.all
    root = ET.Element("testsuites", {"name": NAME, **_numbers(found, mistakes)})
    suites: dict[str, list[Finding]] = {}
    for finding in found:
        suites.setdefault(finding.location.source.name if finding.location else NAME, []).append(finding)
    for file, findings in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": visible(file), **_numbers(findings, mistakes)})
        for finding in findings:
            _case(suite, finding, is_mistake=id(finding) in mistakes)
    if not found:
        numbers = _numbers((), set()) | {"tests": "1"}
        suite = ET.SubElement(root, "testsuite", {"name": NAME, **numbers})
        ET.SubElement(suite, "testcase", classname=NAME, name="no findings")
        root.set("tests", "1")
    return xml_text(root)


def _case(suite: ET.Element, finding: Finding, *, is_mistake: bool) -> None:
    place = finding.location
    file = visible(place.source.name) if place else NAME
    where = f" {place.span.start.line}:{place.span.start.column}" if place else ""
    case = ET.SubElement(suite, "testcase", classname=file, name=visible(f"{finding.code}{where}"))
    if place:
        case.set("file", file)
        case.set("line", str(place.span.start.line))
    text = "\n".join(visible_lines(whole_message(finding)))
    if finding.severity is Severity.INFO:
        ET.SubElement(case, "system-out").text = text
        return
    tag = "error" if is_mistake else "failure"
    fault = ET.SubElement(case, tag, type=visible(finding.name), message=visible(finding.problem.message))
    fault.text = text


def _numbers(findings: Sequence[Finding], mistakes: set[int]) -> dict[str, str]:
    wrong = sum(id(finding) in mistakes for finding in findings)
    failed = sum(finding.severity is not Severity.INFO for finding in findings) - wrong
    return {"tests": str(len(findings)), "failures": str(failed), "errors": str(wrong), "skipped": "0"}
