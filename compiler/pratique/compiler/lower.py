"""Documents of every dialect to one policy set: the way from the grammar into the compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias, TypeVar

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
    for document, policy, wrong in chain(
        _read(documents, check, lower_policy),
        _in_cel(cel, bindings),
        _of_sigstore(sigstore, trust_roots),
        _cleanups(cleanups),
    ):
        if policy is None:
            refused.append((document, tuple(wrong)))
        else:
            policies.append(policy)
    errors = [*_wrong_roots(sigstore, trust_roots), *(error for _, found in refused for error in found)]
    return Lowered(
        policies=ir.PolicySet(policies=tuple(policies)),
        errors=(*errors, *_duplicates(policies)),
        refused=tuple(refused),
    )


_Read: TypeAlias = tuple[AnyPolicy, ir.Policy | None, Sequence[PolicyError]]
_D = TypeVar("_D", PolicyDocument, SigstoreDocument, CleanupDocument)


def _read(
    documents: Sequence[_D],
    check: Callable[[_D], Sequence[PolicyError]],
    lower: Callable[[_D], ir.Policy],
) -> Iterator[_Read]:
    """Yield each document with its policy, or with its mistakes."""
    for document in documents:
        wrong = check(document)
        yield document, None if wrong else lower(document), wrong


def _in_cel(documents: Sequence[CelDocument], bindings: Sequence[BindingDocument]) -> Iterator[_Read]:
    if documents:
        from pratique.compiler.cel_policies.checks import read_policy

        for document in documents:
            yield document, *read_policy(document, bindings)


def _of_sigstore(
    documents: Sequence[SigstoreDocument], trust_roots: Sequence[TrustRootDocument]
) -> Iterator[_Read]:
    if documents:
        from pratique.compiler.sigstore.checks import check as check_image_policy
        from pratique.compiler.sigstore.lower import lower_image_policy

        roots = {each.model.metadata.name: each for each in trust_roots}
        yield from _read(
            documents,
            lambda document: check_image_policy(document, roots),
            lambda document: lower_image_policy(document, roots),
        )


def _wrong_roots(
    documents: Sequence[SigstoreDocument], trust_roots: Sequence[TrustRootDocument]
) -> list[PolicyError]:
    """Return the mistakes of trust roots; where no policy may name them, they are nobody's business."""
    if not documents:
        return []
    from pratique.compiler.sigstore.checks import check_roots

    return check_roots(trust_roots)


def _cleanups(documents: Sequence[CleanupDocument]) -> Iterator[_Read]:
    if documents:
        from pratique.compiler.kyverno.cleanup import check_cleanup, lower_cleanup

        yield from _read(documents, check_cleanup, lower_cleanup)


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
