"""Lint findings as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.lint.base import Finding, Fix, Rule, Severity, catalogue
from pratique.runtime.outputs import sarif
from pratique.runtime.outputs.findings import LintReport
from pratique.runtime.outputs.findings_marks import marked
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.text import Palette

LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(report: LintReport, palette: Palette) -> str:
    """Return a SARIF 2.1.0 log; with mistakes in inputs, that of a run that did not succeed.

    Mistakes that a rule explains are results like findings, the others are notifications.
    """
    found = [each for each in report.all if each.basis]
    codes = {each.code for each in found}
    rules = [rule for rule in catalogue() if rule.code in codes]
    numbers = {rule.code: number for number, rule in enumerate(rules)}
    notifications = [sarif.notification(_mistake(each)) for each in report.mistakes if not each.basis]
    notifications += [{"level": "note", "message": sarif.message(notice)} for notice in report.notices]
    return sarif.log(
        [_sarif_rule(rule) for rule in rules],
        [_sarif_result(finding, numbers[finding.code], mark) for finding, mark in marked(found)],
        notifications,
        successful=not report.mistakes,
        summary=report.summary,
    )


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": sarif.message(rule.summary),
        "fullDescription": sarif.message(rule.manual),
        "help": {"text": rule.manual, "markdown": rule.manual},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"tags": ["security", "supply-chain"]},
    }


def _sarif_result(finding: Finding, index: int, mark: str) -> dict[str, Any]:
    problem = finding.problem
    lines = [problem.message, *(f"{example.label}: {example.text}" for example in problem.examples)]
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": sarif.message("\n".join([*lines, problem.help] if problem.help else lines)),
        "partialFingerprints": {"pratiqueFinding/v1": mark},
        "properties": {"basis": str(finding.basis), "confidence": str(problem.confidence)},
    }
    if finding.location:
        result["locations"] = [{"physicalLocation": sarif.physical_location(finding.location)}]
    if problem.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "physicalLocation": sarif.physical_location(place),
                "message": sarif.message(label),
            }
            for number, (label, place) in enumerate(problem.related, 1)
        ]
    if problem.fix:
        result["fixes"] = [_sarif_fix(problem.fix, problem.help)]
        result["properties"]["safeFix"] = problem.fix.safe
    return result


def _sarif_fix(fix: Fix, description: str) -> dict[str, Any]:
    places = [sarif.physical_location(edit.location) for edit in fix.edits]
    replacements = [
        {"deletedRegion": place["region"], "insertedContent": {"text": edit.text}}
        for place, edit in zip(places, fix.edits, strict=True)
    ]
    change = {"artifactLocation": places[0]["artifactLocation"], "replacements": replacements}
    return {"description": sarif.message(description), "artifactChanges": [change]}


def _mistake(finding: Finding) -> Problem:
    problem, location = finding.problem, finding.location
    if location is None:
        return Problem(code=finding.code, message=problem.message, help=problem.help)
    start, end = location.span
    return Problem(
        code=finding.code,
        message=problem.message,
        file=location.source.name,
        line=start.line,
        column=start.column,
        end_line=end.line,
        end_column=end.column,
        help=problem.help,
    )
