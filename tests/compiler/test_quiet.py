from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from pratique.compiler.quiet import quiet


@pytest.mark.parametrize("action", ["always", "error"])
def test_nothing_is_said_or_raised_whatever_the_process_wants(action: str) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter(action)  # type: ignore[arg-type]
        with quiet():
            warnings.warn("odd", stacklevel=1)
    assert said == []


def test_outside_of_the_block_warnings_are_as_before() -> None:
    with quiet(), quiet():
        pass
    with pytest.warns(UserWarning, match="odd"):
        warnings.warn("odd", stacklevel=1)


def test_threads_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)

    def work(_: int) -> None:
        for _ in range(200):
            with quiet():
                warnings.warn("odd", stacklevel=1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert list(warnings.filters) == before
