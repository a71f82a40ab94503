"""Lint findings as JSON."""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.lint.base import Finding, Fix
from pratique.compiler.lint.inventory import Cover, Coverage
from pratique.grammar.source import Location
from pratique.runtime.outputs.findings import LintReport
from pratique.runtime.outputs.json_format import API_VERSION
from pratique.runtime.outputs.json_text import json_line, json_text
from pratique.runtime.outputs.text import Palette

KIND: Final = "LintReport"
_KINDS: Final = ("LintMistake", "LintFinding")


def render(report: LintReport, palette: Palette) -> str:
    """Return everything; `errors` are the mistakes that kept policies from being read."""
    return json_text(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            **_counts(report),
            "findings": [_json(finding) for finding in report.findings],
            "notices": list(report.notices),
            "errors": [_json(mistake) for mistake in report.mistakes],
            "fixed": [_json(finding) for finding in report.fixed],
            **({"inventory": _inventory(report.coverage)} if report.coverage else {}),
        }
    )


def _inventory(coverage: Coverage) -> dict[str, Any]:
    images = dict.fromkeys(Cover, 0)
    for standing in coverage.standings:
        images[standing.cover] += 1
    return {
        "name": coverage.inventory.name,
        "images": len(coverage.inventory.images),
        "uses": sum(use.count for use in coverage.inventory.uses),
        "cover": {str(cover): count for cover, count in images.items()},
        "patterns": [
            {
                "policy": each.policy.key,
                "rule": each.rule.name,
                "list": "skipImageReferences" if each.is_skip else "imageReferences",
                "pattern": each.pattern.text,
                "images": each.images,
                **_place(each.pattern.at.location),
            }
            for each in coverage.patterns
        ],
        "entries": [
            {
                "policy": each.policy.key,
                "rule": each.rule.name,
                "images": each.images,
                **_place(each.requirement.at.location),
            }
            for each in coverage.entries
        ],
        "uncovered": [
            {
                "image": standing.image,
                "cover": str(standing.cover),
                "uses": sum(use.count for use in standing.uses),
                "namespaces": sorted({use.target.namespace for use in standing.uses if use.target}),
            }
            for standing in coverage.gaps
        ],
    }


def render_lines(report: LintReport, palette: Palette) -> str:
    """Return an object for each mistake and finding, a line each, and at last one with the counts."""
    kinds = [(_KINDS[0], report.mistakes), (_KINDS[1], report.findings)]
    lines = [{"kind": kind, **_json(finding)} for kind, found in kinds for finding in found]
    end = {"kind": "LintSummary", **_counts(report), "fixed": len(report.fixed)}
    return "".join(json_line({"apiVersion": API_VERSION, **line}) for line in (*lines, end))


def _counts(report: LintReport) -> dict[str, Any]:
    return {
        "summary": {str(severity): count for severity, count in report.summary.items()},
        "totals": {"policies": report.policies, "rules": report.rules},
    }


def _json(finding: Finding) -> dict[str, Any]:
    problem = finding.problem
    data: dict[str, Any] = {
        "code": finding.code,
        "name": finding.name,
        "severity": str(finding.severity),
        "message": problem.message,
        **_place(finding.location),
    }
    if finding.basis:
        data |= {"confidence": str(problem.confidence), "basis": str(finding.basis)}
    optional: dict[str, Any] = {
        "label": problem.label,
        "examples": [{"label": example.label, "text": example.text} for example in problem.examples],
        "related": [{"label": label, **_place(place)} for label, place in problem.related],
        "help": problem.help,
        "fix": _fix(problem.fix) if problem.fix else None,
    }
    return data | {key: value for key, value in optional.items() if value}


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{**_place(edit.location), "text": edit.text} for edit in fix.edits]
    return {"safe": fix.safe, "edits": edits}


def _place(location: Location | None) -> dict[str, Any]:
    if location is None:
        return {}
    start, end = location.span
    return {
        "file": location.source.name,
        "line": start.line,
        "column": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }
