"""Policies in CEL that change: MutatingPolicy of Kyverno, MutatingAdmissionPolicy of Kubernetes.

References: Kyverno 1.19 `pkg/cel/policies/mpol` (`compiler/policy.go`, `applyconfig.go`, `json.go`,
`engine/engine.go`), `pkg/admissionpolicy/mutate.go`; Kubernetes 1.36
`apiserver/pkg/admission/plugin/policy/mutating/patch`. Their texts are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pratique.compiler.cel.program import Program, World
from pratique.compiler.cel.types import BOOL, DYN, STRING, list_of, map_of, struct
from pratique.compiler.cel.values.kinds import LISTS
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.structs import Struct
from pratique.compiler.cel_bodies import CelExemption, CelMutation, CelPatch, Dialect, PatchKind
from pratique.compiler.cel_policies.compilation import (
    CompiledScope,
    Compiler,
    Named,
    compile_scope,
    compiler_of,
)
from pratique.compiler.cel_policies.evaluation import Evaluation, Outcome
from pratique.compiler.cel_policies.exemptions import CompiledExemption, compile_exemptions, exempted
from pratique.compiler.cel_policies.validating import UNMET
from pratique.compiler.json_patch import TestFailedError, apply_patch
from pratique.compiler.structured_merge import Shape, atomic_parts, merge
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError

_OBJECT: Final = struct("Object")
_PATCHES: Final = list_of(struct("JSONPatch"))


@dataclass(frozen=True, slots=True)
class Patch:
    """One change, compiled."""

    written: CelPatch
    program: Program


@dataclass(frozen=True, slots=True)
class CompiledMutating:
    """A mutating policy, ready for many requests; immutable.

    Attributes:
        target_conditions: without which an existing object is left alone.
        targets: returns the existing objects that are changed; None where constraints choose them.
    """

    body: CelMutation
    scope: CompiledScope
    patches: tuple[Patch, ...]
    target_conditions: tuple[Named, ...] = ()
    targets: Program | None = None
    exemptions: tuple[CompiledExemption, ...] = ()
    fails_open: bool = False

    def evaluate(
        self, bindings: Mapping[str, Any], world: World, shape: Shape, *, is_target: bool = False
    ) -> Outcome:
        """Return what the policy makes of an object that it is about.

        Args:
            bindings: values of variables by name, see `Request.bindings`; `params` where it has some.
            world: the clock, random numbers and answers.
            shape: how objects of the kind are merged.
            is_target: the object exists, and another one is the reason to change it.
        """
        evaluation = Evaluation(self.scope, bindings, world)
        if self.scope.scope.dialect is Dialect.KYVERNO:
            return self._kyverno(evaluation, bindings["object"], shape, is_target=is_target)
        return self._kubernetes(evaluation, bindings["object"], shape)

    def chosen(self, bindings: Mapping[str, Any], world: World) -> frozenset[tuple[str, str]]:
        """Return namespace and name of the existing objects that the policy's expression chooses.

        Raises:
            EvaluationError: the expression has no value.
        """
        assert self.targets is not None  # noqa: S101 (asked by the caller)
        evaluation = Evaluation(self.scope, bindings, world)
        found = evaluation.plain(evaluation.value(self.targets))
        items = found.get("items") if isinstance(found, dict) else None
        objects = items if isinstance(items, list) else [found]
        return frozenset(
            (str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
            for each in objects
            if isinstance(each, dict) and isinstance(metadata := each.get("metadata"), dict)
        )

    def _kyverno(
        self, evaluation: Evaluation, data: Mapping[str, Any], shape: Shape, *, is_target: bool
    ) -> Outcome:
        try:
            lifted = exempted(evaluation, self.exemptions)
            if lifted.is_full:
                return lifted.outcome
            evaluation.bind("exceptions", lifted.value)
            if not evaluation.holds(self.target_conditions if is_target else self.scope.conditions):
                return Outcome(status=Status.SKIP, message="skip")
            patched = self._patched(evaluation, data, shape)
            properties = tuple(sorted(evaluation.audit_annotations().items()))
        except EvaluationError as error:
            return Outcome(status=Status.ERROR, message=f"failed to evaluate policy: {error.message}")
        return Outcome(status=Status.PASS, message="success", patched=patched, properties=properties)

    def _kubernetes(self, evaluation: Evaluation, data: Mapping[str, Any] | None, shape: Shape) -> Outcome:
        """As `_kyverno`.

        DEVIATION: a change that fails is an error; Kyverno 1.19 without a cluster then says nothing
        (`tests/compiler/cel_policies/test_mutating.py::test_a_change_of_kubernetes_that_fails_is_an_error`).
        """
        try:
            try:
                if not evaluation.holds(self.scope.conditions):
                    return Outcome(status=Status.SKIP, message=UNMET)
            except EvaluationError:
                if self.fails_open:
                    return Outcome(status=Status.SKIP, message=UNMET)
                raise
            patched = self._patched(evaluation, data, shape)
        except EvaluationError as error:
            return Outcome(status=Status.ERROR, message=error.message)
        text = "mutation is successfully applied"
        return Outcome(status=Status.PASS, message=text, patched=patched)

    def _patched(
        self, evaluation: Evaluation, data: Mapping[str, Any] | None, shape: Shape
    ) -> Mapping[str, Any]:
        """Return the object after all changes, each of which sees what those before it did."""
        if not data:
            raise EvaluationError("no-object", "there is no object to change")
        for patch in self.patches:
            if evaluation.dialect is Dialect.KUBERNETES:
                evaluation.forget_variables()
            value = evaluation.judged(patch.program)
            if patch.written.kind is PatchKind.JSON:
                data = _with_operations(evaluation, data, value)
            else:
                data = _with_configuration(evaluation, data, value, shape, atomic=self.body.atomic)
            evaluation.bind("object", data)
        return data


def compile_mutating(
    body: CelMutation, exemptions: Sequence[CelExemption] = (), *, fails_open: bool = False
) -> tuple[CompiledMutating, Compiler]:
    """Return a compiled policy, and the compiler with the mistakes that were found."""
    compiler = compiler_of(body.scope, has_patches=True)
    scope = compile_scope(compiler, body.scope, variables_first=body.scope.dialect is Dialect.KYVERNO)
    patches = []
    for written in body.patches:
        wanted = _PATCHES if written.kind is PatchKind.JSON else _OBJECT
        program = compiler.program(written, written.expression, wanted)
        if program:
            patches.append(Patch(written, program))
    conditions: tuple[Named, ...] = ()
    chosen = None
    if body.targets:
        conditions = compiler.named(body.targets.conditions, BOOL)
        expression = body.targets.expression
        if expression:
            chosen = compiler.program(expression, expression.expression, map_of(STRING, DYN))
    compiled = CompiledMutating(
        body=body,
        scope=scope,
        patches=tuple(patches),
        target_conditions=conditions,
        targets=chosen,
        exemptions=compile_exemptions(compiler, exemptions),
        fails_open=fails_open,
    )
    return compiled, compiler


# --- apply configurations ------------------------------------------------------------------------------


def _with_configuration(
    evaluation: Evaluation, data: Mapping[str, Any], value: Any, shape: Shape, *, atomic: bool
) -> Mapping[str, Any]:
    _check_names(value)
    patch = evaluation.plain(value)
    if not isinstance(patch, dict):
        raise EvaluationError("bad-patch", "the expression returned no object")
    patch |= {name: data[name] for name in ("apiVersion", "kind") if name in data}
    whole = [] if atomic else list(atomic_parts(patch, shape))
    if whole:
        text = f"may not mutate atomic arrays, maps or structs: {', '.join(whole)}"
        raise EvaluationError("bad-patch", f"error applying patch: invalid ApplyConfiguration: {text}")
    try:
        merged: Mapping[str, Any] = merge(data, patch, shape)
    except EvaluationError as error:
        raise EvaluationError(error.code, f"error applying patch: {error.message}") from error
    return merged


def _check_names(value: Any) -> None:
    """Check that the types of nested objects are those of the fields that they are in."""
    wrong = [
        f'unexpected type name "{name}", expected "{wanted}", which matches field name path from root Object'
        " type"
        for name, wanted in _misnamed(value, value.cel_type.name if isinstance(value, Struct) else "")
    ]
    if wrong:
        raise EvaluationError("bad-patch", "type mismatch: " + "\n".join(wrong))


def _misnamed(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the names of types that are not their paths, with these; lists and maps between have no name."""
    if isinstance(value, Struct):
        if value.cel_type.name != path:
            yield value.cel_type.name, path
        for name, inner in value.fields.items():
            yield from _misnamed(inner, f"{path}.{name}")
    elif type(value) in LISTS:
        for element in value:
            yield from _misnamed(element, path)
    elif isinstance(value, dict | Map):
        for _, inner in value.items():
            yield from _misnamed(inner, path)


# --- JSON patches --------------------------------------------------------------------------------------


def _with_operations(evaluation: Evaluation, data: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    operations = [_operation(evaluation, each) for each in value]
    try:
        patched = apply_patch(data, operations)
    except TestFailedError:
        return data
    except EvaluationError as error:
        raise EvaluationError(error.code, f"JSON Patch: {error.message}") from error
    if not isinstance(patched, dict) or not patched.get("kind"):
        raise EvaluationError("bad-patch", "Object 'Kind' is missing in what the patch left")
    return patched


def _operation(evaluation: Evaluation, value: Any) -> dict[str, Any]:
    if not isinstance(value, Struct):
        raise EvaluationError(
            "bad-patch", "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch"
        )
    inner = value.fields.get("value")
    if isinstance(inner, Struct):
        _check_names(inner)
    return {name: evaluation.plain(each) for name, each in value.fields.items()}
