"""Policies in CEL that delete: DeletingPolicy of Kyverno. Nothing is deleted here.

References: Kyverno 1.19 `pkg/cel/policies/dpol` (`compiler/policy.go`, `engine/engine.go`),
`cmd/cli/kubectl-kyverno/commands/test` (`applyDeletingPolicies`). Their texts are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pratique.compiler.cel.program import World
from pratique.compiler.cel_bodies import CelDeletion, CelExemption
from pratique.compiler.cel_policies.compilation import CompiledScope, Compiler, compile_scope, compiler_of
from pratique.compiler.cel_policies.evaluation import Evaluation, Outcome
from pratique.compiler.cel_policies.exemptions import CompiledExemption, compile_exemptions
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class CompiledDeleting:
    """A deleting policy, ready for many objects; immutable."""

    scope: CompiledScope
    exemptions: tuple[CompiledExemption, ...] = ()

    def evaluate(self, bindings: Mapping[str, Any], world: World) -> Outcome:
        """Return whether the policy would delete an object that it is about: pass for yes, fail for no.

        Args:
            bindings: values of variables by name: `object` and `namespaceObject`.
            world: the clock, random numbers and answers.
        """
        evaluation = Evaluation(self.scope, bindings, world)
        try:
            spared = [each for each in self.exemptions if evaluation.holds(each.conditions)]
            goes = not spared and evaluation.holds(self.scope.conditions)
        except EvaluationError as error:
            return Outcome(status=Status.ERROR, message=error.message)
        if goes:
            return Outcome(status=Status.PASS, message="resource matched")
        return Outcome(status=Status.FAIL, message="resource did not match")


def compile_deleting(
    body: CelDeletion, exemptions: Sequence[CelExemption] = ()
) -> tuple[CompiledDeleting, Compiler]:
    """Return a compiled policy, and the compiler with the mistakes that were found."""
    compiler = compiler_of(body.scope)
    scope = compile_scope(compiler, body.scope, variables_first=True)
    return CompiledDeleting(scope, compile_exemptions(compiler, exemptions)), compiler
