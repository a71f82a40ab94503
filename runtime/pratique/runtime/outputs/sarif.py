"""SARIF 2.1.0 for code scanning: a result per row that is not as it should be, at the rule that says so.

Rows that pass or are skipped are left out: the services that read SARIF show every result as an alert. Their
number is in the properties of the run.

References: OASIS SARIF 2.1.0, sections 3.11.5 (braces), 3.11.6 (links), 3.27 (results), 3.20 (invocations).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from pratique.grammar import __version__
from pratique.grammar.source import Location
from pratique.runtime.decision import Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_text import json_text
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.text import visible, visible_lines
from pratique.runtime.outputs.view import CheckRow, Row, View

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

LEVELS: Final = {Status.FAIL: "error", Status.ERROR: "error", Status.WARN: "warning"}

SECURITY_SEVERITY: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5", "info": "0.0"}
"""Severity of a policy -> the number by which code scanning sorts; its bands begin at 9, 7, 4 and 0.1."""


def render(view: View, options: RenderOptions) -> str:
    """Return the report as a SARIF log with one run."""
    rules: dict[str, dict[str, Any]] = {}
    numbers: dict[str, int] = {}
    results = []
    for row in view.rows:
        identifier = f"{row.result.policy}/{row.result.rule}"
        if identifier not in rules:
            numbers[identifier] = len(rules)
            rules[identifier] = rule_json(identifier, row)
        if row.status in LEVELS:
            results.append(row_json(row, identifier, numbers[identifier]))
    notices = [{"level": "note", "message": message(notice)} for notice in view.report.notices]
    return log(list(rules.values()), results, notices, successful=True, summary=view.summary)


def render_problems(problems: Sequence[Problem]) -> str:
    """Return a log of a run that did not succeed: mistakes are notifications, there are no results."""
    notifications = [notification(problem) for problem in problems]
    return log([], [], notifications, successful=False, summary={})


def log(
    rules: list[dict[str, Any]],
    results: list[dict[str, Any]],
    notifications: list[dict[str, Any]],
    *,
    successful: bool,
    summary: Mapping[Any, int],
) -> str:
    """Return a log with one run; `summary` counts what there was, and is left out where it is empty."""
    invocation: dict[str, Any] = {"executionSuccessful": successful}
    if notifications:
        invocation["toolConfigurationNotifications"] = notifications
    driver = {"name": "pratique", "version": __version__, "semanticVersion": __version__, "rules": rules}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": results,
    }
    if summary:
        run["properties"] = {"summary": {str(status): count for status, count in summary.items()}}
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def rule_json(identifier: str, row: Row) -> dict[str, Any]:
    """Return the rule of a row as the driver declares it."""
    result = row.result
    properties: dict[str, Any] = {"tags": ["security", "supply-chain"], "action": str(result.action)}
    if result.category:
        properties["category"] = visible(result.category)
    if result.severity in SECURITY_SEVERITY:
        properties |= {
            "severity": result.severity,
            "security-severity": SECURITY_SEVERITY[result.severity],
        }
    return {
        "id": visible(identifier),
        "name": visible(result.rule),
        "shortDescription": message(f"Rule {result.rule} of policy {result.policy}"),
        "properties": properties,
    }


def row_json(row: Row, identifier: str, index: int) -> dict[str, Any]:
    """Return a row that is not as it should be as a result; `index` is that of its rule."""
    result = row.result
    mark = _fingerprint(row)
    location: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": visible(str(result.resource)), "kind": "resource"}]
    }
    if place := result.location or result.resource.location:
        location["physicalLocation"] = physical_location(place)
    entry: dict[str, Any] = {
        "ruleId": visible(identifier),
        "ruleIndex": index,
        "kind": "fail",
        "level": LEVELS[row.status],
        "message": message(f"{result.resource}: {row.message}"),
        "locations": [location],
        "fingerprints": {"pratique/v1": mark},
        # Without it, code scanning hashes the line of the rule, and all resources would be one alert.
        "partialFingerprints": {"primaryLocationLineHash": f"{mark[:16]}:1"},
        "properties": {"status": str(row.status), "checks": [_check(shown) for shown in row.checks]},
    }
    if result.resource.location:
        entry["relatedLocations"] = [
            {
                "id": 1,
                "physicalLocation": physical_location(result.resource.location),
                "message": message(f"the resource {result.resource}"),
            }
        ]
    return entry


def _check(shown: CheckRow) -> dict[str, Any]:
    check = shown.check
    data: dict[str, Any] = {"stage": str(check.stage), "status": str(shown.status), "message": shown.message}
    data |= {k: v for k, v in {"image": check.image, "digest": check.digest}.items() if v}
    if check.reason:
        data["reason"] = check.reason.to_json()
    return data


def notification(problem: Problem) -> dict[str, Any]:
    """Return a mistake in an input."""
    entry: dict[str, Any] = {"level": "error", "message": message(problem.message)}
    entry["descriptor"] = {"id": visible(problem.code)}
    if problem.file:
        physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
        if problem.line:
            physical["region"] = {
                "startLine": problem.line,
                "startColumn": problem.column,
                "endLine": problem.end_line,
                "endColumn": problem.end_column,
            }
        entry["locations"] = [{"physicalLocation": physical}]
    return entry


def physical_location(location: Location) -> dict[str, Any]:
    """Return a place in a file."""
    start, end = location.span
    return {
        "artifactLocation": {"uri": _uri(location.source.name)},
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    }


def _uri(name: str) -> str:
    """Return a relative URI for a relative path, a `file:` URI for an absolute one."""
    path = PurePath(name)
    text = quote(path.as_posix(), safe="/", errors="replace")
    return f"file://{text}" if path.is_absolute() else text


def message(text: str) -> dict[str, str]:
    """Return a SARIF message in which braces are no placeholders and brackets are no links."""
    plain = "\n".join(visible_lines(text))
    return {"text": plain.replace("{", "{{").replace("}", "}}").replace("](", "] (")}


def _fingerprint(row: Row) -> str:
    """Return what stays the same while policy, rule and resource keep their names: 64 hexadecimal digits."""
    result = row.result
    resource = result.resource
    parts = (
        result.policy,
        result.rule,
        resource.api_version,
        resource.kind,
        resource.namespace,
        resource.name,
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
