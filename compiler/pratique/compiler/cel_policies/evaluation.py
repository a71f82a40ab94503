"""One evaluation of a policy in CEL: its variables, computed when they are read, its conditions, its budget.

References: Kyverno 1.19 `pkg/cel/policies/*/compiler/policy.go`; Kubernetes 1.36
`apiserver/pkg/admission/plugin/cel` (`activation.go`, `composition.go`), `webhook/matchconditions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pratique.compiler.cel.errors import CelError, CostLimitError
from pratique.compiler.cel.program import Program, Run, World
from pratique.compiler.cel.values.access import MISSING, Record
from pratique.compiler.cel.values.json_values import plain_value
from pratique.compiler.cel_bodies import Dialect
from pratique.compiler.cel_policies.compilation import CompiledScope, Named
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError

VALIDATION_INDEX: Final = "cel.validationIndex"
"""Property of a result that says which validation did not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a policy says of a request.

    Attributes:
        properties: for reports, such as audit annotations.
        patched: the object as the policy left it; None where it changes none.
        made: objects that it generated.
        images: those that a policy about images has let pass, and that are still to be proved.
    """

    status: Status
    message: str
    properties: tuple[tuple[str, str], ...] = ()
    patched: Mapping[str, Any] | None = None
    made: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    images: tuple[str, ...] = ()


Bindings: TypeAlias = Mapping[str, Any]


class Variables(Record):
    """The variable `variables`: fields are computed once, when they are first read."""

    __slots__ = ("_known", "_programs", "_scope")

    def __init__(self, scope: Evaluation, programs: Mapping[str, Program]) -> None:
        self._scope = scope
        self._programs = programs
        self._known: dict[str, Any] = {}

    def field(self, name: str) -> Any:
        """Return the value of a variable.

        Raises:
            CelError: it has none.
            CostLimitError: it costs too much.
        """
        found = self._known.get(name, MISSING)
        if found is MISSING:
            program = self._programs.get(name)
            if program is None:
                return MISSING
            found = self._known[name] = self._evaluated(name, program)
        if isinstance(found, EvaluationError):
            raise found
        return found

    def _evaluated(self, name: str, program: Program) -> Any:
        try:
            return self._scope.value(program)
        except CostLimitError as error:
            return error
        except EvaluationError as error:
            if self._scope.dialect is Dialect.KUBERNETES:
                text = f'composited variable "{name}" fails to evaluate: {error.message}'
                return CelError(text, error.code)
            return CelError(error.message, error.code)


class Evaluation:
    """The expressions of one policy over one request."""

    def __init__(self, compiled: CompiledScope, bindings: Mapping[str, Any], world: World) -> None:
        """Take the compiled policy, the values of variables, and what expressions may ask.

        Args:
            compiled: the policy.
            bindings: values by name; the variables of the policy are added.
            world: the clock, random numbers and answers.
        """
        self.dialect = compiled.scope.dialect
        self.run = Run(world)
        self._compiled = compiled
        self._bindings = dict(bindings)
        self.forget_variables()

    def bind(self, name: str, value: Any) -> None:
        """Give a variable another value."""
        self._bindings[name] = value

    def forget_variables(self) -> None:
        """Compute the variables of the policy anew when they are read next."""
        self._bindings["variables"] = Variables(self, self._compiled.variables)

    def value(self, program: Program) -> Any:
        """Return the value of an expression.

        Raises:
            EvaluationError: it has none.
        """
        return program.evaluate(self._bindings, self.run)

    def judged(self, program: Program) -> Any:
        """Return the value of an expression, whose error names it where the dialect has it so.

        Raises:
            EvaluationError: it has none.
        """
        if self.dialect is Dialect.KYVERNO:
            return self.value(program)
        try:
            return self.value(program)
        except EvaluationError as error:
            text = f"expression '{program.text}' resulted in error: {error.message}"
            raise EvaluationError(error.code, text) from error

    def plain(self, value: Any) -> Any:
        """Return the JSON data of a value.

        Raises:
            EvaluationError: it has none, or it costs too much.
        """
        return self.run.evaluate(lambda _: plain_value(self.run, value), [], 0)

    def holds(self, conditions: Sequence[Named]) -> bool:
        """Say whether all conditions are true; one that is false decides, whatever others are.

        Raises:
            EvaluationError: none is false, and some have no value; all their reasons.
        """
        errors = []
        for condition in conditions:
            try:
                if self.judged(condition.program) is not True:
                    return False
            except EvaluationError as error:
                errors.append(error)
        if errors:
            raise EvaluationError(errors[0].code, self._joined([error.message for error in errors]))
        return True

    def _joined(self, reasons: list[str]) -> str:
        if self.dialect is Dialect.KYVERNO:
            return "; ".join(reasons)
        different = list(dict.fromkeys(reasons))
        return different[0] if len(different) == 1 else f"[{', '.join(different)}]"

    def audit_annotations(self) -> dict[str, str]:
        """Return the annotations that have a value.

        Raises:
            EvaluationError: one has none.
        """
        found = {}
        for annotation in self._compiled.audit_annotations:
            try:
                value = self.value(annotation.program)
            except EvaluationError as error:
                text = f"failed to evaluate auditAnnotation '{annotation.name}': {error.message}"
                raise EvaluationError(error.code, text) from error
            if value:
                found[annotation.name] = str(value)
        return found
