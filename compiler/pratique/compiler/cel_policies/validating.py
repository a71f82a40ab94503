"""Policies in CEL that validate: ValidatingPolicy of Kyverno, ValidatingAdmissionPolicy of Kubernetes.

References: Kyverno 1.19 `pkg/cel/policies/vpol` (`compiler/policy.go`, `engine/engine.go`),
`pkg/admissionpolicy/validate.go`; Kubernetes 1.36
`apiserver/pkg/admission/plugin/policy/validating/validator.go`. Their texts are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pratique.compiler.bodies import CelExpression
from pratique.compiler.cel.program import Program, World
from pratique.compiler.cel.types import BOOL, STRING
from pratique.compiler.cel_bodies import CelExemption, CelValidation, Dialect
from pratique.compiler.cel_policies.compilation import CompiledScope, Compiler, compile_scope, compiler_of
from pratique.compiler.cel_policies.evaluation import VALIDATION_INDEX, Evaluation, Outcome
from pratique.compiler.cel_policies.exemptions import CompiledExemption, compile_exemptions, exempted
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError

_LONGEST_MESSAGE: Final = 5 * 1024
"""Bytes of the longest message that Kubernetes takes from an expression."""
UNMET: Final = "match conditions aren't met"


@dataclass(frozen=True, slots=True)
class Check:
    """One validation, compiled."""

    written: CelExpression
    program: Program
    message: Program | None


@dataclass(frozen=True, slots=True)
class CompiledValidating:
    """A validating policy, ready for many requests; immutable."""

    scope: CompiledScope
    checks: tuple[Check, ...]
    exemptions: tuple[CompiledExemption, ...] = ()
    fails_open: bool = False

    def evaluate(self, bindings: Mapping[str, Any], world: World) -> Outcome:
        """Return what the policy says of a request that it is about.

        Args:
            bindings: values of variables by name, see `Request.bindings`; `params` where it has some.
            world: the clock, random numbers and answers.
        """
        evaluation = Evaluation(self.scope, bindings, world)
        if self.scope.scope.dialect is Dialect.KYVERNO:
            return _kyverno(self, evaluation)
        return _kubernetes(self, evaluation)


def compile_validating(
    body: CelValidation, exemptions: Sequence[CelExemption] = (), *, fails_open: bool = False
) -> tuple[CompiledValidating, Compiler]:
    """Return a compiled policy, and the compiler with the mistakes that were found."""
    compiler = compiler_of(body.scope)
    scope = compile_scope(compiler, body.scope)
    checks = compile_checks(compiler, body.validations)
    compiled = compile_exemptions(compiler, exemptions)
    return CompiledValidating(scope, checks, compiled, fails_open), compiler


def compile_checks(compiler: Compiler, validations: Sequence[CelExpression]) -> tuple[Check, ...]:
    """Return the validations that compile."""
    checks = []
    for written in validations:
        program = compiler.program(written, written.expression, BOOL, route=("expression",))
        message = None
        if written.message_expression:
            route = ("messageExpression",)
            message = compiler.program(written, written.message_expression, STRING, route=route)
        if program:
            checks.append(Check(written, program, message))
    return tuple(checks)


# --- Kyverno -------------------------------------------------------------------------------------------


def _kyverno(policy: CompiledValidating, evaluation: Evaluation) -> Outcome:
    try:
        lifted = exempted(evaluation, policy.exemptions)
        if lifted.is_full:
            return lifted.outcome
        evaluation.bind("exceptions", lifted.value)
        if not _applies(policy, evaluation):
            return Outcome(status=Status.SKIP, message="skip")
    except EvaluationError as error:
        return Outcome(status=Status.ERROR, message=f"failed to load context: {error.message}")
    return kyverno_checks(policy.checks, evaluation)


def _applies(policy: CompiledValidating, evaluation: Evaluation) -> bool:
    try:
        return evaluation.holds(policy.scope.conditions)
    except EvaluationError:
        if policy.fails_open:
            return False
        raise


def kyverno_checks(checks: Sequence[Check], evaluation: Evaluation) -> Outcome:
    """Return what checks say, in Kyverno's words; the first that does not hold ends it."""
    index = 0
    try:
        for index, check in enumerate(checks):
            if evaluation.value(check.program) is True:
                continue
            message = _kyverno_message(check, index, evaluation)
            properties = {VALIDATION_INDEX: str(index), **evaluation.audit_annotations()}
            return Outcome(status=Status.FAIL, message=message, properties=_sorted(properties))
    except EvaluationError as error:
        properties = {VALIDATION_INDEX: str(index)}
        return Outcome(status=Status.ERROR, message=f"error: {error.message}", properties=_sorted(properties))
    try:
        properties = evaluation.audit_annotations()
    except EvaluationError as error:
        return Outcome(status=Status.ERROR, message=f"failed to load context: {error.message}")
    return Outcome(status=Status.PASS, message="success", properties=_sorted(properties))


def _kyverno_message(check: Check, index: int, evaluation: Evaluation) -> str:
    message = check.written.message
    if check.message is not None:
        try:
            message = str(evaluation.value(check.message))
        except EvaluationError as error:
            message = f"failed to evaluate message expression: {error.message}"
    return message or f"CEL expression validation failed at index {index}"


def _sorted(properties: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(properties.items()))


# --- Kubernetes ----------------------------------------------------------------------------------------


def _kubernetes(policy: CompiledValidating, evaluation: Evaluation) -> Outcome:
    try:
        if not _applies(policy, evaluation):
            return Outcome(status=Status.SKIP, message=UNMET)
    except EvaluationError as error:
        return Outcome(status=Status.ERROR, message=error.message)
    return kubernetes_checks(policy.checks, evaluation)


def kubernetes_checks(checks: Sequence[Check], evaluation: Evaluation, passed: str = "") -> Outcome:
    """Return what checks say, in Kubernetes' words; the first that does not hold ends it."""
    evaluation.forget_variables()
    for check in checks:
        try:
            holds = evaluation.judged(check.program) is True
        except EvaluationError as error:
            return Outcome(status=Status.ERROR, message=error.message)
        if not holds:
            return Outcome(status=Status.FAIL, message=_kubernetes_message(check, evaluation))
    return Outcome(status=Status.PASS, message=passed)


def _kubernetes_message(check: Check, evaluation: Evaluation) -> str:
    """Return what is said of a check that does not hold: one short line of an expression, or the message."""
    if check.message is not None:
        try:
            message = str(evaluation.value(check.message)).strip()
        except EvaluationError:
            message = ""
        if message and "\n" not in message and len(message.encode()) <= _LONGEST_MESSAGE:
            return message
    return check.written.message.strip() or f"failed expression: {check.written.expression.strip()}"
