"""Questions about the document models themselves, for the help that a wrong field deserves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def model_at(root: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel] | None:
    """Return the model that describes the mapping at `path`, or None where there is none."""
    found = _annotation_at(root, path)
    return found if _is_model(found) else None


def choices_at(root: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the texts that may stand at `path`, as YAML writes them; nothing where any may."""
    found = _annotation_at(root, path)
    if found is bool:
        return ("true", "false")
    return tuple(map(str, get_args(found))) if get_origin(found) is Literal else ()


def _annotation_at(root: type[BaseModel], path: Sequence[str | int]) -> Any:
    current: Any = root
    for part in path:
        current = _step(current, part)
    return current


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by their names in documents."""
    # Models are built when first used; until then a reference to a later model is only a name.
    model.model_rebuild()
    return {field.alias or name: field for name, field in model.model_fields.items()}


def bare(annotation: Any) -> Any:
    """Return an annotation without `Annotated` and `| None`; None for a union of several types."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) in (Union, UnionType):
        known = [arg for arg in get_args(annotation) if arg is not type(None)]
        return bare(known[0]) if len(known) == 1 else None
    return annotation


@cache
def homes(root: type[BaseModel], name: str) -> tuple[str, ...]:
    """Return where in a document a field called `name` belongs, such as `spec.rules[].verifyImages[]`."""
    return tuple(place or "the top level" for place, model in _walk(root, "", ()) if name in fields(model))


def _walk(
    model: type[BaseModel], place: str, above: tuple[type[BaseModel], ...]
) -> Iterator[tuple[str, type[BaseModel]]]:
    yield place, model
    for name, field in fields(model).items():
        inner, suffix = bare(field.annotation), ""
        while not _is_model(inner) and get_origin(inner) in (tuple, dict):
            suffix += "[]" if get_origin(inner) is tuple else ".*"
            inner = bare(get_args(inner)[0 if get_origin(inner) is tuple else 1])
        if _is_model(inner) and inner not in above and inner is not model:
            below = f"{place}.{name}{suffix}".lstrip(".")
            yield from _walk(inner, below, (*above, model))


def _step(current: Any, part: str | int) -> Any:
    if _is_model(current):
        field = fields(current).get(str(part))
        return bare(field.annotation) if field else None
    match get_origin(current):
        case origin if origin is tuple:
            return bare(get_args(current)[0])
        case origin if origin is dict:
            return bare(get_args(current)[1])
        case _:
            return None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
