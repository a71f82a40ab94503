"""Policies from what a command line names: read, lowered, and every mistake kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.lower import AnyPolicy, lower, lower_cel_exceptions, lower_exceptions
from pratique.grammar.documents import (
    BindingDocument,
    CelDocument,
    CelExceptionDocument,
    CleanupDocument,
    ExceptionDocument,
    OtherDocument,
    PolicyDocument,
    SigstoreDocument,
    TrustRootDocument,
    read_policies,
)
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location, Source
from pratique.runtime.inputs import Inputs, read_inputs

MARKS: Final = ("kyverno.io/", "verifyImages", "policy.sigstore.dev/", "AdmissionPolicy")
"""Texts of which a policy holds at least one."""


def concerns_policies(text: str) -> bool:
    """Say whether a text may hold policies; whatever else is wrong with others is not told."""
    return any(mark in text for mark in MARKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFiles:
    """What the named files hold.

    Attributes:
        documents: the well-formed policies, those included that could not be lowered.
        in_cel: the same of policies in CEL.
        of_sigstore: the same of policies of policy-controller.
        cleanups: the same of cleanup policies.
        policies: what all of them lower to.
        exemptions: policy exceptions, where they were asked for.
        cel_exemptions: the same from policies in CEL.
        mistakes: of files, documents and policies; those of reading before those of lowering.
        others: documents that are no policies.
        order: number of each source by its name, as they were named.
        refused: policies that could not be lowered, each with its mistakes, which are among `mistakes`.
        sources: the texts that all this was read from, in that order.
    """

    documents: tuple[PolicyDocument, ...]
    policies: ir.PolicySet
    mistakes: tuple[PolicyError, ...]
    notices: tuple[str, ...]
    others: tuple[OtherDocument, ...]
    order: dict[str, int]
    in_cel: tuple[CelDocument, ...] = ()
    of_sigstore: tuple[SigstoreDocument, ...] = ()
    exemptions: tuple[ir.Exemption, ...] = ()
    cel_exemptions: tuple[CelExemption, ...] = ()
    refused: tuple[tuple[AnyPolicy, tuple[PolicyError, ...]], ...] = ()
    cleanups: tuple[CleanupDocument, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Say whether there is no policy, be it one that could not be lowered."""
        return not (self.documents or self.in_cel or self.of_sigstore or self.cleanups)

    @property
    def all_notices(self) -> tuple[str, ...]:
        """Return what is said besides, also of documents that are no policies."""
        return (*self.notices, *map(ignored, self.others))

    @property
    def exempting(self) -> tuple[ir.Exemption | CelExemption, ...]:
        """Return all policy exceptions that count."""
        return (*self.exemptions, *self.cel_exemptions)

    def without_exceptions(self, why: str) -> PolicyFiles:
        """Return the same without policy exceptions, each of which is noticed as one that does not count."""
        notices = [
            f"{each.at.location}: PolicyException {each.name} does not count {why}" for each in self.exempting
        ]
        return replace(self, exemptions=(), cel_exemptions=(), notices=(*self.notices, *notices))


def read_policy_files(
    paths: Sequence[str], stdin: Callable[[], bytes] | None = None, *, exceptions: bool = False
) -> PolicyFiles:
    """Return the policies in files, folders, globs or standard input (`-`); a mistake costs only itself.

    Args:
        paths: what the user named.
        stdin: returns the bytes of standard input; the process's own by default.
        exceptions: whether policy exceptions are wanted. For a caller that does not honour them, each is a
            mistake.
    """
    return policies_of(read_inputs(paths, stdin), exceptions=exceptions)


def policies_of(inputs: Inputs, *, exceptions: bool = False) -> PolicyFiles:
    """Return the policies in texts that were read already; `exceptions` as in `read_policy_files`."""
    mistakes = list(inputs.errors)
    documents: list[PolicyDocument] = []
    in_cel: list[CelDocument] = []
    of_sigstore: list[SigstoreDocument] = []
    trust_roots: list[TrustRootDocument] = []
    cleanups: list[CleanupDocument] = []
    bindings: list[BindingDocument] = []
    excepting: list[ExceptionDocument] = []
    cel_excepting: list[CelExceptionDocument] = []
    others: list[OtherDocument] = []
    for source in inputs.sources:
        content = read_policies(source)
        documents += content.policies
        mistakes += content.errors
        excepting += content.exceptions
        in_cel += content.cel_policies
        of_sigstore += content.sigstore_policies
        trust_roots += content.trust_roots
        cleanups += content.cleanups
        bindings += content.bindings
        cel_excepting += content.cel_exceptions
        for other in content.others:
            if other.is_policy:
                mistakes.append(_unsupported(other.kind, other.location))
            else:
                others.append(other)
    exemptions: tuple[ir.Exemption, ...] = ()
    cel_exemptions: tuple[CelExemption, ...] = ()
    if exceptions:
        exemptions, wrong = lower_exceptions(excepting)
        cel_exemptions, wrong_in_cel = lower_cel_exceptions(cel_excepting)
        mistakes += [*wrong, *wrong_in_cel]
    else:
        mistakes += map(_does_not_count, excepting)
        mistakes += map(_does_not_count, cel_excepting)
    lowered = lower(documents, in_cel, bindings, of_sigstore, trust_roots, cleanups)
    return PolicyFiles(
        documents=tuple(documents),
        policies=lowered.policies,
        mistakes=(*mistakes, *lowered.errors),
        notices=(*inputs.notices, *lowered.notices),
        others=tuple(others),
        order={source.name: number for number, source in enumerate(inputs.sources)},
        in_cel=tuple(in_cel),
        of_sigstore=tuple(of_sigstore),
        cleanups=tuple(cleanups),
        exemptions=exemptions,
        cel_exemptions=cel_exemptions,
        refused=lowered.refused,
        sources=inputs.sources,
    )


def _does_not_count(document: ExceptionDocument | CelExceptionDocument) -> PolicyError:
    return PolicyError(
        "unsupported-kind",
        f"{document.model.kind} does not count here",
        document.location(),
        help="`pratique apply` and `pratique test` know policy exceptions",
    )


def _unsupported(kind: str, place: Location) -> PolicyError:
    return PolicyError(
        "unsupported-kind",
        f"pratique does not read {kind} yet",
        place,
        help="it reads Policy and ClusterPolicy of kyverno.io/v1 and v2beta1, policies in CEL, and"
        " ClusterImagePolicy of policy.sigstore.dev",
    )


def ignored(other: OtherDocument) -> str:
    """Return what is said of a document that is no policy."""
    return f"{other.location}: {other.kind or 'a document'} is not a policy: ignored"
