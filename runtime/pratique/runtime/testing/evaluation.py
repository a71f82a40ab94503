"""Policies of a suite over its resources: what each policy answers, in the order of the Kyverno CLI.

Every policy answers for every resource, if only that none of its rules applies; those that generate answer
only where a rule does.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/processor/policy_processor.go` (`ApplyPoliciesOnResource`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler import bodies, ir
from pratique.compiler.plan import Plan
from pratique.grammar.documents.testing import Expectation
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import RuleResult, Stage, Status
from pratique.runtime.engine import Engine
from pratique.runtime.resource import Resource
from pratique.runtime.run_values import RunValues
from pratique.runtime.testing.cel_evaluation import payload_responses, target_responses
from pratique.runtime.testing.cel_responses import cel_responses, in_cel
from pratique.runtime.testing.cluster import Cluster
from pratique.runtime.testing.context import SuiteContext
from pratique.runtime.testing.loading import Loaded
from pratique.runtime.testing.model import ResourceKey, Response, Responses, RuleKind, RuleOutcome
from pratique.runtime.testing.request_payloads import request_responses

if TYPE_CHECKING:
    from pratique.runtime.evidence import Evidence
    from pratique.runtime.ports import Accesses


async def evaluate(
    loaded: Loaded,
    expected: Iterable[Expectation],
    evidence: Evidence | None = None,
    accesses: Accesses | None = None,
    *,
    images: bool = False,
) -> Responses:
    """Return what the policies of a suite answer about its resources.

    Args:
        loaded: what the suite names.
        expected: the rows that are judged.
        evidence: what is known of images; None where nobody is to be asked.
        accesses: the ways to registries.
        images: whether context entries about images are loaded.

    Raises:
        UsageError: values make no object of a resource.
        NotYetError: some rule asks about images, and there is no evidence.
    """
    plan = Plan(loaded.policies)
    source = SuiteContext(
        loaded.values.rules,
        loaded.calls,
        loaded.globals,
        loaded.cluster,
        loaded.in_cel,
        registries=images,
    )
    engine = Engine(
        plan,
        evidence,
        source,
        accesses,
        exemptions=loaded.exemptions,
        as_in_suites=True,
        targets=loaded.targets,
        sources=loaded.sources,
    )
    triggers: dict[str, dict[ResourceKey, list[Response]]] = {}
    for operation in ("", *sorted({each.operation for each in expected if each.operation})):
        values = replace(loaded.values, operation=operation)
        resources = [_resource(data, values, loaded.cluster) for data in loaded.resources]
        triggers[operation] = {
            ResourceKey.of(data): await _responses(engine, loaded, resource)
            for data, resource in zip(loaded.resources, resources, strict=True)
        }
        for _, response in target_responses(engine, loaded.targets, resources):
            triggers[operation].setdefault(ResourceKey.of(response.resource), []).append(response)
    for name, payload in loaded.payloads:
        triggers[""].setdefault(ResourceKey("", "", "", name), []).extend(
            await payload_responses(engine, payload, evidence.evaluation() if evidence else None)
        )
    for mode, name, request in loaded.requests:
        policies = [policy for policy in loaded.authorizing if policy.mode == mode]
        triggers[""].setdefault(ResourceKey("", "", "", name), []).extend(
            request_responses(policies, request)
        )
    return Responses(triggers=triggers, targets=_targets(triggers), invalid=loaded.invalid)


def _targets(
    triggers: Mapping[str, Mapping[ResourceKey, list[Response]]],
) -> dict[ResourceKey, list[Response]]:
    """Return the responses that changed existing objects, by object."""
    found: defaultdict[ResourceKey, list[Response]] = defaultdict(list)
    for responses in (each for run in triggers.values() for each in run.values()):
        for response in responses:
            for key in {ResourceKey.of(each.target) for each in response.outcomes if each.target is not None}:
                found[key].append(response)
    return dict(found)


def _resource(data: dict[str, Any], values: RunValues, cluster: Cluster | None) -> Resource:
    """Return a resource as policies see it.

    A namespace that nobody describes has no labels; in a suite with a cluster, the cluster knows.
    """
    key = ResourceKey.of(data)
    found = values.namespaces.get(key.namespace)
    labels: Mapping[str, str] | None = found["metadata"].get("labels") or {} if found else {}
    if cluster is not None and not labels:
        labels = cluster.namespace_labels(key.namespace)
    make = partial(Resource, namespace_labels=labels, namespace_object=found)
    return values.viewed(make, data)


async def _responses(engine: Engine, loaded: Loaded, resource: Resource) -> list[Response]:
    results = await engine.judge(resource, applicable(engine.plan, resource))
    found: defaultdict[str, list[RuleResult]] = defaultdict(list)
    policies = [policy for policy in loaded.policies.policies if not in_cel(policy)]
    kinds = {policy.kind for policy in policies}
    for result in results:
        if result.kind in kinds:
            found[result.policy].append(result)
    mutated = list(_in(_MUTATE, policies, found, resource.data))
    data = mutated[-1].patched if mutated else resource.data
    return [
        *mutated,
        *_in(_VERIFY, policies, found, data),
        *_in(_VALIDATE, policies, found, data),
        *cel_responses(loaded.policies.policies, results, data),
        *_in(_DELETE, policies, found, data),
        *(each for each in _in(_GENERATE, policies, found, data) if each.outcomes),
    ]


_MUTATE: Final = (Stage.MUTATE, RuleKind.MUTATION)
_VERIFY: Final = (Stage.VERIFY, RuleKind.IMAGE_VERIFY)
_VALIDATE: Final = (Stage.VALIDATE, RuleKind.VALIDATION)
_DELETE: Final = (Stage.DELETE, RuleKind.DELETION)
_GENERATE: Final = (Stage.GENERATE, RuleKind.GENERATION)


def _in(
    capacity: tuple[Stage, RuleKind],
    policies: Sequence[ir.Policy],
    results: Mapping[str, Sequence[RuleResult]],
    data: Mapping[str, Any],
) -> Iterator[Response]:
    """Yield the responses of the policies that have rules of one capacity, each with what it left."""
    stage, kind = capacity
    for policy in policies:
        if any(stage in _stages(rule) for rule in policy.rules):
            own = results.get(policy.key, ())
            outcomes = tuple(_outcomes(own, stage, kind))
            changes = [each.patched for result in own for each in result.checks if each.patched is not None]
            patched = changes[-1] if changes and stage is Stage.MUTATE else data
            yield Response(policy=policy.name, outcomes=outcomes, resource=data, patched=patched)
            data = patched


def _stages(rule: ir.Rule) -> tuple[Stage, ...]:
    match rule.body:
        case bodies.Validation():
            return (Stage.VALIDATE,)
        case bodies.Mutation():
            return (Stage.MUTATE,)
        case bodies.Generation():
            return (Stage.GENERATE,)
        case bodies.Cleanup():
            return (Stage.DELETE,)
        case None:
            proves = any(r.demand_digest or r.demand_proof for r in rule.requirements)
            return (Stage.VERIFY, Stage.VALIDATE) if proves else (Stage.VERIFY,)
        case _:
            raise AssertionError("policies in CEL answer in a way of their own")


def _outcomes(results: Sequence[RuleResult], stage: Stage, kind: RuleKind) -> Iterator[RuleOutcome]:
    for result in results:
        for check in result.checks:
            if check.stage is stage:
                status = check.status
                if status is Status.FAIL and not result.scored:
                    status = Status.WARN
                yield RuleOutcome(
                    rule=result.rule,
                    kind=kind,
                    status=status,
                    message=check.message,
                    made=check.made,
                    target=check.target,
                )
