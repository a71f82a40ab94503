"""The report as JSON: the whole outcome, in a shape that only grows while its version stays.

`results` has one entry per check (an image at a stage), shaped like an entry of a policy report, with the
reason tree. `rows` has one entry per policy, rule and resource, and `summary` counts those. Optional parts
that are empty are left out of entries; the keys of the document itself are always there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pratique.runtime.decision import Report, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_text import json_text
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.roots import root_json
from pratique.runtime.outputs.view import SOURCE, Row, View, resource_reference

API_VERSION: Final = "pratique.dev/v1"
KIND: Final = "ApplyReport"


def document(view: View, options: RenderOptions) -> dict[str, Any]:
    """Return the report as plain data."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "summary": {str(status): count for status, count in view.summary.items()},
        "totals": _totals(view.report),
        "rows": [row_json(row) for row in view.rows],
        "results": [entry for row in view.rows for entry in result_entries(row, options.now)],
        "notices": list(view.report.notices),
        "trustedRoots": [root_json(root) for root in view.report.roots],
        "errors": [],
    }


def problems_document(problems: Sequence[Problem]) -> dict[str, Any]:
    """Return the document of a run whose inputs could not be used: nothing was judged."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "summary": {str(status): 0 for status in Status},
        "totals": _totals(Report(results=())),
        "rows": [],
        "results": [],
        "notices": [],
        "trustedRoots": [],
        "errors": [problem.to_json() for problem in problems],
    }


def render(view: View, options: RenderOptions) -> str:
    """Return the report as JSON text."""
    return json_text(document(view, options))


def render_problems(problems: Sequence[Problem]) -> str:
    """Return the mistakes as JSON text, with an empty list of results."""
    return json_text(problems_document(problems))


def _totals(report: Report) -> dict[str, Any]:
    requests = report.requests
    return {
        "policies": report.policies,
        "rules": report.rules,
        "resources": report.resources,
        "images": report.images,
        "verifications": report.verifications,
        "requests": {
            "manifests": requests.manifests,
            "blobs": requests.blobs,
            "referrers": requests.referrers,
            "tokens": requests.tokens,
            "bytes": requests.bytes,
        },
    }


def row_json(row: Row) -> dict[str, Any]:
    """Return a row as plain data."""
    result = row.result
    return {
        "policy": result.policy,
        "rule": result.rule,
        "resource": resource_reference(result.resource),
        "result": str(row.status),
        "message": row.message,
        "action": str(result.action),
        "scored": result.scored,
        **_filled(
            {
                **_described(row),
                "location": str(result.location or ""),
                "resourceLocation": str(result.resource.location or ""),
            }
        ),
    }


def result_entries(row: Row, now: int | None) -> Iterator[dict[str, Any]]:
    """Yield the checks of a row as plain data."""
    result = row.result
    for shown in row.checks:
        check = shown.check
        yield {
            "source": SOURCE,
            "policy": result.policy,
            "rule": result.rule,
            "resources": [resource_reference(result.resource)],
            "result": str(shown.status),
            "message": shown.message,
            "scored": result.scored,
            "stage": str(check.stage),
            **_filled(
                {
                    **_described(row),
                    "timestamp": {} if now is None else {"seconds": now, "nanos": 0},
                    "image": check.image,
                    "container": check.container,
                    "pointer": check.pointer,
                    "digest": check.digest,
                    "reason": check.reason.to_json() if check.reason else {},
                }
            ),
        }


def _described(row: Row) -> dict[str, Any]:
    return {
        "category": row.result.category,
        "severity": row.result.severity,
        "properties": row.properties,
    }


def _filled(entry: dict[str, Any]) -> dict[str, Any]:
    """Return `entry` without its empty values."""
    return {key: value for key, value in entry.items() if value}
