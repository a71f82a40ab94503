"""A layered layout: boxes in columns, near what they are connected with, lines routed between the boxes.

Every line from a box runs along one path through the columns to its farthest user, and branches off on the
way: a box that a thousand rules need has one path, not a thousand. Where a path passes a column it takes a
place there like a box of little height.

References: Sugiyama, Tagawa, Toda, "Methods for visual understanding of hierarchical system structures"
(1981), for layers and barycentres; Best, Chakravarti, "Active set algorithms for isotonic regression" (1990),
for the places within a column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

COLUMN_GAP: Final = 52
BOX_GAP: Final = 14
LANE: Final = 6
"""Height of a path that passes a column."""
SWEEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Size:
    """A box to place: number, column and size in pixels."""

    number: int
    column: int
    height: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is.

    Attributes:
        places: number of a box -> left and top edge.
        paths: source and user -> the points of the line between them, from left to right.
        width: of the whole drawing.
        height: of the whole drawing.
    """

    places: Mapping[int, tuple[int, int]]
    paths: Mapping[tuple[int, int], tuple[tuple[int, int], ...]]
    width: int
    height: int


@dataclass(slots=True)
class _Slot:
    """A box, or a lane of a path, in a column; `y` is its middle."""

    column: int
    height: int
    order: float
    y: float = 0.0
    left: list[_Slot] = field(default_factory=list)
    right: list[_Slot] = field(default_factory=list)


def layout(boxes: Sequence[Size], lines: Sequence[tuple[int, int]], width: int) -> Layout:
    """Return places for boxes of `width` pixels. Lines go from left to right, at least one column."""
    slots = {box.number: _Slot(box.column, box.height, number) for number, box in enumerate(boxes)}
    chains = _chains(slots, lines)
    columns: defaultdict[int, list[_Slot]] = defaultdict(list)
    for slot in slots.values():
        columns[slot.column].append(slot)
    for chain in chains.values():
        for lane in chain[1:]:
            columns[lane.column].append(lane)
    _place(columns)
    top = min((slot.y - slot.height / 2 for column in columns.values() for slot in column), default=0.0)
    bottom = max((slot.y + slot.height / 2 for column in columns.values() for slot in column), default=0.0)
    for column in columns.values():
        for slot in column:
            slot.y -= top
    step = width + COLUMN_GAP
    return Layout(
        places={n: (slot.column * step, round(slot.y - slot.height / 2)) for n, slot in slots.items()},
        paths={line: _path(line, slots, chains, width) for line in lines},
        width=max(columns, default=0) * step + width,
        height=round(bottom - top),
    )


def _chains(slots: Mapping[int, _Slot], lines: Sequence[tuple[int, int]]) -> dict[int, list[_Slot]]:
    """Return for every source its path: itself, and a lane in each column up to that of the farthest user."""
    users: defaultdict[int, list[int]] = defaultdict(list)
    for source, user in lines:
        users[source].append(user)
    chains = {}
    for source, numbers in users.items():
        start = slots[source]
        chain = [start]
        for column in range(start.column + 1, max(slots[number].column for number in numbers)):
            lane = _Slot(column, LANE, start.order)
            _join(chain[-1], lane)
            chain.append(lane)
        for number in numbers:
            distance = max(0, slots[number].column - start.column - 1)
            _join(chain[distance], slots[number])
        chains[source] = chain
    return chains


def _join(left: _Slot, right: _Slot) -> None:
    left.right.append(right)
    right.left.append(left)


def _place(columns: Mapping[int, list[_Slot]]) -> None:
    """Order every column by what it is connected with, then move each slot as near to that as room allows."""
    numbers = sorted(columns)
    for number in numbers:
        _stack(columns[number])
    for sweep in range(SWEEPS):
        for number in numbers if sweep % 2 == 0 else reversed(numbers):
            for slot in columns[number]:
                near = slot.left if sweep % 2 == 0 else slot.right
                slot.order = _mean(near, slot.y)
            columns[number].sort(key=lambda slot: slot.order)
            _stack(columns[number])
    for sweep in range(SWEEPS):
        for number in numbers if sweep % 2 else reversed(numbers):
            _settle(columns[number])


def _mean(near: Sequence[_Slot], otherwise: float) -> float:
    return sum(slot.y for slot in near) / len(near) if near else otherwise


def _stack(column: Sequence[_Slot]) -> None:
    y = 0.0
    for slot in column:
        slot.y = y + slot.height / 2
        y += slot.height + BOX_GAP
    for slot in column:
        slot.y -= y / 2


def _settle(column: Sequence[_Slot]) -> None:
    """Move slots to the middle of their neighbours, as near as their order and the gaps allow.

    The least sum of squared distances: neighbours that would overlap form a block, which moves as one.
    """
    offset = 0.0
    offsets = []
    blocks: list[tuple[float, int]] = []  # mean of what its slots want, number of slots
    for before, slot in zip((None, *column), column, strict=False):
        if before is not None:
            offset += (before.height + slot.height) / 2 + BOX_GAP
        offsets.append(offset)
        blocks.append((_mean([*slot.left, *slot.right], slot.y) - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (above, n), (below, m) = blocks[-2:]
            blocks[-2:] = [((above * n + below * m) / (n + m), n + m)]
    wanted = [mean for mean, number in blocks for _ in range(number)]
    for slot, offset, y in zip(column, offsets, wanted, strict=True):
        slot.y = y + offset


def _path(
    line: tuple[int, int], slots: Mapping[int, _Slot], chains: Mapping[int, list[_Slot]], width: int
) -> tuple[tuple[int, int], ...]:
    """Return the points of a line: from the right of a box along its lanes to the left of another."""
    source, user = slots[line[0]], slots[line[1]]
    step = width + COLUMN_GAP
    points = [(source.column * step + width, round(source.y))]
    for lane in chains[line[0]][1 : max(1, user.column - source.column)]:
        points += [(lane.column * step, round(lane.y)), (lane.column * step + width, round(lane.y))]
    return (*points, (user.column * step, round(user.y)))
