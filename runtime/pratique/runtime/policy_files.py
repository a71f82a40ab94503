"""Policies from what a command line names: read, lowered, and every mistake kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pratique.compiler import ir
from pratique.compiler.lower import lower
from pratique.grammar.documents import OtherDocument, PolicyDocument, read_policies
from pratique.grammar.errors import PolicyError
from pratique.runtime.inputs import Inputs, read_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFiles:
    """What the named files hold.

    Attributes:
        documents: the well-formed policies, those included that could not be lowered.
        policies: what they lower to.
        mistakes: of files, documents and policies; those of reading before those of lowering.
        others: documents that are no policies.
        order: number of each source by its name, as they were named.
    """

    documents: tuple[PolicyDocument, ...]
    policies: ir.PolicySet
    mistakes: tuple[PolicyError, ...]
    notices: tuple[str, ...]
    others: tuple[OtherDocument, ...]
    order: dict[str, int]


def read_policy_files(paths: Sequence[str], stdin: Callable[[], bytes] | None = None) -> PolicyFiles:
    """Return the policies in files, folders, globs or standard input (`-`); a mistake costs only itself."""
    return policies_of(read_inputs(paths, stdin))


def policies_of(inputs: Inputs) -> PolicyFiles:
    """Return the policies in texts that were read already."""
    mistakes = list(inputs.errors)
    documents: list[PolicyDocument] = []
    others: list[OtherDocument] = []
    for source in inputs.sources:
        content = read_policies(source)
        documents += content.policies
        mistakes += content.errors
        for other in content.others:
            if other.is_policy:
                mistakes.append(_unsupported(other))
            else:
                others.append(other)
    lowered = lower(documents)
    return PolicyFiles(
        documents=tuple(documents),
        policies=lowered.policies,
        mistakes=(*mistakes, *lowered.errors),
        notices=(*inputs.notices, *lowered.notices),
        others=tuple(others),
        order={source.name: number for number, source in enumerate(inputs.sources)},
    )


def _unsupported(other: OtherDocument) -> PolicyError:
    return PolicyError(
        "unsupported-kind",
        f"pratique does not read {other.kind} yet",
        other.location,
        help="it reads Policy and ClusterPolicy of kyverno.io/v1 and v2beta1",
    )


def ignored(other: OtherDocument) -> str:
    """Return what is said of a document that is no policy."""
    return f"{other.location}: {other.kind or 'a document'} is not a policy: ignored"
