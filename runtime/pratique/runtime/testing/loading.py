"""What a suite names, read: policies, resources, values, exceptions.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/commands/test/test.go` (`runTest`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.cel.values.native import Native
from pratique.compiler.cel_policies.authorizing import AuthorizingPolicy
from pratique.grammar.documents import CelDocument
from pratique.grammar.documents.command_line import UserInfoFile, Values
from pratique.grammar.documents.testing import ClusterResource, ContextFile, Test
from pratique.grammar.errors import PolicyError, PolicyErrors
from pratique.grammar.plain_documents import read_plain
from pratique.runtime.exemption_files import AnyExemption, read_exemptions
from pratique.runtime.inputs import read_inputs
from pratique.runtime.policy_files import PolicyFiles, policies_of
from pratique.runtime.run_values import RunValues, check_operation, read_file
from pratique.runtime.testing.cel_context import CelContext
from pratique.runtime.testing.cluster import Cluster
from pratique.runtime.testing.discovery import Suite
from pratique.runtime.testing.mocks import Calls, Globals, check_mocks
from pratique.runtime.testing.model import ResourceKey
from pratique.runtime.testing.objects import read_objects
from pratique.runtime.testing.request_payloads import (
    authorizing_documents,
    authorizing_policies,
    read_requests,
)

REFUSED_HERE: Final = frozenset({"unsupported-field", "unsupported-kind"})
"""Codes of mistakes that are ours: Kyverno accepts such policies."""
_TWICE: Final = "duplicate-policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A suite with everything that it names.

    Attributes:
        policies: those that are valid.
        invalid: those that Kyverno refuses when they are created, by name, with the reason.
        exemptions: policy exceptions.
        resources: in the order of the files, each once.
        targets: existing objects that rules may change.
        sources: objects that rules may copy, by key of the policy and name of the rule.
        duplicates: resources that are there a second time.
        calls: mocked answers of calls.
        globals: mocked global context entries.
        cluster: what is asked for objects; None where the suite has no cluster.
        in_cel: what policies in CEL are told.
        payloads: JSON objects that policies are about, with the names that rows give them.
        authorizing: those over requests of HTTP and Envoy, which are not among `policies`.
        requests: what these judge: the mode, the name that rows give it, and the request.
    """

    policies: ir.PolicySet
    invalid: dict[str, str]
    exemptions: tuple[AnyExemption, ...]
    resources: tuple[dict[str, Any], ...]
    targets: tuple[dict[str, Any], ...]
    sources: Mapping[tuple[str, str], list[dict[str, Any]]]
    duplicates: tuple[ResourceKey, ...]
    values: RunValues
    calls: Calls
    globals: Globals
    cluster: Cluster | None
    in_cel: CelContext
    payloads: tuple[tuple[str, dict[str, Any]], ...] = ()
    authorizing: tuple[AuthorizingPolicy, ...] = ()
    requests: tuple[tuple[str, str, Native], ...] = ()


def load(suite: Suite, test: Test) -> Loaded:
    """Return what a suite names.

    Raises:
        PolicyErrors: all mistakes of the files, those included that this version cannot follow.
        UsageError: the values do not fit together.
    """
    _check(suite, test)
    values = _values(suite.folder, test)
    # Exceptions among the policies do not count, but are no mistake either.
    policies = policies_of(read_inputs(_paths(suite.folder, test.policies)), exceptions=True)
    apart = authorizing_documents(policies)
    invalid = _invalid(policies, apart)
    exemptions = read_exemptions(_paths(suite.folder, test.exceptions))
    resources, duplicates = _unique(
        read_objects([suite.folder / path for path in dict.fromkeys(test.resources)], doubles=True)
    )
    folder = suite.folder
    targets = read_objects([folder / path for path in test.target_resources])
    parameters = read_objects([folder / path for path in test.param_resources])
    file = read_file(folder / test.context, ContextFile) if test.context else None
    calls = Calls(test.api_call_responses)
    cluster = _cluster(folder, test, [*resources, *targets, *parameters])
    return Loaded(
        policies=_once(policies.policies),
        invalid=invalid,
        exemptions=exemptions,
        resources=tuple(resources),
        targets=tuple(targets),
        sources=_sources(suite.folder, test),
        duplicates=tuple(duplicates),
        values=values,
        calls=calls,
        globals=Globals(folder, test.global_context_entries),
        cluster=cluster,
        in_cel=CelContext(file, targets, parameters, calls, cluster),
        payloads=tuple((name, _payload(folder / name)) for name in _payload_names(test)),
        authorizing=authorizing_policies(apart),
        requests=read_requests(folder, test),
    )


