"""Conditions over attestations and admission requests: shape only, expressions stay texts.

References: Kyverno 1.19 CRD, `attestations[].conditions`.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from pratique.grammar.documents.base import Items, Model

Operator: TypeAlias = Literal[
    "Equals",
    "NotEquals",
    "In",
    "AnyIn",
    "AllIn",
    "NotIn",
    "AnyNotIn",
    "AllNotIn",
    "GreaterThanOrEquals",
    "GreaterThan",
    "LessThanOrEquals",
    "LessThan",
    "DurationGreaterThanOrEquals",
    "DurationGreaterThan",
    "DurationLessThanOrEquals",
    "DurationLessThan",
]

DEPRECATED_OPERATORS = frozenset({"In", "NotIn"})


class Condition(Model):
    """One comparison; `key` and `value` are any JSON, mostly texts with `{{ expressions }}`."""

    key: Any = None
    operator: Operator | None = None
    value: Any = None
    message: str = ""


class Conditions(Model):
    """Holds if some of `any` holds (or there is none) and all of `all` hold."""

    any: Items[Condition] = ()
    all: Items[Condition] = ()
