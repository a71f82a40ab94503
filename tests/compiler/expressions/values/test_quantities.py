from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.values.quantities import Format, Quantity, parse_quantity
from tests.support_expressions import recorded

CASES = recorded("values.json")["quantities"]


@pytest.mark.parametrize("case", CASES, ids=[repr(case["text"]) for case in CASES])
def test_quantities_read_and_print_as_in_kubernetes(case: dict[str, Any]) -> None:
    quantity = parse_quantity(case["text"])
    if "error" in case:
        assert quantity is None
    else:
        assert str(quantity) == case["printed"]


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("1", "1000m", 0),
        ("1Ki", "1024", 0),
        ("1G", "1Gi", -1),
        ("1e3", "1k", 0),
        ("M", "m", 0),
        ("-1", "1", -1),
    ],
)
def test_quantities_compare_by_value(left: str, right: str, order: int) -> None:
    first, second = parse_quantity(left), parse_quantity(right)
    assert first is not None
    assert second is not None
    assert first.compare(second) == order
    assert second.compare(first) == -order


def test_quantity_exponents_are_bounded() -> None:
    start = time.process_time()
    assert parse_quantity("1e1000") is not None
    assert parse_quantity("1e1001") is None
    assert parse_quantity("1e999999999") is None
    assert parse_quantity("1e-999999999") is None
    assert parse_quantity("9" * 300) is None
    assert time.process_time() - start < 0.5


@given(st.integers(-(10**18), 10**18), st.integers(-12, 9), st.sampled_from(Format))
def test_printed_quantities_have_the_same_value(mantissa: int, scale: int, format_: Format) -> None:
    quantity = Quantity(mantissa, scale, format_)
    read = parse_quantity(str(quantity))
    # There is no suffix beyond E; Kubernetes then prints a number without one.
    if read is not None and abs(mantissa) * 10 ** max(0, -scale) < 10**18:
        assert read.compare(quantity) == 0


@given(st.text(alphabet="0123456789.eEinumkKMGTP+-", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    quantity = parse_quantity(text)
    assert quantity is None or isinstance(str(quantity), str)
