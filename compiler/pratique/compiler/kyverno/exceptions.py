"""`PolicyException` documents to exemptions, and what Kyverno refuses when one is created.

References: Kyverno 1.19 `api/kyverno/v2` (PolicyExceptionSpec, Exception), whose texts are repeated.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.bodies import PodSecurityExclusion
from pratique.compiler.kyverno.regions import selection
from pratique.compiler.kyverno.selection_checks import Problem, exception_problems
from pratique.grammar.documents import ExceptionDocument
from pratique.grammar.documents.selection import MatchResources
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location


def check_exception(document: ExceptionDocument) -> list[PolicyError]:
    """Return every reason not to accept the exception, in the order of the document."""
    name = document.model.metadata.name
    return [
        PolicyError(code, f"invalid exception {name}: {text}", document.location("spec", *route), help=help)
        for text, route, code, help in _problems(document)
    ]


def _problems(document: ExceptionDocument) -> Iterator[Problem]:
    spec = document.model.spec
    yield from exception_problems(_match(document), background=spec.background)
    for number, excepted in enumerate(spec.exceptions):
        if not excepted.policy_name:
            place = ("exceptions", number, "policyName")
            yield Problem("An exception requires a policy name", place)


def lower_exception(document: ExceptionDocument) -> ir.Exemption:
    """Return the IR of an exception that `check_exception` had nothing against."""

    def place(*parts: str | int) -> Location:
        return document.location("spec", *parts)

    spec = document.model.spec
    conditions = spec.conditions.model_dump(mode="json", exclude_unset=True) if spec.conditions else None
    return ir.Exemption(
        name=document.model.metadata.name,
        namespace=document.model.metadata.namespace or "default",
        rules=tuple((each.policy_name, each.rule_names) for each in spec.exceptions),
        resources=selection(_match(document), "match", place),
        conditions=conditions or None,
        controls=tuple(
            PodSecurityExclusion(
                control=each.control_name,
                images=each.images,
                restricted_field=each.restricted_field,
                values=each.values,
            )
            for each in spec.pod_security
        ),
        at=ir.At(location=document.location("metadata", "name")),
    )


def _match(document: ExceptionDocument) -> MatchResources:
    match = document.model.spec.match
    return MatchResources(any=match.any, all=match.all)
