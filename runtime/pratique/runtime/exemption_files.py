"""Policy exceptions from what a command line names, and those that stand among resources.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/exception/load.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pratique.compiler import ir
from pratique.compiler.lower import lower_exceptions
from pratique.grammar.documents import ExceptionDocument, read_policies
from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.grammar.source import Location, Source
from pratique.runtime.inputs import read_inputs

KIND = "PolicyException"


def read_exemptions(paths: Sequence[str]) -> tuple[ir.Exemption, ...]:
    """Return the policy exceptions in files, folders and globs; nothing else may be there.

    Raises:
        PolicyErrors: all mistakes of all files.
    """
    if not paths:
        return ()
    inputs = read_inputs(paths)
    errors = list(inputs.errors)
    documents: list[ExceptionDocument] = []
    for source in inputs.sources:
        content = read_policies(source)
        errors += content.errors
        documents += content.exceptions
        errors += [_stray(each.model.kind, each.location()) for each in content.policies]
        errors += [_stray(each.model.kind, each.location()) for each in content.in_cel]
        errors += [_stray(other.kind or "a document", other.location) for other in content.others]
    if not documents and not errors:
        errors.append(PolicyError("no-exception", f"there is no {KIND} in {', '.join(paths)}"))
    exemptions, wrong = lower_exceptions(documents)
    if errors or wrong:
        raise PolicyErrors([*errors, *wrong])
    return exemptions


def _stray(kind: str, place: Location) -> PolicyError:
    help = "an exception is a PolicyException of kyverno.io/v2 or v2beta1"
    return PolicyError("not-an-exception", f"{kind} stands among exceptions", place, help=help)


def exemptions_among(sources: Iterable[Source]) -> tuple[ir.Exemption, ...]:
    """Return the policy exceptions among resources; texts without any are not read in full.

    Raises:
        PolicyErrors: all mistakes of exceptions.
    """
    documents: list[ExceptionDocument] = []
    errors: list[PolicyError] = []
    for source in sources:
        if KIND in source.text:
            content = read_policies(source)
            documents += content.exceptions
            errors += content.errors
    exemptions, wrong = lower_exceptions(documents)
    if errors or wrong:
        raise PolicyErrors([*errors, *wrong])
    return exemptions
