"""Policy exceptions from what a command line names, and those that stand among resources.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/exception/load.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.lower import lower_cel_exceptions, lower_exceptions
from pratique.grammar.documents import CelExceptionDocument, ExceptionDocument, read_policies
from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.grammar.source import Location, Source
from pratique.runtime.inputs import read_inputs

KIND = "PolicyException"

AnyExemption: TypeAlias = ir.Exemption | CelExemption
"""An exemption from classic policies, or from policies in CEL."""


def read_exemptions(paths: Sequence[str]) -> tuple[AnyExemption, ...]:
    """Return the policy exceptions in files, folders and globs; nothing else may be there.

    Raises:
        PolicyErrors: all mistakes of all files.
    """
    if not paths:
        return ()
    inputs = read_inputs(paths)
    errors = list(inputs.errors)
    documents: list[ExceptionDocument] = []
    in_cel: list[CelExceptionDocument] = []
    for source in inputs.sources:
        content = read_policies(source)
        errors += content.errors
        documents += content.exceptions
        in_cel += content.cel_exceptions
        errors += [_stray(each.model.kind, each.location()) for each in content.policies]
        errors += [_stray(each.model.kind, each.location()) for each in content.cel_policies]
        errors += [_stray(each.model.kind, each.location()) for each in content.bindings]
        errors += [_stray(each.model.kind, each.location()) for each in content.of_sigstore]
        errors += [_stray(other.kind or "a document", other.location) for other in content.others]
    if not documents and not in_cel and not errors:
        errors.append(PolicyError("no-exception", f"there is no {KIND} in {', '.join(paths)}"))
    return _lowered(documents, in_cel, errors)


def _lowered(
    documents: Sequence[ExceptionDocument],
    in_cel: Sequence[CelExceptionDocument],
    errors: Sequence[PolicyError],
) -> tuple[AnyExemption, ...]:
    exemptions, wrong = lower_exceptions(documents)
    cel_exemptions, wrong_in_cel = lower_cel_exceptions(in_cel)
    if errors or wrong or wrong_in_cel:
        raise PolicyErrors([*errors, *wrong, *wrong_in_cel])
    return (*exemptions, *cel_exemptions)


def _stray(kind: str, place: Location) -> PolicyError:
    help = "an exception is a PolicyException of kyverno.io/v2 or v2beta1, or of policies.kyverno.io"
    return PolicyError("not-an-exception", f"{kind} stands among exceptions", place, help=help)


def exemptions_among(sources: Iterable[Source]) -> tuple[AnyExemption, ...]:
    """Return the policy exceptions among resources; texts without any are not read in full.

    Raises:
        PolicyErrors: all mistakes of exceptions.
    """
    documents: list[ExceptionDocument] = []
    in_cel: list[CelExceptionDocument] = []
    errors: list[PolicyError] = []
    for source in sources:
        if KIND in source.text:
            content = read_policies(source)
            documents += content.exceptions
            in_cel += content.cel_exceptions
            errors += content.errors
    return _lowered(documents, in_cel, errors)
