"""Conditions in CEL on the admission request, without which a policy says nothing of it.

They stand in for the `matchConditions` of a webhook, and mean what these mean to the API server: an object
that is not there is null, the namespace object always is, one condition that is false decides, and what
cannot be evaluated counts against the request unless the policy fails open.

References: Kyverno 1.19 `pkg/engine/internal/match.go`; Kubernetes 1.36
`apiserver/pkg/admission/plugin/webhook/matchconditions/matcher.go`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from pratique.compiler.bodies import NamedExpression
from pratique.compiler.cel.environments import admission_environment
from pratique.compiler.cel.program import NOTHING_OUTSIDE
from pratique.compiler.cel.types import BOOL
from pratique.compiler.cel_bodies import Dialect, Scope
from pratique.compiler.cel_policies.compilation import CompiledScope, Compiler, Mistake
from pratique.compiler.cel_policies.evaluation import Evaluation
from pratique.compiler.cel_policies.request import Request


@dataclass(frozen=True, slots=True)
class RequestConditions:
    """Compiled conditions; immutable."""

    scope: CompiledScope

    def hold(self, request: Request) -> bool:
        """Say whether all conditions are true of a request.

        Raises:
            EvaluationError: none is false, and some have no value.
        """
        bindings = {**request.bindings(Dialect.KUBERNETES), "namespaceObject": None}
        return Evaluation(self.scope, bindings, NOTHING_OUTSIDE).holds(self.scope.conditions)


@lru_cache(maxsize=256)
def compile_conditions(conditions: tuple[NamedExpression, ...]) -> RequestConditions:
    """Return compiled conditions; compiled once for all rules of a policy.

    Raises:
        ExpressionError: a mistake that the checks at load time would have found.
    """
    scope, mistakes = _compiled(conditions)
    if mistakes:
        raise mistakes[0].error
    return RequestConditions(scope)


def condition_mistakes(conditions: tuple[NamedExpression, ...]) -> list[Mistake]:
    """Return what does not compile, each with the condition that it is in."""
    return _compiled(conditions)[1]


def _compiled(conditions: tuple[NamedExpression, ...]) -> tuple[CompiledScope, list[Mistake]]:
    environment = admission_environment(has_params=False, has_authorizer=False)
    compiler = Compiler(environment, Dialect.KUBERNETES)
    compiled = compiler.named(conditions, BOOL)
    scope = Scope(dialect=Dialect.KUBERNETES, conditions=conditions)
    return CompiledScope(scope=scope, conditions=compiled), compiler.mistakes
