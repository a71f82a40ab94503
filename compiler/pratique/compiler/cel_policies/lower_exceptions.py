"""`PolicyException` documents for policies in CEL to the IR.

References: Kyverno 1.19 `api/policies.kyverno.io/v1beta1/policy_exception.go`.
"""

from __future__ import annotations

from typing import Final

from pratique.compiler import ir
from pratique.compiler.bodies import NamedExpression
from pratique.compiler.cel.environments import kyverno_environment
from pratique.compiler.cel.types import BOOL, DYN
from pratique.compiler.cel_bodies import CelExemption, Dialect
from pratique.compiler.cel_policies.compilation import Compiler
from pratique.compiler.expressions.values.instants import RFC3339, InstantError, parse_instant
from pratique.grammar.documents import CelExceptionDocument
from pratique.grammar.errors import PolicyError

_PRIORITY: Final = "polex.kyverno.io/priority"
"""Label of an exception that says how it ranks."""


def check_cel_exception(document: CelExceptionDocument) -> list[PolicyError]:
    """Return what is wrong with an exception; of variables, only policies know which there are."""
    spec = document.model.spec
    errors = []
    if not spec.policy_refs:
        place = document.location("spec", "policyRefs")
        errors.append(PolicyError("missing-value", "must specify at least one policy ref", place))
    if spec.expires_at:
        try:
            parse_instant(RFC3339, spec.expires_at)
        except InstantError as error:
            place = document.location("spec", "expiresAt")
            errors.append(PolicyError("wrong-value", f"`spec.expiresAt` is no time: {error}", place))
    environment = kyverno_environment("").with_variables({"variables": DYN})
    compiler = Compiler(environment, Dialect.KYVERNO)
    for number, condition in enumerate(spec.match_conditions):
        compiler.program(number, condition.expression, BOOL)
    for node, mistake in compiler.mistakes:
        assert isinstance(node, int)  # noqa: S101 (given above)
        route = ("spec", "matchConditions", node, "expression")
        place = document.character(*route, offset=mistake.offset)
        errors.append(PolicyError(mistake.code, mistake.message, place))
    return errors


def lower_cel_exception(document: CelExceptionDocument) -> CelExemption:
    """Return the IR of an exception."""
    spec, metadata = document.model.spec, document.model.metadata
    priority = metadata.labels.get(_PRIORITY, "")
    return CelExemption(
        name=metadata.name,
        namespace=metadata.namespace or "default",
        policies=tuple((each.kind, each.name) for each in spec.policy_refs),
        conditions=tuple(
            NamedExpression(
                name=each.name,
                expression=each.expression,
                at=ir.At(location=document.location("spec", "matchConditions", number, "expression")),
            )
            for number, each in enumerate(spec.match_conditions)
        ),
        images=spec.images,
        values=spec.allowed_values,
        passes=spec.report_result == "pass",
        priority=int(priority) if priority.isdecimal() and len(priority) < 10 else 0,
        expires=spec.expires_at,
        at=ir.At(location=document.location("metadata", "name")),
    )
