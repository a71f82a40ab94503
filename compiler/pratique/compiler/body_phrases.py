"""What rules demand or do besides verifying images, in words; texts are quoted as in `phrases`."""

from __future__ import annotations

import json
from typing import Any, assert_never

from pratique.compiler.bodies import (
    AnyPattern,
    Body,
    Cel,
    Change,
    Check,
    Cleanup,
    Copies,
    Copy,
    Deny,
    ForEach,
    Generation,
    GenerationLoop,
    JsonPatch,
    Make,
    Mutation,
    MutationLoops,
    ObjectData,
    Pattern,
    PodSecurity,
    SignedManifest,
    StrategicMerge,
    Validation,
)
from pratique.compiler.cel_bodies import CEL_BODIES, CelBody
from pratique.compiler.cel_phrases import cel_body
from pratique.compiler.phrases import quote
from pratique.compiler.question_phrases import conditions
from pratique.compiler.resource_phrases import joined, one_of


def body(of: Body | CelBody) -> str:
    """Return what a rule demands of resources, changes in them, or makes of them."""
    if isinstance(of, CEL_BODIES):
        return cel_body(of)
    match of:
        case Validation():
            return check(of.check)
        case Mutation() if of.targets:
            kinds = joined([target.kind or "any kind" for target in of.targets])
            return f"changes existing objects ({kinds}) by {_change(of.change)}"
        case Mutation():
            return f"changes the resource by {_change(of.change)}"
        case Generation():
            made = joined([_make(each) for each in of.makes])
            return f"makes {made}{', kept in step with its source' if of.synchronize else ''}"
        case Cleanup():
            text = f"is deleted at {quote(of.schedule)}"
            return text if of.conditions is None else f"{text} where {conditions(of.conditions)}"
        case _:
            assert_never(of)


def check(of: Check) -> str:
    """Return what a validation demands."""
    match of:
        case Pattern():
            return f"the resource looks like {_data(of.data)}"
        case AnyPattern():
            number = len(of.data) if isinstance(of.data, list) else 1
            return f"the resource looks like one of {number} patterns"
        case Deny(conditions=None):
            return "every resource is refused"
        case Deny():
            return f"refused where {conditions(of.conditions)}"
        case ForEach():
            loops = (f"each of {quote(loop.list)}: {check(loop.check)}" for loop in of.loops)
            return "; and ".join(loops)
        case PodSecurity():
            left = [quote(each.control) for each in of.exclusions]
            without = f", without {' and '.join(dict.fromkeys(left))}" if left else ""
            standard = f"the Pod Security Standards ({of.version})"
            return f"the Pod keeps to the level {of.level} of {standard}{without}"
        case Cel():
            number = len(of.expressions)
            first = quote(of.expressions[0].expression) if of.expressions else "nothing"
            return f"{first} is true" if number <= 1 else f"{number} expressions are true, the first {first}"
        case SignedManifest():
            number = len(of.signatures)
            whom = "a set of attestors" if number == 1 else f"each of {number} sets of attestors"
            return f"the resource is as {whom} has signed it, by the annotations of {quote(of.domain)}"
        case _:
            assert_never(of)


def _change(of: Change) -> str:
    match of:
        case StrategicMerge():
            return f"merging {_data(of.overlay)}"
        case JsonPatch():
            return f"the JSON patch {quote(of.operations)}"
        case MutationLoops():
            return "; and ".join(f"each of {quote(loop.list)}: {_change(loop.change)}" for loop in of.loops)
        case _:
            assert_never(of)


def _make(of: Make | GenerationLoop) -> str:
    if isinstance(of, GenerationLoop):
        return f"for each of {quote(of.list)} {_make(of.make)}"
    name = quote("/".join(part for part in (of.namespace, of.name) if part))
    match of.source:
        case ObjectData():
            return f"{of.kind} {name}"
        case Copy(namespace=namespace, name=source):
            return f"{of.kind} {name} as a copy of {quote(f'{namespace}/{source}' if namespace else source)}"
        case Copies():
            return f"copies of {one_of(of.source.kinds)} of namespace {quote(of.source.namespace)}"
        case _:
            assert_never(of.source)


def _data(data: Any) -> str:
    return quote(json.dumps(data, ensure_ascii=False, default=str))