def _payload_names(test: Test) -> list[str]:
    return [*test.json_payloads, *([test.json_payload] if test.json_payload else ())]


def _payload(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file.

    Raises:
        PolicyErrors: it holds none.
    """
    inputs = read_inputs([str(path)])
    if inputs.errors:
        raise PolicyErrors(inputs.errors)
    documents = []
    for source in inputs.sources:
        read = read_plain(source)
        if read.errors:
            raise PolicyErrors(read.errors)
        documents += [document.data for document in read.documents]
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise PolicyErrors([PolicyError("not-an-object", f"{path.name} must be one JSON object")])
    return documents[0]


def _check(suite: Suite, test: Test) -> None:
    errors = list(check_mocks(suite, test))
    if errors:
        raise PolicyErrors(errors)


def _cluster(folder: Path, test: Test, objects: Sequence[dict[str, Any]]) -> Cluster | None:
    if not test.cluster_resources:
        return None
    named = dict.fromkeys(test.cluster_resources)
    specs = [read_file(folder / path, ClusterResource).spec for path in named]
    definitions = read_objects([folder / path for spec in specs for path in spec.crds], as_written=True)
    further = [each for spec in specs for each in spec.resources]
    return Cluster([*objects, *further, *definitions], definitions)


def _sources(folder: Path, test: Test) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the objects that rows name as sources of copies; the last row of a rule counts."""
    named = {(row.policy, row.rule): row.clone_source_resource for row in test.results}
    return {key: read_objects([folder / path]) for key, path in named.items() if path}


def _paths(folder: Path, paths: Sequence[str]) -> list[str]:
    return [str(folder / path) for path in dict.fromkeys(paths)]


def _values(folder: Path, test: Test) -> RunValues:
    spec = test.values
    if spec is None and test.variables:
        spec = read_file(folder / test.variables, Values)
    user = read_file(folder / test.userinfo, UserInfoFile) if test.userinfo else None
    values = RunValues(file=spec, user=user)
    check_operation(values)
    return values


def _invalid(policies: PolicyFiles, apart: Sequence[CelDocument]) -> dict[str, str]:
    """Return the policies that Kyverno refuses, too, with the first reason.

    Args:
        policies: those of the suite.
        apart: those that are read in another way, and not judged here.

    Raises:
        PolicyErrors: a file cannot be read, or holds what this version cannot follow.
    """
    invalid = {}
    known: list[PolicyError] = []
    for document, errors in policies.refused:
        if any(document is each for each in apart):
            known += errors
        elif not any(error.code in REFUSED_HERE for error in errors):
            invalid[document.model.metadata.name] = errors[0].message
            known += errors
    harmless = {id(error) for error in known}
    grave = [e for e in policies.mistakes if id(e) not in harmless and e.code != _TWICE]
    if grave:
        raise PolicyErrors(grave)
    return invalid


def _once(policies: ir.PolicySet) -> ir.PolicySet:
    """Return the policies, of those with the same kind and name the first."""
    found: dict[tuple[str, str], ir.Policy] = {}
    for policy in policies.policies:
        found.setdefault((policy.kind, policy.key), policy)
    return ir.PolicySet(policies=tuple(found.values()))


def _unique(objects: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[ResourceKey]]:
    """Return the first object of each group, kind, namespace and name, and the keys of the others."""
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    duplicates = []
    for data in objects:
        key = ResourceKey.of(data)
        group = key.api_version.rpartition("/")[0]
        if found.setdefault((group, key.kind, key.namespace, key.name), data) is not data:
            duplicates.append(key)
    return list(found.values()), duplicates
