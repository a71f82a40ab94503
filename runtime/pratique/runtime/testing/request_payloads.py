"""Requests in a suite (`httpPayloads`, `envoyPayloads`), and what policies over them answer.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/commands/test/test.go` (`runTest`),
`processor/authz_processor.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno import envoy_messages, http_authorization
from pratique.compiler.cel.values.native import Native
from pratique.compiler.cel_policies.authorizing import AuthorizingPolicy, read_authorizing_policy
from pratique.compiler.cel_policies.checks import authorizing_mode
from pratique.grammar.documents import CelDocument
from pratique.grammar.documents.authorization_requests import EnvoyCheck, HttpCheck, Texts
from pratique.grammar.documents.problems import problems
from pratique.grammar.documents.testing import Test
from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.grammar.json_document import is_json
from pratique.grammar.nodes import plain
from pratique.grammar.yaml_tree import read_documents
from pratique.runtime.decision import Status
from pratique.runtime.inputs import read_inputs
from pratique.runtime.policy_files import PolicyFiles
from pratique.runtime.testing.model import Response, RuleKind, RuleOutcome

_M = TypeVar("_M", HttpCheck, EnvoyCheck)


def authorizing_documents(policies: PolicyFiles) -> tuple[CelDocument, ...]:
    """Return the policies over requests of HTTP and Envoy, which are refused everywhere else."""
    return tuple(document for document in policies.in_cel if authorizing_mode(document))


def authorizing_policies(documents: Iterable[CelDocument]) -> tuple[AuthorizingPolicy, ...]:
    """Return compiled policies; Kyverno runs no suite with one that does not compile, and neither do we.

    Raises:
        PolicyErrors: all that is wrong with them.
    """
    read = [read_authorizing_policy(document) for document in documents]
    errors = [error for _, found in read for error in found]
    if errors:
        raise PolicyErrors(errors)
    return tuple(policy for policy, _ in read if policy)


def read_requests(folder: Path, test: Test) -> tuple[tuple[str, str, Native], ...]:
    """Return the requests of a suite: the mode, the path as the suite writes it, and the request.

    Raises:
        PolicyErrors: a file is not JSON, or not of a request.
    """
    return (
        *(("HTTP", name, read_http(folder / name)) for name in dict.fromkeys(test.http_payloads)),
        *(("Envoy", name, read_envoy(folder / name)) for name in dict.fromkeys(test.envoy_payloads)),
    )


def read_http(path: Path) -> Native:
    """Return the HTTP request of a file, as expressions see it.

    Raises:
        PolicyErrors: the file is not JSON, or not of a request.
    """
    written = _read(path, HttpCheck).attributes
    data = written.model_dump(by_alias=True, exclude_none=True, exclude={"header", "query"})
    for name, texts in (("header", written.header), ("query", written.query)):
        if texts is not None:
            data[name] = _texts(texts)
    return http_authorization.request_of(data)


def read_envoy(path: Path) -> Native:
    """Return the request of Envoy in a file, as expressions see it.

    Raises:
        PolicyErrors: the file is not JSON, or not of a request.
    """
    written = _read(path, EnvoyCheck)
    try:
        return envoy_messages.request_of(written.model_dump(exclude_none=False))
    except CelError as error:
        raise PolicyErrors([PolicyError("wrong-value", f"{path.name}: {error.message}")]) from error


def _read(path: Path, model: type[_M]) -> _M:
    inputs = read_inputs([str(path)])
    errors: list[PolicyError] = list(inputs.errors)
    for source in inputs.sources:
        if not is_json(source.text):
            raise PolicyErrors([PolicyError("not-an-object", f"{path.name} must be one JSON object")])
        documents = read_documents(source)
        errors += documents.errors
        for document in documents.documents if not errors else ():
            try:
                # Messages have their own names beside those in camel case; HTTP requests have one word each.
                return model.model_validate(plain(document.root), by_alias=True, by_name=model is EnvoyCheck)
            except ValidationError as error:
                errors += problems(error, model, document, ())
    raise PolicyErrors(errors or [PolicyError("not-a-file", f"{path.name} is not a file")])


def _texts(texts: Texts) -> dict[str, list[str]]:
    """Return values by name; what is null is Go's zero value."""
    return {name: [each or "" for each in values or ()] for name, values in texts.items()}


def request_responses(policies: Sequence[AuthorizingPolicy], request: Native) -> list[Response]:
    """Return what each policy answers about a request."""
    return [_response(policy, request) for policy in policies]


def _response(policy: AuthorizingPolicy, request: Native) -> Response:
    outcome = policy.evaluate(request)
    status = Status(outcome.status)
    if status is Status.FAIL and not policy.scored:
        status = Status.WARN
    told = RuleOutcome(rule=policy.name, kind=RuleKind.VALIDATION, status=status, message=outcome.message)
    return Response(policy=policy.name, outcomes=(told,), resource={}, patched={}, has_rules=False)
