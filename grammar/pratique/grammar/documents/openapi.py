"""The document models as structural schemas of Kubernetes custom resource definitions.

References: Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions" (structural schemas).
"""

from __future__ import annotations

from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel

from pratique.grammar.documents.descriptions import description
from pratique.grammar.documents.schema import bare, fields

Schema = dict[str, Any]

ANYTHING: Final[Schema] = {"x-kubernetes-preserve-unknown-fields": True}
"""Data of any form, kept as it is."""

_PLAIN: Final = {str: "string", int: "integer", bool: "boolean", float: "number"}


def schema(model: type[BaseModel], *, described: bool = True) -> Schema:
    """Return the schema of a model.

    Fields that no model has are kept, not pruned: a misspelled field reaches whoever reads the policy, and is
    refused there with its place. Pruned, it would be a condition that nobody enforces (R7).

    Args:
        model: of a document, or of a part of it.
        described: say in words what each field means.
    """
    return _object(model, (), described)


def _object(model: type[BaseModel], above: tuple[type[BaseModel], ...], described: bool) -> Schema:
    properties: dict[str, Schema] = {}
    required = []
    for name, field in fields(model).items():
        found = _of(field.annotation, (*above, model), described) | _limits(field.metadata)
        text = description(model, name) if described else ""
        properties[name] = {"description": text, **found} if text else found
        if field.is_required():
            required.append(name)
    return {
        "type": "object",
        **ANYTHING,
        **({"required": required} if required else {}),
        "properties": properties,
    }


def _of(annotation: Any, above: tuple[type[BaseModel], ...], described: bool) -> Schema:
    limits = _limits(_metadata(annotation))
    found = bare(annotation)
    if found in _PLAIN:
        return {"type": _PLAIN[found], **limits}
    origin, arguments = get_origin(found), get_args(found)
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _of(arguments[0], above, described)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _of(arguments[1], above, described)}
    if isinstance(found, type) and issubclass(found, BaseModel) and found not in above:
        return _object(found, above, described)
    # Structural schemas cannot hold themselves, nor say "one of several".
    return dict(ANYTHING)


def _metadata(annotation: Any) -> list[Any]:
    """Return what `Annotated` says of a type or of the one type of an optional one."""
    found: list[Any] = []
    parts = [annotation]
    while parts:
        part = parts.pop()
        if hasattr(part, "__metadata__"):
            found += part.__metadata__
            parts.append(part.__origin__)
        elif bare(part) is not part and get_args(part):
            parts += [each for each in get_args(part) if each is not NoneType]
    return found


_LIMITS: Final = {"min_length": "minLength", "max_length": "maxLength", "ge": "minimum", "le": "maximum"}


def _limits(metadata: list[Any]) -> Schema:
    found: Schema = {}
    for each in metadata:
        for attribute, name in _LIMITS.items():
            if (limit := getattr(each, attribute, None)) is not None:
                found[name] = limit
        if isinstance(inner := getattr(each, "metadata", None), list):
            found |= _limits(inner)
    return found
