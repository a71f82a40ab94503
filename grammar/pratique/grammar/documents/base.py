"""What all document models share: strict, frozen, and no field that nobody reads."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Strict, model_validator

T = TypeVar("T")

Items = Annotated[tuple[T, ...], Strict(False)]
"""A YAML list. Strict pydantic wants a tuple for a tuple; only this level is relaxed, not the items."""


def camel(name: str) -> str:
    """Return a field's name as Kubernetes spells it; pydantic's own `to_camel` takes 5 ms of a cold start."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


class Model(BaseModel):
    """Base of the document models: fields in camel case, no coercion, unknown fields refused (rule R7).

    A field that is null counts as absent, as the API server prunes it before it fills in defaults.

    Texts are read by alias only (`validate`); code may construct models by field name.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=camel,
        validate_by_alias=True,
        validate_by_name=True,
        defer_build=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _prune_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None}
        return data
