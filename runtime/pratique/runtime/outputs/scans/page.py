"""The page of verdicts of a scan, see `outputs.verdicts`: one document, and so of a bounded number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.runtime.decision import RootLine, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.scans.scanned import Scanned
from pratique.runtime.outputs.text import plural
from pratique.runtime.outputs.verdicts.page import page
from pratique.runtime.outputs.verdicts.state import state
from pratique.runtime.outputs.view import Row, Verdict

MAX_ROWS: Final = 20_000
"""Results on a page. Those that are not as they should be come first; others fill what is left."""

_FINE: Final = frozenset({Status.PASS, Status.SKIP})


def pieces(scanned: Scanned, options: RenderOptions) -> Iterator[str]:
    """Yield the page."""
    wrong = sum(count for status, count in scanned.summary.items() if status not in _FINE)
    rows = list(_kept(scanned, room=max(0, MAX_ROWS - wrong)))
    notices = list(scanned.notices)
    left = sum(scanned.summary.values()) - len(rows)
    if left:
        notices.append(f"{plural(left, 'further result')} not shown: the other formats have all")
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
    data = state([Verdict(row) for row in rows], now=options.now, roots=roots, notices=notices)
    # The heading counts everything, whatever is shown below it.
    data["summary"] = {str(status): scanned.summary[status] for status in Status}
    yield page(data).text


def _kept(scanned: Scanned, room: int) -> Iterator[Row]:
    """Yield the rows of the page in their order; `room` is for those that are as they should be."""
    shown = 0
    for row in scanned.rows():
        fine = row.status in _FINE
        if fine and not room:
            continue
        if shown == MAX_ROWS:
            return
        room -= fine
        shown += 1
        yield row
