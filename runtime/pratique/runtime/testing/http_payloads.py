"""HTTP requests of a suite (`httpPayloads`), and what policies over them answer.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/commands/test/test.go` (`runTest`),
`processor/authz_processor.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pratique.compiler.cel.libraries.kyverno.http_authorization import request_of
from pratique.compiler.cel.values.native import Native
from pratique.compiler.cel_policies.checks import is_over_http
from pratique.compiler.cel_policies.http_requests import HttpPolicy, read_http_policy
from pratique.grammar.documents import CelDocument
from pratique.grammar.documents.http_requests import HttpCheck, Texts
from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.grammar.json_document import is_json
from pratique.runtime.decision import Status
from pratique.runtime.inputs import read_inputs
from pratique.runtime.policy_files import PolicyFiles
from pratique.runtime.run_values import read_file
from pratique.runtime.testing.model import Response, RuleKind, RuleOutcome


def http_documents(policies: PolicyFiles) -> tuple[CelDocument, ...]:
    """Return the policies over HTTP requests, which are refused everywhere else."""
    return tuple(document for document in policies.in_cel if is_over_http(document))


def http_policies(documents: Iterable[CelDocument]) -> tuple[HttpPolicy, ...]:
    """Return compiled policies; Kyverno runs no suite with one that does not compile, and neither do we.

    Raises:
        PolicyErrors: all that is wrong with them.
    """
    read = [read_http_policy(document) for document in documents]
    errors = [error for _, found in read for error in found]
    if errors:
        raise PolicyErrors(errors)
    return tuple(policy for policy, _ in read if policy)


def read_request(path: Path) -> Native:
    """Return the request of a file, as expressions see it.

    Raises:
        PolicyErrors: the file is not JSON, or not of a request.
    """
    for source in read_inputs([str(path)]).sources:
        if not is_json(source.text):
            raise PolicyErrors([PolicyError("not-an-object", f"{path.name} must be one JSON object")])
    written = read_file(path, HttpCheck).attributes
    data = written.model_dump(by_alias=True, exclude_none=True, exclude={"header", "query"})
    for name, texts in (("header", written.header), ("query", written.query)):
        if texts is not None:
            data[name] = _texts(texts)
    return request_of(data)


def _texts(texts: Texts) -> dict[str, list[str]]:
    """Return values by name; what is null is Go's zero value."""
    return {name: [each or "" for each in values or ()] for name, values in texts.items()}


def http_responses(policies: Sequence[HttpPolicy], request: Native) -> list[Response]:
    """Return what each policy answers about a request."""
    return [_response(policy, request) for policy in policies]


def _response(policy: HttpPolicy, request: Native) -> Response:
    outcome = policy.evaluate(request)
    status = Status(outcome.status)
    if status is Status.FAIL and not policy.scored:
        status = Status.WARN
    told = RuleOutcome(rule=policy.name, kind=RuleKind.VALIDATION, status=status, message=outcome.message)
    return Response(policy=policy.name, outcomes=(told,), resource={}, patched={}, has_rules=False)
