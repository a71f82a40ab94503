"""Which rules speak about a resource: all that can be said without asking anybody.

Kept apart from the engine, so that a run in which nothing applies loads no event loop, client or verifier.
"""

from __future__ import annotations

from dataclasses import dataclass

from pratique.compiler import ir
from pratique.compiler.bodies import Cleanup
from pratique.compiler.plan import Plan, PlannedRule
from pratique.compiler.selection import selects
from pratique.grammar import wildcard
from pratique.grammar.errors import EvaluationError
from pratique.runtime.pull_secrets import named_pull_secrets
from pratique.runtime.resource import ImageUse, Resource, extract


@dataclass(frozen=True, slots=True)
class Applicable:
    """A rule that speaks about a resource, with the images it looks at; `problem` where that is unknown.

    `resource` is as the rule's policy sees it. `pull_secrets` are named by it, and are of its `namespace`.
    """

    planned: PlannedRule
    resource: Resource
    uses: tuple[ImageUse, ...] = ()
    problem: EvaluationError | None = None
    pull_secrets: tuple[str, ...] = ()
    namespace: str = ""


def applicable(plan: Plan, resource: Resource) -> list[Applicable]:
    """Return the rules that apply to `resource`, in order; rules without a result are left out.

    Costs the same whatever the number of rules that cannot match (see `Plan.candidates`).
    """
    found: list[Applicable] = []
    views = resource.views
    for seen, concerns in views:
        texts = [use.match_string for use in seen.images]
        for planned in plan.candidates(seen.target.kind, seen.index_namespace, texts):
            if concerns is None or concerns(planned.policy.name):
                _add(found, planned, seen)
    if len(views) > 1:
        found.sort(key=lambda item: item.planned.number)
    return found


def _add(found: list[Applicable], planned: PlannedRule, resource: Resource) -> None:
    """Add a rule if it applies to a resource."""
    if isinstance(planned.rule.body, Cleanup):
        found.append(Applicable(planned, resource))
        return
    try:
        if not selects(planned.rule.resources, resource.target):
            return
        if planned.rule.request_conditions and not meets_conditions(planned, resource):
            return
        if planned.rule.body is not None:
            found.append(Applicable(planned, resource))
            return
        uses = tuple(u for u in images_of_rule(planned.rule, resource) if _looks_at(planned.rule, u))
        if uses:
            names = named_pull_secrets(resource, planned.rule)
            found.append(
                Applicable(planned, resource, uses, pull_secrets=names, namespace=resource.id.namespace)
            )
    except EvaluationError as error:
        found.append(Applicable(planned, resource, problem=error))


def meets_conditions(planned: PlannedRule, resource: Resource) -> bool:
    """Say whether the request for a resource meets the conditions that a rule has on requests.

    Raises:
        EvaluationError: nobody can say, and the policy does not fail open.
    """
    from pratique.compiler.request_conditions import compile_conditions
    from pratique.runtime.cel_requests import request_of

    try:
        return compile_conditions(planned.rule.request_conditions).hold(request_of(resource))
    except EvaluationError as error:
        if planned.policy.fail_open:
            return False
        # DEVIATION: for Kyverno the rule is then not matched; pinned by
        # `test_a_condition_that_cannot_be_evaluated_is_an_error_unless_the_policy_fails_open`.
        text = f"failed to evaluate match conditions: {error.message}"
        raise EvaluationError(error.code, text) from error


def images_of_rule(rule: ir.Rule, resource: Resource) -> tuple[ImageUse, ...]:
    """Return the images of a resource; a rule's extractors for its kind replace the built-in ones.

    Raises:
        EvaluationError: `bad-extraction`, when what extractors find is not what they say.
    """
    for kind, extractors in rule.extractors if resource.target.operation != "DELETE" else ():
        if kind == resource.id.kind:
            try:
                return extract(resource.data, extractors)
            except EvaluationError as error:
                raise EvaluationError(
                    error.code, f"failed to instantiate handler: {error.message}"
                ) from error
    return resource.images


def _looks_at(rule: ir.Rule, image_use: ImageUse) -> bool:
    return any(
        includes(region, image_use) and not (region.gaps and skips(region, image_use))
        for region in (requirement.images for requirement in rule.requirements)
    )


def includes(region: ir.ImageRegion, image_use: ImageUse) -> bool:
    """Say whether some `include` pattern of the region matches the image (whatever `skip` says)."""
    return any(wildcard.matches(pattern.text, image_use.match_string) for pattern in region.include)


def skips(region: ir.ImageRegion, image_use: ImageUse) -> bool:
    """Say whether some `skip` pattern of the region matches the image."""
    return any(wildcard.matches(pattern.text, image_use.match_string) for pattern in region.skip)
