"""The page of verdicts of a scan, see `outputs.verdicts`."""

from __future__ import annotations

from collections.abc import Iterator

from pratique.runtime.decision import RootLine
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.scans.scanned import Scanned
from pratique.runtime.outputs.verdicts.page import page
from pratique.runtime.outputs.verdicts.state import state
from pratique.runtime.outputs.view import Verdict


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the page."""
    roots = [
        RootLine(
            name=root["name"],
            version=root["digest"],
            source=root["source"],
            place=root["place"],
            checked_at=None,
            expires=None,
            newest=None,
            text=f"{root['name']}: {root['source']} {root['place']}",
        )
        for root in scanned.roots
    ]
    data = state(
        map(Verdict, scanned.rows()),
        summary=scanned.summary,
        now=options.now,
        roots=roots,
        notices=scanned.notices,
    )
    yield page(data).text
