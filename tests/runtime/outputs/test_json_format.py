from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.runtime.decision import Report, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_format import render, render_problems
from pratique.runtime.outputs.problems import Problem
from pratique.runtime.outputs.view import View
from tests.conftest import Golden
from tests.support_reports import mixed, story
from tests.support_schemas import schema_errors

SCHEMA = "apply-report-v1"


def document(report: Report, **options: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(render(View(report), RenderOptions(**options)))
    return data


def test_golden(golden: Golden) -> None:
    golden("outputs/mixed.json", render(View(mixed()), RenderOptions()))


@pytest.mark.parametrize("report", [mixed(), story(), Report(results=())])
def test_it_fits_its_schema(report: Report) -> None:
    assert schema_errors(SCHEMA, document(report)) == []
    assert schema_errors(SCHEMA, document(report, now=1700000000)) == []


def test_results_are_checks_and_rows_are_what_is_counted() -> None:
    data = document(story())
    assert data["summary"] == {"pass": 12, "fail": 1, "warn": 0, "error": 0, "skip": 0}
    assert len(data["rows"]) == 13
    assert len(data["results"]) == 26
    assert [entry["stage"] for entry in data["results"][:2]] == ["verify", "validate"]


def test_results_read_as_those_of_a_policy_report() -> None:
    """What comparing tools rely on: the worst result per policy, rule and resource is the row's."""
    data = document(mixed())
    rank = [str(s) for s in (Status.ERROR, Status.FAIL, Status.WARN, Status.PASS, Status.SKIP)]
    worst: dict[tuple[str, ...], str] = {}
    for entry in data["results"]:
        [resource] = entry["resources"]
        key = (
            entry["policy"],
            entry["rule"],
            resource.get("namespace", ""),
            resource["kind"],
            resource["name"],
        )
        worst[key] = min(worst.get(key, "skip"), entry["result"], key=rank.index)
    rows = {
        (
            r["policy"],
            r["rule"],
            r["resource"].get("namespace", ""),
            r["resource"]["kind"],
            r["resource"]["name"],
        ): r["result"]
        for r in data["rows"]
    }
    assert worst == rows


def test_times_only_with_a_clock() -> None:
    assert "timestamp" not in json.dumps(document(mixed()))
    results = document(mixed(), now=1700000000)["results"]
    assert {json.dumps(entry["timestamp"]) for entry in results} == {'{"seconds": 1700000000, "nanos": 0}'}


def test_problems_stand_in_the_place_of_results() -> None:
    text = render_problems(
        [
            Problem(
                code="bad-regexp", message="invalid policy p: no", file="p.yaml", line=3, column=7, help="h"
            ),
            Problem(code="no-such-file", message="x.yaml: no such file"),
        ]
    )
    data = json.loads(text)
    assert schema_errors(SCHEMA, data) == []
    assert data["results"] == []
    assert data["errors"] == [
        {
            "code": "bad-regexp",
            "message": "invalid policy p: no",
            "file": "p.yaml",
            "line": 3,
            "column": 7,
            "help": "h",
        },
        {"code": "no-such-file", "message": "x.yaml: no such file"},
    ]
