"""`quantity("1Gi")`.

References: Kubernetes 1.36 `apiserver/pkg/cel/library/quantity.go`; `apimachinery/pkg/api/resource`.
"""

from __future__ import annotations

from typing import Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque
from pratique.compiler.expressions.values.numbers import INT_MAX, INT_MIN
from pratique.compiler.expressions.values.quantities import Format, Quantity, parse_quantity

_TYPE: Final = opaque("kubernetes.Quantity")
_PATTERN: Final = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"


class QuantityValue(Opaque):
    """A quantity; equal to others of the same amount, however it is written."""

    __slots__ = ("quantity",)

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity

    @property
    def cel_type(self) -> Type:
        """Return `kubernetes.Quantity`."""
        return _TYPE

    def compare(self, other: QuantityValue) -> int:
        """Return -1, 0 or 1."""
        return self.quantity.compare(other.quantity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QuantityValue) and self.compare(other) == 0

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return str(self.quantity)


def read_quantity(text: str) -> QuantityValue:
    """Return the quantity that a text writes.

    Raises:
        CelError: it is none.
    """
    quantity = parse_quantity(text)
    if quantity is None:
        raise CelError(f"quantities must match the regular expression '{_PATTERN}'")
    return QuantityValue(quantity)


def _integer(value: QuantityValue) -> int | None:
    """Return the amount as an int where Kubernetes can say it without rounding."""
    quantity = value.quantity
    if quantity.scale > 0:
        return None
    whole: int = quantity.mantissa * 10**-quantity.scale
    return whole if INT_MIN <= whole <= INT_MAX else None


def _as_integer(value: QuantityValue) -> int:
    whole = _integer(value)
    if whole is None:
        raise CelError("cannot convert value to integer")
    return whole


def _plain(number: int) -> QuantityValue:
    return QuantityValue(Quantity(number, 0, Format.EXPONENT))


def _add(left: QuantityValue, right: QuantityValue) -> QuantityValue:
    return QuantityValue(left.quantity + right.quantity)


def _subtract(left: QuantityValue, right: QuantityValue) -> QuantityValue:
    return QuantityValue(left.quantity - right.quantity)


LIBRARY: Final = Library(
    overloads=(
        overload("quantity(string) -> kubernetes.Quantity", read_quantity),
        overload("isQuantity(string) -> bool", lambda text: parse_quantity(text) is not None),
        overload("sign(kubernetes.Quantity) -> int", lambda value: value.compare(_plain(0))),
        overload(
            ".isGreaterThan(kubernetes.Quantity, kubernetes.Quantity) -> bool",
            lambda left, right: left.compare(right) > 0,
        ),
        overload(
            ".isLessThan(kubernetes.Quantity, kubernetes.Quantity) -> bool",
            lambda left, right: left.compare(right) < 0,
        ),
        overload(".compareTo(kubernetes.Quantity, kubernetes.Quantity) -> int", QuantityValue.compare),
        overload(".asApproximateFloat(kubernetes.Quantity) -> double", lambda v: v.quantity.as_float()),
        overload(".asInteger(kubernetes.Quantity) -> int", _as_integer),
        overload(".isInteger(kubernetes.Quantity) -> bool", lambda value: _integer(value) is not None),
        overload(".add(kubernetes.Quantity, kubernetes.Quantity) -> kubernetes.Quantity", _add),
        overload(".add(kubernetes.Quantity, int) -> kubernetes.Quantity", lambda v, n: _add(v, _plain(n))),
        overload(".sub(kubernetes.Quantity, kubernetes.Quantity) -> kubernetes.Quantity", _subtract),
        overload(
            ".sub(kubernetes.Quantity, int) -> kubernetes.Quantity", lambda v, n: _subtract(v, _plain(n))
        ),
    ),
    types={"kubernetes.Quantity": _TYPE},
)
