"""A scan as JSON: the shape of `apply`'s report, and what was found by image; one line for each entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pratique.runtime.decision import Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_format import API_VERSION, result_entries, row_json
from pratique.runtime.outputs.json_text import json_line
from pratique.runtime.outputs.scans.scanned import ImageCount, Scanned

KIND: Final = "ScanReport"


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the report as JSON text."""
    yield "{\n"
    for key, value in head(scanned).items():
        yield f'"{key}": {json_line(value).rstrip()},\n'
    yield from _listed("images", map(image_json, scanned.images))
    yield ",\n"
    yield from _listed("rows", map(row_json, scanned.rows()))
    yield ",\n"
    yield from _listed("results", results(scanned, options))
    yield ',\n"errors": []\n}\n'


def head(scanned: Scanned) -> dict[str, Any]:
    """Return everything but lists that may be long."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "summary": {str(status): scanned.summary[status] for status in Status},
        "totals": {
            "policies": scanned.policies,
            "rules": scanned.rules,
            "resources": scanned.resources,
            "images": len(scanned.images),
        },
        "notices": list(scanned.notices),
        "trustedRoots": [dict(root) for root in scanned.roots],
    }


def image_json(count: ImageCount) -> dict[str, Any]:
    """Return how an image fares as plain data."""
    return {
        "image": count.image,
        "result": str(count.status),
        "resources": {str(status): number for status, number in count.resources.items() if number},
    }


def results(scanned: Scanned, options: RenderOptions) -> Iterator[dict[str, Any]]:
    """Yield all checks as plain data."""
    for row in scanned.rows():
        yield from result_entries(row, options.now)


def _listed(name: str, entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield f'"{name}": ['
    between = "\n"
    for entry in entries:
        yield f"{between}{json_line(entry).rstrip()}"
        between = ",\n"
    yield "\n]" if between != "\n" else "]"
