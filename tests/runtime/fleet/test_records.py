from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pratique.compiler.ir import Action
from pratique.runtime.decision import RuleResult, Status
from pratique.runtime.fleet.records import resource_json, resource_of, result_json, result_of
from pratique.runtime.outputs.json_format import result_entries, row_json
from pratique.runtime.outputs.view import row_of
from tests.support_reports import mixed, resource, result, story, unreachable

RESULTS = [*mixed().results, *story().results, result((unreachable(),), action=Action.AUDIT, scored=False)]


@pytest.mark.parametrize("found", RESULTS, ids=range(len(RESULTS)))
def test_results_come_back_as_reports_show_them(found: RuleResult) -> None:
    found = replace(found, number=7, pins=())
    again = result_of(json.loads(json.dumps(result_json(found))), found.resource)
    before, after = row_of(found), row_of(again)
    assert row_json(after) == row_json(before)
    assert list(result_entries(after, None)) == list(result_entries(before, None))
    assert again.number == 7
    assert [check.transport for check in again.checks] == [check.transport for check in found.checks]
    assert again.location == found.location or str(again.location) == str(found.location)


def test_all_statuses_are_among_the_examples() -> None:
    assert {check.status for found in RESULTS for check in found.checks} >= {*Status} - {Status.WARN}


def test_resources_come_back() -> None:
    assert resource_of(resource_json(resource("a", uid="1"))) == resource("a", uid="1")
