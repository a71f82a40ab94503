"""Documents of every dialect to one policy set: the way from the grammar into the compiler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.kyverno.checks import check
from pratique.compiler.kyverno.exceptions import check_exception, lower_exception
from pratique.compiler.kyverno.lower import lower_policy
from pratique.grammar.documents import (
    BindingDocument,
    CelDocument,
    CelExceptionDocument,
    CleanupDocument,
    ExceptionDocument,
    PolicyDocument,
    SigstoreDocument,
    TrustRootDocument,
)
from pratique.grammar.errors import PolicyError

AnyPolicy: TypeAlias = PolicyDocument | CelDocument | SigstoreDocument | CleanupDocument
"""A well-formed policy of whatever language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """The policies that could be lowered, and the mistakes of the others.

    Attributes:
        refused: documents that were left out, each with its mistakes, which are among `errors`.
    """

    policies: ir.PolicySet
    errors: tuple[PolicyError, ...] = ()
    notices: tuple[str, ...] = ()
    refused: tuple[tuple[AnyPolicy, tuple[PolicyError, ...]], ...] = ()


def lower(
    documents: Sequence[PolicyDocument],
    cel: Sequence[CelDocument] = (),
    bindings: Sequence[BindingDocument] = (),
    sigstore: Sequence[SigstoreDocument] = (),
    trust_roots: Sequence[TrustRootDocument] = (),
    cleanups: Sequence[CleanupDocument] = (),
) -> Lowered:
    """Return the policy set of all documents, in order; a document with mistakes is left out, never bent.

    Args:
        documents: policies of Kyverno's classic kinds, which come first.
        cel: policies in CEL.
        bindings: those of admission policies of Kubernetes.
        sigstore: policies of policy-controller.
        trust_roots: those that these may refer to.
        cleanups: cleanup policies, which come last.
    """
    policies: list[ir.Policy] = []
    refused: list[tuple[AnyPolicy, tuple[PolicyError, ...]]] = []
    wrong_roots: list[PolicyError] = []
    for document in documents:
        found = check(document)
        if found:
            refused.append((document, tuple(found)))
        else:
            policies.append(lower_policy(document))
    if cel:
        from pratique.compiler.cel_policies.checks import read_policy

        for each in cel:
            policy, wrong = read_policy(each, bindings)
            if policy is None:
                refused.append((each, tuple(wrong)))
            else:
                policies.append(policy)
    if sigstore:
        from pratique.compiler.sigstore.checks import check as check_image_policy
        from pratique.compiler.sigstore.checks import check_roots
        from pratique.compiler.sigstore.lower import lower_image_policy

        wrong_roots = check_roots(trust_roots)
        roots = {each.model.metadata.name: each for each in trust_roots}
        for image_policy in sigstore:
            found = check_image_policy(image_policy, roots)
            if found:
                refused.append((image_policy, tuple(found)))
            else:
                policies.append(lower_image_policy(image_policy, roots))
    if cleanups:
        from pratique.compiler.kyverno.cleanup import check_cleanup, lower_cleanup

        for cleanup in cleanups:
            if found := check_cleanup(cleanup):
                refused.append((cleanup, tuple(found)))
            else:
                policies.append(lower_cleanup(cleanup))
    errors = [*wrong_roots, *(error for _, found in refused for error in found)]
    return Lowered(
        policies=ir.PolicySet(policies=tuple(policies)),
        errors=(*errors, *_duplicates(policies)),
        refused=tuple(refused),
    )


def lower_exceptions(
    documents: Sequence[ExceptionDocument],
) -> tuple[tuple[ir.Exemption, ...], tuple[PolicyError, ...]]:
    """Return the exemptions of all documents, in order, and the mistakes of those that are left out."""
    exemptions: list[ir.Exemption] = []
    errors: list[PolicyError] = []
    for document in documents:
        found = check_exception(document)
        errors += found
        if not found:
            exemptions.append(lower_exception(document))
    return tuple(exemptions), tuple(errors)


def lower_cel_exceptions(
    documents: Sequence[CelExceptionDocument],
) -> tuple[tuple[CelExemption, ...], tuple[PolicyError, ...]]:
    """As `lower_exceptions`, for exceptions from policies in CEL."""
    exemptions: list[CelExemption] = []
    errors: list[PolicyError] = []
    if documents:
        from pratique.compiler.cel_policies.lower_exceptions import check_cel_exception, lower_cel_exception

        for document in documents:
            found = check_cel_exception(document)
            errors += found
            if not found:
                exemptions.append(lower_cel_exception(document))
    return tuple(exemptions), tuple(errors)


def _duplicates(policies: Sequence[ir.Policy]) -> list[PolicyError]:
    seen: dict[tuple[str, str], ir.Policy] = {}
    errors = []
    for policy in policies:
        first = seen.setdefault((policy.kind, policy.key), policy)
        if first is not policy:
            place = first.at.location
            errors.append(
                PolicyError(
                    "duplicate-policy",
                    f"{policy.kind} {policy.key} is declared twice",
                    policy.at.location,
                    related=[("first declared here", place)] if place is not None else [],
                )
            )
    return errors
