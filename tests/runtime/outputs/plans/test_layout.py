"""Drawings: nothing overlaps, lines run from left to right and around boxes, large plans take no time."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest

from pratique.runtime.outputs.plans.layout import BOX_GAP, Size, layout

WIDTH = 200


def any_plan(seed: int, boxes: int, columns: int) -> tuple[list[Size], list[tuple[int, int]]]:
    chance = random.Random(seed)
    sizes = [Size(n, n * columns // boxes, chance.choice((30, 60, 90))) for n in range(boxes)]
    lines = set()
    for user in sizes:
        before = [size for size in sizes if size.column < user.column]
        for source in chance.sample(before, min(len(before), chance.randrange(4))):
            lines.add((source.number, user.number))
    return sizes, sorted(lines)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_do_not_touch_and_lines_go_around_them(seed: int) -> None:
    sizes, lines = any_plan(seed, 60, 7)
    placed = layout(sizes, lines, WIDTH)
    frames = {
        size.number: (
            *placed.places[size.number],
            placed.places[size.number][1] + size.height,
        )
        for size in sizes
    }
    for size in sizes:
        left, top, bottom = frames[size.number]
        assert 0 <= top < bottom <= placed.height + 1
        assert 0 <= left <= placed.width - WIDTH
        for other in sizes:
            if other.number > size.number and other.column == size.column:
                _, above, below = frames[other.number]
                assert below + BOX_GAP - 2 <= top or bottom + BOX_GAP - 2 <= above
    for source, user in lines:
        points = placed.paths[source, user]
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert points[0][0] == frames[source][0] + WIDTH
        assert points[-1][0] == frames[user][0]
        for (x, y), (right, below) in pairwise(points):
            if right - x == WIDTH:  # through a column
                assert y == below
                assert not any(left == x and top < y < bottom for left, top, bottom in frames.values())


def test_layouts_are_the_same_every_time() -> None:
    assert layout(*any_plan(1, 60, 7), WIDTH) == layout(*any_plan(1, 60, 7), WIDTH)


def test_a_source_of_many_has_one_path() -> None:
    sizes = [Size(0, 0, 30), *(Size(n, 4, 30) for n in range(1, 101))]
    placed = layout(sizes, [(0, n) for n in range(1, 101)], WIDTH)
    assert len({path[:-1] for path in placed.paths.values()}) == 1


def test_nothing_at_all() -> None:
    placed = layout([], [], WIDTH)
    assert (placed.places, placed.paths, placed.height) == ({}, {}, 0)


def test_a_box_stands_beside_what_it_is_connected_with() -> None:
    sizes = [Size(n, 0, 30) for n in range(5)] + [Size(5, 1, 30)]
    placed = layout(sizes, [(4, 5)], WIDTH)
    assert placed.places[4][1] == placed.places[5][1]


def test_thousands_of_boxes_take_no_time() -> None:
    sizes, lines = any_plan(3, 4_000, 9)
    start = time.process_time()
    layout(sizes, lines, WIDTH)
    assert time.process_time() - start < 5
