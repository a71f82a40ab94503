"""Bodies of rules for Pods, made into bodies of rules for the controllers that create Pods.

Patterns and overlays are nested under the Pod template; all else keeps its shape, and its texts are rewritten
(`autogen.Family.replacements`).

References: Kyverno 1.19 `pkg/autogen/v1` (`generateRule`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pratique.compiler import bodies


def nested(body: bodies.Body, template: Sequence[str]) -> bodies.Body | None:
    """Return the body for controllers whose Pod template is at `template`; None where none is made."""
    match body:
        case bodies.Validation(check=bodies.Pattern() as pattern):
            return replace(body, check=replace(pattern, data=_under(template, pattern.data)))
        case bodies.Validation(check=bodies.AnyPattern() as patterns):
            data = [_under(template, each) for each in patterns.data]
            return replace(body, check=replace(patterns, data=data))
        case bodies.Validation():
            return body
        case bodies.Mutation():
            return _mutation(body, template)
        case bodies.Generation() | bodies.Cleanup():
            return None


def _under(template: Sequence[str], data: Any) -> Any:
    for part in reversed(template):
        data = {part: data}
    return data


def _mutation(body: bodies.Mutation, template: Sequence[str]) -> bodies.Mutation | None:
    """As in Kyverno, targets and the order of loops are lost.

    DEVIATION: of loops inside loops nothing is made; Kyverno makes a patch that sets the template to null
    (`tests/compiler/kyverno/test_autogen_bodies.py::test_nothing_is_made_of_loops_inside_loops`).
    """
    match body.change:
        case bodies.StrategicMerge() as merge:
            return replace(body, change=replace(merge, overlay=_under(template, merge.overlay)), targets=())
        case bodies.MutationLoops() as loops:
            made = [_loop(loop, template) for loop in loops.loops]
            if any(loop is None for loop in made):
                return None
            return replace(
                body, change=replace(loops, loops=tuple(loop for loop in made if loop)), targets=()
            )
        case bodies.JsonPatch():
            return None


def _loop(loop: bodies.MutationLoop, template: Sequence[str]) -> bodies.MutationLoop | None:
    if not isinstance(loop.change, bodies.StrategicMerge):
        return None
    overlay = _under(template, loop.change.overlay)
    return replace(loop, change=replace(loop.change, overlay=overlay), order="")
