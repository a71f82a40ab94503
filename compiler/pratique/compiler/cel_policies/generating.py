"""Policies in CEL that generate: GeneratingPolicy of Kyverno. Nothing is created here.

References: Kyverno 1.19 `pkg/cel/policies/gpol` (`compiler/policy.go`, `engine/engine.go`),
`pkg/cel/libs/context.go` (`GenerateResources`). Their texts are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pratique.compiler.api_kinds import is_cluster_wide
from pratique.compiler.cel.program import Program, World
from pratique.compiler.cel.types import BOOL
from pratique.compiler.cel_bodies import CelExemption, CelGeneration, CelTemplate
from pratique.compiler.cel_policies.compilation import CompiledScope, Compiler, compile_scope, compiler_of
from pratique.compiler.cel_policies.evaluation import Evaluation, Outcome
from pratique.compiler.cel_policies.exemptions import CompiledExemption, compile_exemptions, exempted
from pratique.compiler.cel_policies.templates import CompiledTemplate, compile_template
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError

_OF_THE_SERVER: Final = ("uid", "selfLink", "creationTimestamp", "managedFields", "resourceVersion")
"""Metadata that an object gets from the API server, and a copy of it does not keep."""


@dataclass(frozen=True, slots=True)
class CompiledGenerating:
    """A generating policy, ready for many requests; immutable."""

    scope: CompiledScope
    makes: tuple[Program | CompiledTemplate, ...]
    exemptions: tuple[CompiledExemption, ...] = ()

    def evaluate(self, bindings: Mapping[str, Any], world: World) -> Outcome | None:
        """Return what the policy makes for a request that it is about; None where its conditions do not hold.

        Args:
            bindings: values of variables by name, see `Request.bindings`.
            world: the clock, random numbers and answers.
        """
        evaluation = Evaluation(self.scope, bindings, world)
        try:
            lifted = exempted(evaluation, self.exemptions)
            if lifted.is_full:
                return lifted.outcome
            evaluation.bind("exceptions", lifted.value)
            if not evaluation.holds(self.scope.conditions):
                return None
            for make in self.makes:
                if isinstance(make, CompiledTemplate):
                    evaluation.run.generated += _placed(make.render(evaluation), self._namespace)
                else:
                    evaluation.value(make)
            made = tuple(
                made
                for namespace, objects in evaluation.run.generated
                for made in _made(namespace, objects, self._namespace)
            )
            properties = tuple(sorted(evaluation.audit_annotations().items()))
        except EvaluationError as error:
            return Outcome(status=Status.ERROR, message=f"failed to evaluate policy: {error.message}")
        text = "policy evaluated successfully"
        return Outcome(status=Status.PASS, message=text, made=made, properties=properties)

    @property
    def _namespace(self) -> str:
        return self.scope.scope.namespace


def compile_generating(
    body: CelGeneration, exemptions: Sequence[CelExemption] = ()
) -> tuple[CompiledGenerating, Compiler]:
    """Return a compiled policy, and the compiler with the mistakes that were found."""
    compiler = compiler_of(body.scope, is_generating=True)
    scope = compile_scope(compiler, body.scope)
    makes: list[Program | CompiledTemplate] = []
    for written in body.makes:
        if isinstance(written, CelTemplate):
            makes.append(compile_template(compiler, written))
        else:
            program = compiler.program(written, written.expression, BOOL)
            if program:
                makes.append(program)
    compiled = compile_exemptions(compiler, exemptions)
    return CompiledGenerating(scope, tuple(makes), compiled), compiler


def _placed(objects: Sequence[dict[str, Any]], own: str) -> Iterator[tuple[str, list[Any]]]:
    """Yield the objects of a template by the namespaces that they name, `own` being that of the policy."""
    grouped: dict[str, list[Any]] = {}
    for data in objects:
        namespace = _text(_metadata(data).get("namespace"))
        if own and namespace and namespace != own:
            text = (
                f'cross-namespace generation denied: a policy in namespace "{own}" cannot generate resources'
                f' into namespace "{namespace:.100}"'
            )
            raise EvaluationError("foreign-namespace", text)
        grouped.setdefault(namespace or own, []).append(data)
    yield from grouped.items()


def _made(namespace: str, objects: Sequence[Any], own: str) -> Iterator[dict[str, Any]]:
    """Yield objects as they are created in a namespace; lists are taken apart."""
    for data in objects:
        items = data.get("items")
        for item in items if isinstance(items, list) else [data]:
            if isinstance(item, dict):
                yield _created(namespace, item, own)


def _created(namespace: str, data: dict[str, Any], own: str) -> dict[str, Any]:
    version, kind = _text(data.get("apiVersion")), _text(data.get("kind"))
    if is_cluster_wide(version.rpartition("/")[0], kind):
        if own:
            text = (
                f'cross-scope generation denied: a policy scoped to namespace "{own}" cannot generate'
                f" cluster-scoped resource {version}/{kind}"
            )
            raise EvaluationError("foreign-namespace", text)
        namespace = ""
    metadata = {key: value for key, value in _metadata(data).items() if key not in _OF_THE_SERVER}
    source = _text(metadata.pop("namespace", ""))
    if source and source != namespace:
        metadata.pop("ownerReferences", None)
    if namespace:
        metadata["namespace"] = namespace
    return {**data, "metadata": metadata}


def _metadata(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = data.get("metadata")
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
