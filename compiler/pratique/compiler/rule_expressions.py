"""The expressions of a rule, compiled once and kept beside the plan: conditions and templates.

What only some kinds of rules need is imported for the first of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pratique.compiler import bodies, ir
from pratique.compiler.context_loading import ContextEntries
from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.context import Reader
from pratique.compiler.expressions.variables import Template
from pratique.compiler.kyverno.obligations import rendered
from pratique.compiler.kyverno.regions import Place
from pratique.compiler.secret_references import foreign_secret, is_foreign, secrets_of
from pratique.compiler.validations import CompiledValidation
from pratique.grammar.errors import EvaluationError
from pratique.grammar.source import Location

if TYPE_CHECKING:
    from pratique.compiler.generations import CompiledGeneration
    from pratique.compiler.mutations import CompiledMutation
    from pratique.compiler.validations.cel import CompiledCelRule
    from pratique.compiler.validations.pod_security import PodSecurityValidation


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleExpressions:
    """What a rule evaluates besides signatures.

    Attributes:
        entries: the named values of the rule's `context`.
        preconditions: None where the rule has none.
        template: the entries, where they hold variables.
        denials: `validate.deny` of every entry that has one, with its message.
        attestations: conditions of the attestations that have some, by number of entry and attestation.
        validation: the check of a rule that validates; None for other rules.
        mutation: the change of a rule that mutates; None for other rules.
        generation: what a rule that generates makes, under which name; None for other rules.
        in_cel: the check of a rule that validates in CEL; None for other rules.
        properties: facts for reports, where they hold variables; else None.
        cleanup: conditions under which a cleanup policy deletes; None for other rules, and for none.
    """

    entries: ContextEntries
    preconditions: Conditions | None
    template: Template | None
    denials: tuple[tuple[Template, Conditions], ...]
    attestations: Mapping[tuple[int, int], Conditions]
    validation: CompiledValidation | PodSecurityValidation | None
    mutation: CompiledMutation | None
    generation: CompiledGeneration | None
    properties: Template | None
    in_cel: CompiledCelRule | None = None
    cleanup: Conditions | None = None

    @classmethod
    def of(cls, rule: ir.Rule, policy: str = "") -> RuleExpressions:
        """Return the compiled expressions of a rule; `policy` is the name that generated objects tell.

        Raises:
            ExpressionError: a mistake that the checks at load time would have found.
        """
        return cls(
            entries=ContextEntries.compile(rule.context, namespace=rule.resources.namespace),
            preconditions=None if rule.preconditions is None else Conditions.compile(rule.preconditions),
            template=None if rule.template is None else Template.compile(rule.template, at=("verifyImages",)),
            denials=tuple(
                (Template.compile(r.denial.message), Conditions.compile(r.denial.conditions))
                for r in rule.requirements
                if r.denial
            ),
            attestations={
                (entry, number): Conditions.compile_blocks(list(attestation.conditions))
                for entry, requirement in enumerate(rule.requirements)
                for number, attestation in enumerate(requirement.attestations)
                if attestation.conditions
            },
            validation=_validation(rule),
            mutation=_mutation(rule),
            generation=_generation(rule, policy),
            in_cel=_in_cel(rule),
            properties=_properties(rule),
            cleanup=_cleanup(rule),
        )

    def requirements(self, rule: ir.Rule, context: Reader) -> tuple[ir.ImageRequirement, ...]:
        """Return the requirements of `rule` with the values of its variables.

        Raises:
            EvaluationError: a variable has no value, or one that its field does not take.
        """
        if self.template is None:
            return rule.requirements
        try:
            entries = self.template.render(context)
        except EvaluationError as error:
            raise EvaluationError(error.code, f"failed to substitute variables: {error.message}") from error
        made = tuple(
            rendered(requirement, entry, _at(requirement.at.location))
            for requirement, entry in zip(rule.requirements, entries, strict=True)
        )
        namespace = rule.resources.namespace
        if namespace is not None:
            # The check at load time could not see what the variables would hold.
            for name in (name for requirement in made for name in secrets_of(requirement)):
                if is_foreign(name, namespace):
                    raise EvaluationError("foreign-secret", foreign_secret(name, namespace))
        return made


def _validation(rule: ir.Rule) -> CompiledValidation | PodSecurityValidation | None:
    match rule.body:
        case (
            bodies.Validation(
                check=bodies.Pattern() | bodies.AnyPattern() | bodies.Deny() | bodies.ForEach() as check
            ) as body
        ):
            return CompiledValidation(rule.name, body, check, rule.resources.namespace)
        case bodies.Validation(check=bodies.PodSecurity() as check):
            from pratique.compiler.validations.pod_security import PodSecurityValidation

            return PodSecurityValidation(rule.name, check)
        case _:
            return None


def _in_cel(rule: ir.Rule) -> CompiledCelRule | None:
    match rule.body:
        case bodies.Validation(check=bodies.Cel() as check, message=message):
            from pratique.compiler.validations.cel import compile_cel_rule

            compiled, compiler = compile_cel_rule(rule.name, check, message)
            if compiler.mistakes:
                raise compiler.mistakes[0].error
            return compiled
        case _:
            return None


def _cleanup(rule: ir.Rule) -> Conditions | None:
    if not isinstance(rule.body, bodies.Cleanup) or rule.body.conditions is None:
        return None
    return Conditions.compile(rule.body.conditions)


def _properties(rule: ir.Rule) -> Template | None:
    if not rule.report_properties:
        return None
    template = Template.compile(dict(rule.report_properties), at=("reportProperties",))
    return None if template.is_constant else template


def _mutation(rule: ir.Rule) -> CompiledMutation | None:
    if not isinstance(rule.body, bodies.Mutation):
        return None
    from pratique.compiler.mutations import CompiledMutation

    return CompiledMutation(rule.body, rule.resources.namespace)


def _generation(rule: ir.Rule, policy: str) -> CompiledGeneration | None:
    if not isinstance(rule.body, bodies.Generation):
        return None
    from pratique.compiler.generations import CompiledGeneration, Maker

    namespace = rule.resources.namespace
    maker = Maker(policy=policy, namespace=namespace or "", rule=rule.name)
    return CompiledGeneration(maker, rule.body, namespace)


def _at(location: Location | None) -> Place:
    """Every part of a rendered entry stands where the entry stands."""

    def place(*_: str | int) -> Location:
        assert location is not None  # noqa: S101 (entries come from a text)
        return location

    return place
