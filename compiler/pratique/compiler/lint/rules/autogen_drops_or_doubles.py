"""Rules for controllers are not made where they were expected, or are made twice.

## What it does

Reports policies whose rules about Pods get no rules for Deployments and other controllers, because of a test
in one of them, of `exclude`, or of the annotation that names the controllers; rules that are left out for
their name; and rules that judge a controller by themselves and by the rule that is generated from them.

## Why

Kyverno makes rules for controllers of rules for Pods, unless some rule of the policy tests names, labels or
annotations, which a controller has of its own. Then all rules of the policy lose theirs: a Deployment with a
bad image is admitted, and its Pods are refused one by one where nobody sees it.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: signed
spec:
  rules:
  - name: everything
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      failureAction: Enforce
  - name: payments
    match:
      any:
      - resources:
          kinds: [Pod]
          selector:
            matchLabels:
              team: payments
    verifyImages:
    - imageReferences:
      - "ghcr.io/payments/*"
      failureAction: Enforce
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: signed
spec:
  rules:
  - name: everything
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      failureAction: Enforce
  - name: payments
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaces: [payments]
    verifyImages:
    - imageReferences:
      - "ghcr.io/payments/*"
      failureAction: Enforce
```

## Limits

Policies that name controllers in some rule are taken to look after them, and `none` in the annotation is
taken to be meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.attributes import BEARERS
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.kyverno.autogen import ANNOTATION, CONTROLLERS
from pratique.compiler.kyverno.autogen_obstacles import Obstacle, is_plain_pod, obstacle
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint.base import Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.wording import quoted
from pratique.compiler.selection import Target, kind_matches
from pratique.grammar.source import Location

KINDS: Final = frozenset({"Pod", "CronJob", *CONTROLLERS})
"""Names that the annotation may hold."""

_CLASSIC: Final = frozenset({"ClusterPolicy", "Policy"})

_CONTROLLERS: Final = tuple(
    Target(group=group, version=version, kind=kind)
    for group, version, kind, subresource in BEARERS
    if kind != "Pod" and not subresource
)


@rule("PRQ013", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield what keeps rules for controllers from being made, and rules that are judged twice."""
    for policy in facts.policies.policies:
        if policy.kind not in _CLASSIC:
            continue  # others say in `autogen` of which controllers they are made
        declared = [each for each in policy.rules if not each.generated_from]
        yield from _left_out(facts, policy, declared)
        yield from _twice(facts, policy, declared)
        annotation = dict(policy.annotations).get(ANNOTATION)
        yield from _unknown(facts, policy, annotation)
        wanted = KINDS - {"Pod"} if annotation is None else KINDS & _named(annotation) - {"Pod"}
        if wanted and not any(map(_names_controllers, declared)):
            yield from _dropped(facts, policy, declared, annotated=annotation is not None)


def _named(annotation: str) -> set[str]:
    return {name.strip() for name in annotation.split(",")}


def _names_controllers(each: ir.Rule) -> bool:
    kinds = [kind for part in each.resources.match.filters for kind in part.kinds]
    return any(kind_matches(kind, target) for kind in kinds for target in _CONTROLLERS)


def _names_pods(each: ir.Rule) -> bool:
    return any(is_plain_pod(kind) for part in each.resources.match.filters for kind in part.kinds)


# --- dropped -------------------------------------------------------------------------------------------


def _dropped(
    facts: Facts, policy: ir.Policy, declared: Sequence[ir.Rule], *, annotated: bool
) -> Iterator[Problem]:
    generated = {each.generated_from for each in policy.rules}
    without = [each for each in declared if _names_pods(each) and each.name not in generated]
    found = [(each, why) for each in declared if (why := obstacle(each))]
    if without and found and generated == {""}:
        guilty, why = found[0]
        losing = [each for each in without if each is not guilty]
        if annotated or losing:
            yield _of_none(facts, guilty, why, losing)
        elif guilty.requirements:
            yield _of_itself(facts, guilty, why)
    for each in without:
        exclude = each.resources.exclude
        kinds = [kind.kind for part in exclude.filters for kind in part.kinds] if exclude else []
        if generated != {""} and exclude and kinds and "Pod" not in kinds:
            yield Problem(
                message=f"no rules for controllers are made of rule `{each.name}`: its `exclude` names"
                f" {quoted(list(dict.fromkeys(kinds)))} and no Pods",
                location=exclude.filters[0].at.location or each.at.location,
                label="keeps controllers from being looked at",
                examples=_unseen(facts, each),
                help="leave kinds out of `exclude`, or name controllers in `match`",
            )


