"""Mutations, compiled once and evaluated over resources: patches and loops of patches. Pure, asks nobody.

References: Kyverno 1.19 `pkg/engine/handlers/mutation/common.go`, `pkg/engine/mutate/mutation.go`, whose
texts are kept.

DEVIATION: between loops, Kyverno merges the changed object into `request.object`, so that removed keys stay
there, and the object of a rule with targets becomes the target. Here the variable is what the loop changed:
`request.object`, or `target` (`tests/compiler/mutations/test_evaluation.py::test_loops_see_loops_before`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, TypeAlias

from pratique.compiler import bodies, ir
from pratique.compiler.context_loading import Attach, ContextEntries, place_of
from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.context import Context
from pratique.compiler.expressions.expression import Expression, compile_expression
from pratique.compiler.expressions.variables import Template
from pratique.compiler.loop_budget import LoopBudget
from pratique.compiler.mutations.changes import overlaid, patched
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError
from pratique.grammar.source import Location

Data: TypeAlias = Mapping[str, Any]

_UNCHANGED: Final = "no patches applied"


class Mutated(NamedTuple):
    """What a mutation did: status, the object as it left it, and a message.

    Attributes:
        code: of the error, for what cannot be evaluated; else empty.
        location: what cannot be evaluated.
    """

    status: Status
    resource: Data
    message: str
    code: str = ""
    location: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where an evaluation stands; `of_target`: it changes an existing object."""

    resource: Data
    context: Context
    attach: Attach
    nesting: int = 0
    of_target: bool = False
    budget: LoopBudget = field(default_factory=LoopBudget)


_Change: TypeAlias = Callable[[_Place], Mutated]


class CompiledMutation:
    """A mutation ready for many resources; immutable."""

    __slots__ = ("_change", "_of_target")

    def __init__(self, body: bodies.Mutation, namespace: str | None) -> None:
        """Compile the change of a rule.

        Args:
            body: the mutation.
            namespace: that of a namespaced policy, to which contexts of loops are confined.

        Raises:
            ExpressionError: a mistake that the checks at load time would have found.
        """
        self._of_target = bool(body.targets)
        self._change = _compiled(body.change, namespace, at=("mutate",))

    def evaluate(self, resource: Data, context: Context, attach: Attach) -> Mutated:
        """Return what the rule does to an object: the resource at hand, or a target.

        Args:
            resource: the object, which is not changed.
            context: what expressions read.
            attach: adds the context entries of loops.
        """
        place = _Place(resource=resource, context=context, attach=attach, of_target=self._of_target)
        found = self._change(place)
        if found.status is not Status.PASS:
            return found
        return found._replace(message=_changed(found.resource))


def _changed(resource: Data) -> str:
    metadata = resource.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    text = f"mutated {resource.get('kind') or ''}/{named.get('name') or ''}"
    namespace = named.get("namespace")
    return f"{text} in namespace {namespace}" if namespace else text


def _compiled(change: bodies.Change, namespace: str | None, at: tuple[str, ...] = ()) -> _Change:
    match change:
        case bodies.StrategicMerge():
            template = Template.compile(change.overlay, at=(*at, "patchStrategicMerge"))
            return _simple(template, overlaid, change.at)
        case bodies.JsonPatch():
            template = Template.compile(change.operations, at=(*at, "patchesJson6902"))
            return _simple(template, patched, change.at)
        case bodies.MutationLoops():
            return _loops([_Loop.of(loop, namespace) for loop in change.loops])


def _simple(template: Template, apply: Callable[[Data, Any], dict[str, Any]], at: ir.At) -> _Change:
    def evaluate(place: _Place) -> Mutated:
        try:
            change = template.render(place.context)
        except EvaluationError as error:
            return _error(place, "variable substitution failed", error, at)
        try:
            made = apply(place.resource, change)
        except EvaluationError as error:
            return _error(place, "failed to patch resource", error, at)
        if made == place.resource:
            return Mutated(Status.SKIP, place.resource, _UNCHANGED)
        return Mutated(Status.PASS, made, "resource patched")

    return evaluate


def _error(place: _Place, text: str, error: EvaluationError, at: ir.At) -> Mutated:
    """Return what is said of what cannot be evaluated: at the context entry to blame, if there is one."""
    location = place_of(error) or at.location
    return Mutated(Status.ERROR, place.resource, f"{text}: {error.message}", error.code, location)


# --- loops ---------------------------------------------------------------------------------------------


def _loops(loops: list[_Loop]) -> _Change:
    def evaluate(place: _Place) -> Mutated:
        applied = 0
        for loop in loops:
            try:
                elements = place.context.query(loop.list)
            except EvaluationError as error:
                return _error(place, f"failed to evaluate list {loop.list.text}", error, loop.at)
            found = loop.run(elements if isinstance(elements, list) else [elements], place)
            if found.status is Status.ERROR:
                return found._replace(message=f"failed to mutate elements: {found.message}")
            if found.status is not Status.SKIP:
                applied += 1
                place = replace(place, resource=found.resource, context=_seen(place, found.resource))
        status = Status.PASS if applied else Status.SKIP
        return Mutated(status, place.resource, f"{applied} elements processed")

    return evaluate


def _seen(place: _Place, resource: Data) -> Context:
    if place.of_target:
        return place.context.overlay({"target": resource})
    return place.context.with_object(resource)


class _Loop:
    """One loop: its elements change the object one after the other."""

    __slots__ = ("_change", "_entries", "_preconditions", "_reverse", "at", "list")

    def __init__(
        self,
        *,
        list_: Expression,
        change: _Change,
        reverse: bool,
        entries: ContextEntries,
        preconditions: Conditions | None,
        at: ir.At,
    ) -> None:
        self.list = list_
        self.at = at
        self._change = change
        self._reverse = reverse
        self._entries = entries
        self._preconditions = preconditions

    @classmethod
    def of(cls, loop: bodies.MutationLoop, namespace: str | None) -> _Loop:
        """Compile a loop; those of overlays go backwards where nothing else is said, as in Kyverno."""
        return cls(
            list_=compile_expression(loop.list),
            change=_compiled(loop.change, namespace),
            reverse=loop.order == "Descending"
            or (not loop.order and isinstance(loop.change, bodies.StrategicMerge)),
            entries=ContextEntries.compile(loop.context, namespace=namespace),
            preconditions=None if loop.preconditions is None else Conditions.compile(loop.preconditions),
            at=loop.at,
        )

    def run(self, elements: list[Any], place: _Place) -> Mutated:
        """Return what the loop does; elements see the values from before it, and each other's changes."""
        resource = place.resource
        numbered = list(enumerate(elements))
        for index, element in reversed(numbered) if self._reverse else numbered:
            if element is None:
                continue
            try:
                place.budget.spend(resource)
            except EvaluationError as error:
                return _error(place, f"failed to mutate element {index}", error, self.at)
            context = place.context.with_element(element, index, place.nesting)
            context = place.attach(self._entries, context)
            inner = replace(place, resource=resource, context=context, nesting=place.nesting + 1)
            try:
                if self._preconditions is not None and not self._preconditions.evaluate(context)[0]:
                    continue
            except EvaluationError as error:
                text = f"failed to evaluate mutate.foreach[{index}].preconditions"
                return _error(inner, text, error, self.at)
            found = self._change(inner)
            if found.status is Status.ERROR:
                return found
            resource = found.resource
        if resource == place.resource:
            return Mutated(Status.SKIP, place.resource, _UNCHANGED)
        return Mutated(Status.PASS, resource, "")
