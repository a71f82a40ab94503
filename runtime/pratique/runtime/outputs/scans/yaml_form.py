"""A scan as YAML: what `json_form` says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.json_format import row_json
from pratique.runtime.outputs.json_text import yaml_text
from pratique.runtime.outputs.scans.json_form import head, image_json, results
from pratique.runtime.outputs.scans.scanned import Scanned


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the report as YAML text."""
    yield yaml_text([head(scanned)])
    yield from _listed("images", map(image_json, scanned.images))
    yield from _listed("rows", map(row_json, scanned.rows()))
    yield from _listed("results", results(scanned, options))
    yield "errors: []\n"


def _listed(name: str, entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    empty = True
    for entry in entries:
        if empty:
            yield f"{name}:\n"
        empty = False
        yield yaml_text([[entry]])
    if empty:
        yield f"{name}: []\n"
