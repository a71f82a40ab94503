"""What pydantic found wrong with a document, in the words of the document's author and at its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from pratique.grammar.errors import PolicyError
from pratique.grammar.nodes import Document, MappingNode, Node, ScalarNode, SequenceNode, show_path

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_MAX_SHOWN = 40
_TYPES = {
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
}


def problems(
    error: ValidationError, model: type[BaseModel], document: Document, prefix: tuple[str | int, ...]
) -> list[PolicyError]:
    """Return one error for each mistake, in the order of the text.

    Args:
        error: what validating against `model` raised.
        model: the model of the mapping at `prefix`.
        document: the document that the data came from.
        prefix: where in the document the data stood.
    """
    found = [_problem(detail, model, document, prefix) for detail in error.errors(include_url=False)]
    return sorted(found, key=lambda problem: problem.location.span if problem.location else ())


def _problem(
    detail: ErrorDetails, model: type[BaseModel], document: Document, prefix: tuple[str | int, ...]
) -> PolicyError:
    path = detail["loc"]
    place = (*prefix, *path)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_field(path, model, document, prefix)
    if kind == "missing":
        return PolicyError(
            "missing-field",
            f"{_subject(path[:-1], 'the document')} needs a field `{path[-1]}`",
            document.location(place[:-1], key=True),
        )
    code, demand = _demand(kind, context)
    node = document.node(place)
    received = "" if kind == "value_error" else f", not {_describe(node)}"
    return PolicyError(
        code,
        f"{_subject(path, 'the document')} {demand}{received}",
        document.location(place),
        help=_advice(kind, node),
    )


def _subject(path: Sequence[str | int], whole: str) -> str:
    return f"`{show_path(path)}`" if path else whole


def _demand(kind: str, context: dict[str, Any]) -> tuple[str, str]:
    """Return the code of a pydantic error type, and what the field must be."""
    if demand := _TYPES.get(kind):
        return "wrong-type", demand
    match kind:
        case "literal_error":
            return "wrong-value", f"must be {context['expected'].replace(chr(39), '`')}"
        case "greater_than_equal":
            return "wrong-value", f"must be at least {context['ge']}"
        case "string_too_long":
            return "wrong-value", f"must have at most {context['max_length']} characters"
        case "string_too_short":
            return "wrong-value", "must not be empty"
        case "value_error":
            return "wrong-value", str(context["error"])
        case _:
            return "wrong-value", "does not fit its schema"


def _describe(node: Node | None) -> str:
    match node:
        case None:
            return "this"
        case MappingNode():
            return "a mapping"
        case SequenceNode():
            return "a list"
        case ScalarNode(value=None):
            return "null"
        case ScalarNode(value=bool(value), raw=raw):
            word = "true" if value else "false"
            return f"the boolean {word}" + (f" (which unquoted `{raw}` means)" if raw != word else "")
        case ScalarNode(value=str(text)):
            shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
            return f"the text {shown!a}" + (f" of {len(text)} characters" if shown != text else "")
        case ScalarNode(value=value, raw=raw):
            return f"the number {value}" + (
                f" (which unquoted `{raw[:_MAX_SHOWN]}` means)" if raw != str(value) else ""
            )


def _advice(kind: str, node: Node | None) -> str:
    match kind, node:
        case "string_type", ScalarNode(value=bool() | int() | float(), raw=raw) if len(raw) <= _MAX_SHOWN:
            return f'quote it: "{raw}"'
        case "literal_error", ScalarNode(value=bool() | int() | float(), raw=raw) if len(raw) <= _MAX_SHOWN:
            return f'a text in quotes would be "{raw}"'
        case (("bool_type" | "int_type"), ScalarNode(value=str(text), style="'" | '"')) if (
            len(text) <= _MAX_SHOWN
        ):
            return f"without quotes: {text}"
        case "tuple_type", ScalarNode(value=str(text)) if text and len(text) <= _MAX_SHOWN:
            return "write each item on a line of its own that starts with `- `"
    return ""


def _unknown_field(
    path: tuple[str | int, ...],
    model: type[BaseModel],
    document: Document,
    prefix: tuple[str | int, ...],
) -> PolicyError:
    name = str(path[-1])
    owner = _subject(path[:-1], "the document")
    return PolicyError(
        "unknown-field",
        f"{owner} has no field `{name[:_MAX_SHOWN]}`",
        document.location((*prefix, *path), key=True),
        help=_proposal(name, path[:-1], model),
    )


def _proposal(name: str, owner: tuple[str | int, ...], root: type[BaseModel]) -> str:
    """Return the field that was probably meant: here under a similar name, or elsewhere under this one."""
    from difflib import get_close_matches

    from pratique.grammar.documents.schema import fields, homes, model_at

    model = model_at(root, owner)
    known = {field.lower(): field for field in fields(model)} if model else {}
    same = known.get(name.lower())
    if same:
        return f"did you mean `{same}`?"
    if elsewhere := homes(root, name):
        return f"`{name}` belongs to {' or '.join(elsewhere[:2])}"
    similar = get_close_matches(name.lower()[:_MAX_SHOWN], known, n=1)
    return f"did you mean `{known[similar[0]]}`?" if similar else ""
