"""Lint findings as a Code Quality report of GitLab.

References: GitLab documentation, "Code Quality", section "Code Quality report format".
"""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.lint.base import Finding, Severity
from pratique.runtime.outputs.findings import LintReport, whole_message
from pratique.runtime.outputs.findings_marks import marked
from pratique.runtime.outputs.json_text import json_text
from pratique.runtime.outputs.text import Palette, visible_lines

SEVERITIES: Final = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}

MISTAKE: Final = "blocker"
"""Severity of what keeps a policy from being read."""

NOWHERE: Final = "."
"""Path of what has no place of its own: a place is obligatory."""


def render(report: LintReport, palette: Palette) -> str:
    """Return mistakes and findings as a JSON list."""
    mistakes = {id(mistake) for mistake in report.mistakes}
    return json_text(
        [_issue(finding, mark, is_mistake=id(finding) in mistakes) for finding, mark in marked(report.all)]
    )


def _issue(finding: Finding, mark: str, *, is_mistake: bool) -> dict[str, Any]:
    place = finding.location
    return {
        "description": " ".join(visible_lines(whole_message(finding))),
        "check_name": f"{finding.code} {finding.name}" if finding.basis else finding.code,
        "fingerprint": mark,
        "severity": MISTAKE if is_mistake else SEVERITIES[finding.severity],
        "location": {
            "path": place.source.name if place else NOWHERE,
            "lines": {
                "begin": place.span.start.line if place else 1,
                "end": place.span.end.line if place else 1,
            },
        },
    }
