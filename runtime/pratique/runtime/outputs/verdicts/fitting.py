"""How many verdicts a page holds: it is one document, which a browser has to read as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pratique.runtime.decision import Status
from pratique.runtime.outputs.text import plural
from pratique.runtime.outputs.view import Verdict

MAX_ROWS: Final = 20_000

_FINE: Final = frozenset({Status.PASS, Status.SKIP})


def fitting(verdicts: Iterable[Verdict], summary: Mapping[Status, int]) -> Iterator[Verdict]:
    """Yield the verdicts of a page, in their order.

    Those that are not as they should be come before the others: what passed or was skipped gets the room that
    they leave.

    Args:
        verdicts: all of them.
        summary: how many of them have each status.
    """
    wrong = sum(count for status, count in summary.items() if status not in _FINE)
    room, shown = max(0, MAX_ROWS - wrong), 0
    for verdict in verdicts:
        fine = verdict.row.status in _FINE
        if fine and not room:
            continue
        if shown == MAX_ROWS:
            return
        room -= fine
        shown += 1
        yield verdict


def left_out(summary: Mapping[Status, int]) -> list[str]:
    """Return what is to be said of verdicts that a page does not hold; nothing where it holds all."""
    left = sum(summary.values()) - MAX_ROWS
    return [f"{plural(left, 'further result')} not shown: the other formats have all"] if left > 0 else []
