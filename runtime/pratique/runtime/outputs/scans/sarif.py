"""SARIF of a scan, see `outputs.sarif`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_text import json_line
from pratique.runtime.outputs.sarif import LEVELS, log, message, row_json, rule_json
from pratique.runtime.outputs.scans.scanned import Scanned

_RESULTS: Final = '"results": []'
"""As it stands in the log; a text in it cannot look like that, since its quotes are escaped."""


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield a SARIF log with one run."""
    rules: dict[str, dict[str, Any]] = {}
    for row in scanned.rows():
        identifier = f"{row.result.policy}/{row.result.rule}"
        if identifier not in rules:
            rules[identifier] = rule_json(identifier, row)
    notices = [{"level": "note", "message": message(notice)} for notice in scanned.notices]
    text = log(list(rules.values()), [], notices, successful=True, summary=scanned.summary)
    before, _, behind = text.partition(_RESULTS)
    yield f'{before}"results": ['
    numbers = {identifier: number for number, identifier in enumerate(rules)}
    between = "\n"
    for row in scanned.rows():
        if row.status in LEVELS:
            identifier = f"{row.result.policy}/{row.result.rule}"
            yield between + json_line(row_json(row, identifier, numbers[identifier])).rstrip()
            between = ",\n"
    yield f"]{behind}"
