"""Policies in CEL over requests (`evaluation.mode: HTTP`, `Envoy`), as Kyverno's command line judges them.

A validation is no condition here but answers: a response, or null where it has nothing to say. The first
response counts. Messages of validations, audit annotations and match constraints count for nothing.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/processor/authz_processor.go`, whose texts are kept;
github.com/kyverno/kyverno-authz `pkg/engine/compiler`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pratique.compiler.bodies import CelExpression, NamedExpression
from pratique.compiler.cel import syntax
from pratique.compiler.cel.environments import authorizing_environment
from pratique.compiler.cel.libraries.kyverno import envoy_authorization, http_authorization
from pratique.compiler.cel.parser import parse
from pratique.compiler.cel.program import NOTHING_OUTSIDE, Program
from pratique.compiler.cel.types import NULL
from pratique.compiler.cel.values.native import Native
from pratique.compiler.cel_bodies import CelValidation, Dialect
from pratique.compiler.cel_policies.checks import authorizing_mode, check_document, mistakes
from pratique.compiler.cel_policies.compilation import (
    CompiledScope,
    Compiler,
    Route,
    compile_scope,
)
from pratique.compiler.cel_policies.evaluation import Evaluation, Outcome
from pratique.compiler.cel_policies.lower import lower_cel
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.validations.model import Status
from pratique.grammar.documents import CelDocument
from pratique.grammar.errors import EvaluationError, PolicyError

_ASKING: Final = frozenset({"envoy", "http", "image", "jwks", "jwt", "mcp", "resource"})
"""Variables and prefixes of Kyverno whose functions ask the world, or that this version does not know."""
_KNOWN: Final = frozenset(
    {
        "http.Allowed",
        "http.Denied",
        "envoy.Allowed",
        "envoy.Denied",
        "envoy.Header",
        "envoy.QueryParam",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizingPolicy:
    """A policy over requests of HTTP or Envoy, ready for many of them; immutable.

    Attributes:
        mode: `HTTP` or `Envoy`.
        scored: a denial counts as failure; where not, it is a warning.
    """

    name: str
    mode: str
    scored: bool
    scope: CompiledScope
    rules: tuple[Program, ...]
    fails_open: bool

    def evaluate(self, request: Native) -> Outcome:
        """Return what the policy says of a request, see `request_of` of the library of its mode."""
        evaluation = Evaluation(self.scope, {"object": request}, NOTHING_OUTSIDE)
        try:
            response = self._response(evaluation)
        except EvaluationError as error:
            if not self.fails_open:
                return Outcome(status=Status.ERROR, message=error.message)
            response = None
        if response is None:
            return Outcome(status=Status.SKIP, message="request does not match")
        refusal = _refusal(response)
        if refusal is None:
            return Outcome(status=Status.PASS, message="request allowed")
        return Outcome(status=Status.FAIL, message=f"request denied{refusal}")

    def _response(self, evaluation: Evaluation) -> Native | None:
        # Conditions see no variables, as they are compiled before these.
        if not evaluation.holds(self.scope.conditions):
            return None
        for rule in self.rules:
            answer = evaluation.value(rule)
            if answer is not None:
                assert isinstance(answer, Native)  # noqa: S101 (the type was checked)
                return answer
        return None


def _refusal(response: Native) -> str | None:
    if response.cel_type == envoy_authorization.RESPONSE:
        code = envoy_authorization.code_of(response)
        return None if code is None else f" with status code {code}"
    reason = http_authorization.reason_of(response)
    return None if reason is None else f", reason: {reason}"


def read_authorizing_policy(document: CelDocument) -> tuple[AuthorizingPolicy | None, list[PolicyError]]:
    """Return the compiled policy, or what is wrong with it.

    Functions that ask the world, tokens (`jwt`), MCP literals of types and enumerations
    are refused with their place.
    """
    errors = check_document(document, authorizing=True)
    if errors:
        return None, errors
    lowered = lower_cel(document)
    policy = lowered.policy
    body = policy.rules[0].body
    assert isinstance(body, CelValidation)  # noqa: S101 (of a ValidatingPolicy)
    mode = authorizing_mode(document)
    is_envoy = mode == "Envoy"
    response = (envoy_authorization if is_envoy else http_authorization).RESPONSE
    compiler = Compiler(authorizing_environment(is_envoy=is_envoy), Dialect.KYVERNO)
    for node, route, text in _expressions(body):
        _refuse_unknown(compiler, node, route, text)
    if compiler.mistakes:
        return None, mistakes(lowered, compiler)
    scope = compile_scope(compiler, replace(body.scope, audit_annotations=()))
    rules = [
        compiler.program(each, each.expression, response, NULL, route=("expression",))
        for each in body.validations
    ]
    errors = mistakes(lowered, compiler)
    if errors:
        return None, errors
    return AuthorizingPolicy(
        name=policy.name,
        mode=mode,
        scored=dict(policy.annotations).get("policies.kyverno.io/scored") != "false",
        scope=scope,
        rules=tuple(rule for rule in rules if rule),
        fails_open=policy.fail_open,
    ), []


def _expressions(body: CelValidation) -> Iterator[tuple[CelExpression | NamedExpression, Route, str]]:
    for named in (*body.scope.conditions, *body.scope.variables):
        yield named, (), named.expression
    for check in body.validations:
        yield check, ("expression",), check.expression


def _refuse_unknown(compiler: Compiler, node: object, route: Route, text: str) -> None:
    """Refuse what Kyverno knows and this version does not; what does not parse is refused later."""
    try:
        root = parse(text, compiler.environment.macros)
    except ExpressionError:
        return
    for part in syntax.walk(root):
        found = _unknown(part)
        if found:
            told = f"{found} in policies over requests cannot be honoured by this version"
            error = ExpressionError("unsupported-field", told, offset=part.offset)
            compiler.refuse(node, error.within(route))


def _unknown(part: syntax.Expression) -> str:
    match part:
        case syntax.StructLiteral():
            return f"`{part.type_name}{{}}`"
        case (
            syntax.Call(function=name, target=syntax.Identifier(name=holder))
            | syntax.Select(field=name, operand=syntax.Identifier(name=holder))
        ) if holder.removeprefix(".") in _ASKING:
            used = f"{holder.removeprefix('.')}.{name}"
            return "" if used in _KNOWN else f"`{used}`"
    return ""