def _of_none(facts: Facts, guilty: ir.Rule, why: Obstacle, losing: Sequence[ir.Rule]) -> Problem:
    """Say that a rule keeps those of others from being made, or those that an annotation asks for."""
    what = f"rule `{guilty.name}` {why.what}, so that no rules for controllers are made"
    what += (
        f" of {quoted([each.name for each in losing])} either" if losing else ", though an annotation asks"
    )
    return Problem(
        message=f"{what}: controllers are not looked at, only the Pods that they make",
        location=why.filter.at.location or guilty.at.location,
        label="keeps controllers from being looked at",
        examples=_unseen(facts, losing[0] if losing else guilty),
        related=tuple(("goes without", each.at.location) for each in losing if each.at.location),
        help="put the rule into a policy of its own" if losing else "name controllers in a rule of their own",
    )


def _of_itself(facts: Facts, each: ir.Rule, why: Obstacle) -> Problem:
    return Problem(
        message=f"rule `{each.name}` {why.what}, so that no rules for controllers are made of it: they are"
        " not looked at, only the Pods that they make",
        location=why.filter.at.location or each.at.location,
        label="keeps controllers from being looked at",
        severity=Severity.INFO,
        confidence=Confidence.LOW,
        examples=_unseen(facts, each),
        help="name controllers in a rule of their own",
    )


def _unseen(facts: Facts, each: ir.Rule) -> tuple[Example, ...]:
    """Return a Deployment that a rule about Pods does not look at."""
    found = [facts.ask(is_empty, facts.region(q.images), images()) for q in each.requirements]
    pod = facts.find([Zone(each.resources)])
    image = next((answer.text for answer in found if isinstance(answer, Witness)), "")
    if not image or not isinstance(pod, Point) or pod.assumptions:
        return ()
    deployment = replace(pod, image=image, kind=("apps", "v1", "Deployment", ""))
    return (Example("not looked at", str(deployment), deployment),)


def _unknown(facts: Facts, policy: ir.Policy, annotation: str | None) -> Iterator[Problem]:
    unknown = [name for name in _named(annotation or "none") if name not in KINDS | {"none", ""}]
    if unknown:
        are = "is no controller" if len(unknown) == 1 else "are no controllers"
        yield Problem(
            message=f"{quoted(sorted(unknown))} in `{ANNOTATION}` {are} that rules are made for",
            location=_annotation_place(facts, policy),
            label="is passed over",
            help=f"it may be of {', '.join(sorted(KINDS - {'Pod'}))}, or `none`",
        )


def _annotation_place(facts: Facts, policy: ir.Policy) -> Location | None:
    document = facts.document(policy)
    return document.location("metadata", "annotations", ANNOTATION) if document else policy.at.location


def _left_out(facts: Facts, policy: ir.Policy, declared: Sequence[ir.Rule]) -> Iterator[Problem]:
    """Yield the rules that count for nothing, for they are called as generated rules are."""
    document = facts.document(policy)
    kept = {each.name for each in declared}
    for number, written in enumerate(document.model.spec.rules if document else ()):
        if document and written.name not in kept:
            yield Problem(
                message=f"rule `{written.name}` counts for nothing: it is called like the rules that are made"
                " for controllers, and gives way to these",
                location=document.location("spec", "rules", number, "name"),
                label="begins with `autogen-`",
                severity=Severity.ERROR,
                help="give it another name",
            )


# --- doubled -------------------------------------------------------------------------------------------


def _twice(facts: Facts, policy: ir.Policy, declared: Sequence[ir.Rule]) -> Iterator[Problem]:
    """Yield the rules that look at a controller themselves, beside the rule that is made of them for it."""
    for each in declared:
        if not _names_controllers(each):
            continue
        for made in policy.rules:
            both = (
                facts.find([Zone(each.resources), Zone(made.resources)])
                if made.generated_from == each.name
                else None
            )
            if isinstance(both, Point) and not both.assumptions:
                yield Problem(
                    message=f"rule `{each.name}` and the rule `{made.name}` that is made of it judge the same"
                    f" {both.kind[2]}: it has two results and costs twice as much",
                    location=each.resources.match.filters[0].at.location or each.at.location,
                    label="names controllers beside Pods",
                    examples=(Example("judged twice", str(both).partition(" in ")[2], both),),
                    help="name Pods alone, and leave controllers to the rules that are made for them",
                )
                break
