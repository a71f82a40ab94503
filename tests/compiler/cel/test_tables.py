"""Tables of expressions, one a source file: every line must come to what stands behind its arrow."""

from __future__ import annotations

import pytest

from pratique.compiler.cel.values.equality import equal
from pratique.compiler.cel.values.kinds import type_name
from tests.support_cel import DATA, Row, evaluate, outcome, rows

ROWS = [row for table in sorted(DATA.glob("*.cel")) for row in rows(table)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.place)
def test_comes_to_what_the_table_says(row: Row) -> None:
    if row.expected.startswith(("error: ", "at ")):
        assert outcome(row.text, row.environment) == row.expected
        return
    assert outcome(row.text, row.environment) == ""
    value, expected = (evaluate(text, row.environment) for text in (row.text, row.expected))
    assert equal(value, expected), f"{value!r} is not {expected!r}"
    assert type_name(value) == type_name(expected)


def test_every_table_has_lines() -> None:
    assert len(ROWS) > 300
    assert all(any(row.place.startswith(f"{table.stem}:") for row in ROWS) for table in DATA.glob("*.cel"))
