"""The page of a scan: what is wrong comes first, and what is left out is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.scans import page
from pratique.runtime.outputs.scans.formats import pieces
from tests.runtime.outputs.scans.test_formats import RESULTS, Given
from tests.support_browser import parsed
from tests.support_reports import resource, result, signed, wrongly_signed


def state(given: Given) -> dict[str, Any]:
    text = "".join(pieces("html", given, RenderOptions(now=1_700_000_000)))
    return dict(json.loads(next(e.text for e in parsed(text) if e.attributes.get("id") == "state")))


def test_everything_is_there() -> None:
    found = state(Given(RESULTS))
    assert len(found["rows"]) == len(RESULTS)
    assert found["made"] == 1_700_000_000
    assert found["notices"] == ["a <word>"]
    assert found["roots"] == ["trusted root r: file r.json"]


def test_what_is_wrong_is_there_before_what_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_ROWS", 4)
    fine = [result((signed(),), of=resource(f"fine-{number}")) for number in range(5)]
    wrong = [result((wrongly_signed(),), of=resource(f"wrong-{number}")) for number in range(3)]
    found = state(Given([*fine, *wrong]))
    assert [row["name"] for row in found["rows"]] == ["fine-0", "wrong-0", "wrong-1", "wrong-2"]
    assert found["summary"]["pass"] == 5
    assert found["notices"][-1] == "4 further results not shown: the other formats have all"
    found = state(Given([*wrong, *wrong]))
    assert len(found["rows"]) == 4
