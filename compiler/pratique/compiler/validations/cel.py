"""`validate.cel` of a classic rule: expressions as in Kubernetes' admission policies.

References: Kyverno 1.19 `pkg/engine/handlers/validation/validate_cel.go`; Kubernetes 1.36
`apiserver/pkg/admission/plugin/policy/validating/validator.go`. Their texts are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler import bodies
from pratique.compiler.cel_bodies import Dialect, Scope
from pratique.compiler.cel_policies.compilation import CompiledScope, Compiler, compile_scope, compiler_of
from pratique.compiler.cel_policies.evaluation import Evaluation
from pratique.compiler.cel_policies.validating import Check, compile_checks, kubernetes_checks
from pratique.compiler.validations.model import Outcome, Status
from pratique.grammar.errors import EvaluationError

if TYPE_CHECKING:
    from pratique.compiler.cel.program import World

UNMET: Final = "cel preconditions not met"


@dataclass(frozen=True, slots=True)
class CompiledCelRule:
    """The expressions of a rule, ready for many resources; immutable.

    Attributes:
        parameters: which objects expressions see as `params`; None for none.
    """

    rule: str
    scope: CompiledScope
    checks: tuple[Check, ...]
    parameters: bodies.CelParameters | None

    def evaluate(
        self, bindings: Mapping[str, Any], parameters: Sequence[Mapping[str, Any] | None], world: World
    ) -> Outcome:
        """Return what the rule says of a request.

        Args:
            bindings: values of variables by name, see `Request.bindings`.
            parameters: one value of `params` for each evaluation.
            world: the clock, random numbers and answers.
        """
        for each in parameters:
            found = self._outcome(Evaluation(self.scope, {**bindings, "params": each}, world))
            if found.status is not Status.PASS:
                return found
        return Outcome(Status.PASS, f"Validation rule '{self.rule}' passed.")

    def _outcome(self, evaluation: Evaluation) -> Outcome:
        """As in Kyverno, an expression without a value is a failure."""
        try:
            if not evaluation.holds(self.scope.conditions):
                return Outcome(Status.SKIP, UNMET)
        except EvaluationError as error:
            return Outcome(Status.FAIL, error.message)
        found = kubernetes_checks(self.checks, evaluation)
        status = Status.FAIL if found.status is Status.ERROR else found.status
        return Outcome(status, found.message)


def compile_cel_rule(rule: str, check: bodies.Cel, message: str) -> tuple[CompiledCelRule, Compiler]:
    """Return a compiled rule, and the compiler with the mistakes that were found.

    Args:
        rule: its name.
        check: its expressions.
        message: what is said where an expression has no message of its own.
    """
    scope = Scope(
        dialect=Dialect.KUBERNETES,
        conditions=check.preconditions,
        variables=check.variables,
        audit_annotations=check.audit_annotations,
        has_parameters=check.parameters is not None,
    )
    compiler = compiler_of(scope)
    compiled = compile_scope(compiler, scope, variables_first=True)
    checks = tuple(
        replace(each, written=replace(each.written, message=each.written.message or message))
        for each in compile_checks(compiler, check.expressions)
    )
    return CompiledCelRule(rule, compiled, checks, check.parameters), compiler
