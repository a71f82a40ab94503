"""The page of a scan: what is wrong comes first, and what is left out is told."""

from __future__ import annotations

import json
from typing import Any

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.scans.formats import pieces
from tests.runtime.outputs.scans.test_formats import RESULTS, Given
from tests.support_browser import parsed


def state(given: Given) -> dict[str, Any]:
    text = "".join(pieces("html", given, RenderOptions(now=1_700_000_000)))
    return dict(json.loads(next(e.text for e in parsed(text) if e.attributes.get("id") == "state")))


def test_everything_is_there() -> None:
    found = state(Given(RESULTS))
    assert len(found["rows"]) == len(RESULTS)
    assert found["made"] == 1_700_000_000
    assert found["notices"] == ["a <word>"]
    assert found["roots"] == ["trusted root r: file r.json"]
