"""The expressions of a policy, compiled once: what every kind of policy has.

References: Kyverno 1.19 `pkg/cel/compiler`; Kubernetes 1.36 `apiserver/pkg/admission/plugin/cel`
(`compile.go`, `composition.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pratique.compiler.bodies import NamedExpression
from pratique.compiler.cel.environments import (
    admission_environment,
    kyverno_environment,
    with_patches,
    with_policy_variables,
)
from pratique.compiler.cel.program import Program
from pratique.compiler.cel.types import BOOL, DYN, NULL, STRING, Type
from pratique.compiler.cel_bodies import Dialect, Scope
from pratique.compiler.expressions.errors import ExpressionError

if TYPE_CHECKING:
    from pratique.compiler.cel.environment import Environment


Route: TypeAlias = tuple[str | int, ...]


class Mistake(NamedTuple):
    """What is wrong with an expression; `node` is the part of the body that holds it."""

    node: object
    error: ExpressionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A compiled expression with a name."""

    name: str
    program: Program


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledScope:
    """What every policy in CEL has, compiled."""

    scope: Scope
    conditions: tuple[Named, ...]
    variables: Mapping[str, Program] = field(default_factory=dict)
    audit_annotations: tuple[Named, ...] = ()


class Compiler:
    """Compiles the expressions of one policy in order; mistakes are kept, so that all are found at once.

    Attributes:
        environment: what the next expression may use.
        dialect: that of the policy.
        mistakes: what is wrong, in the order in which it was found.
        programs: what was compiled, with the parts of the body that hold it.
    """

    def __init__(self, environment: Environment, dialect: Dialect) -> None:
        """Take what expressions may use; `variables` are added as they are compiled."""
        self.environment = environment
        self.mistakes: list[Mistake] = []
        self.programs: list[tuple[object, Route, Program]] = []
        self.dialect = dialect

    def refuse(self, node: object, error: ExpressionError) -> None:
        """Remember what is wrong with a part of the body."""
        self.mistakes.append(Mistake(node, error))

    def program(self, node: object, text: str, *wanted: Type, route: Route = ()) -> Program | None:
        """Return a compiled expression; None where there is a mistake.

        Args:
            node: the part of the body that holds it.
            text: the expression.
            wanted: types of which its value must have one; none for any.
            route: where in the part it stands.
        """
        try:
            program = self.environment.compile(text)
            if wanted and program.output not in wanted:
                raise ExpressionError("cel-type", self._wrong_type(wanted))
        except ExpressionError as error:
            self.mistakes.append(Mistake(node, error.within(route)))
            return None
        self.programs.append((node, route, program))
        return program

    def named(self, nodes: Sequence[NamedExpression], *wanted: Type) -> tuple[Named, ...]:
        """Return compiled expressions with their names."""
        found = ((node, self.program(node, node.expression, *wanted)) for node in nodes)
        return tuple(Named(name=node.name, program=program) for node, program in found if program)

    def variables(self, nodes: Sequence[NamedExpression]) -> Mapping[str, Program]:
        """Return the variables of the policy, each of which sees those before it."""
        found: dict[str, Program] = {}
        types: dict[str, Type] = {}
        self.environment = with_policy_variables(self.environment, types)
        for node in nodes:
            program = self.program(node, node.expression)
            if program:
                found[node.name] = program
            # What uses a variable that has a mistake of its own is not to blame for it.
            types[node.name] = program.output if program else DYN
            self.environment = with_policy_variables(self.environment, types)
        return found

    def audit_annotations(self, nodes: Sequence[NamedExpression]) -> tuple[Named, ...]:
        """Return the annotations, whose values are texts, or null for none."""
        return self.named(nodes, STRING, NULL)

    def _wrong_type(self, wanted: Sequence[Type]) -> str:
        names = [str(each) for each in wanted if each != NULL] or ["null"]
        if self.dialect is Dialect.KYVERNO:
            return f"output is expected to be of type {names[0]}"
        return f"must evaluate to {' or '.join(str(each) for each in wanted)}"


def compiler_of(scope: Scope, *, has_patches: bool = False, is_generating: bool = False) -> Compiler:
    """Return what compiles the expressions of a policy.

    Args:
        scope: of the policy.
        has_patches: its expressions construct patches of objects.
        is_generating: they generate objects.
    """
    if scope.dialect is Dialect.KYVERNO:
        environment = kyverno_environment(scope.namespace, is_generating=is_generating)
        if has_patches:
            environment = with_patches(environment)
    else:
        environment = admission_environment(has_params=scope.has_parameters, has_patches=has_patches)
    return Compiler(environment, scope.dialect)


def compile_scope(compiler: Compiler, scope: Scope, *, variables_first: bool = False) -> CompiledScope:
    """Return what every policy has, compiled; `variables_first` where conditions may read them."""
    conditions: tuple[Named, ...] = ()
    if not variables_first:
        conditions = compiler.named(scope.conditions, BOOL)
    variables = compiler.variables(scope.variables)
    if variables_first:
        conditions = compiler.named(scope.conditions, BOOL)
    return CompiledScope(
        scope=scope,
        conditions=conditions,
        variables=variables,
        audit_annotations=compiler.audit_annotations(scope.audit_annotations),
    )
