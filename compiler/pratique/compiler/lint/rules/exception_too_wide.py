"""A policy exception that exempts more than it was written for.

## What it does

Reads `PolicyException` documents beside the policies, and reports those that leave nothing of an image rule,
that exempt in every namespace, that limit `operations` (nobody looks at these), or that a wider exception for
the same rule makes superfluous; with a resource that is exempt, where there is one.

## Why

An exception takes away the whole rule for a resource, with all its images: there is none for a single image.
Without a namespace, whoever may name or label a Pod in any namespace runs what nobody signed. Of two
exceptions for one rule each counts: a narrow one limits nothing beside a wide one.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: signed
spec:
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      failureAction: Enforce
---
apiVersion: kyverno.io/v2
kind: PolicyException
metadata:
  name: debugging
  namespace: exceptions
spec:
  exceptions:
  - policyName: signed
    ruleNames: ["verify", "autogen-*"]
  match:
    any:
    - resources:
        kinds: [Pod]
        names: ["debug-*"]
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: signed
spec:
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      failureAction: Enforce
---
apiVersion: kyverno.io/v2
kind: PolicyException
metadata:
  name: debugging
  namespace: exceptions
spec:
  exceptions:
  - policyName: signed
    ruleNames: ["verify", "autogen-*"]
  match:
    any:
    - resources:
        kinds: [Pod]
        names: ["debug-*"]
        namespaces: ["debugging"]
```

## Limits

Exceptions that depend on who sends a request are left alone; of those with `conditions` it is not known what
they exempt. Labels of namespaces are taken to be given by those who administer the cluster. Whether an
exception counts in the namespace where it stands is a setting of the cluster. Rules that validate, mutate or
generate are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.search import Proof
from pratique.compiler.lint.base import Basis, Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, exempted
from pratique.compiler.lint.places import of_setting
from pratique.grammar.source import Location

ANYWHERE: Final = "team-4711"
"""A namespace that no policy names."""


@rule("PRQ041", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the exceptions that exempt too much of some image rule."""
    if not facts.exemptions:
        return
    told: set[tuple[str, str]] = set()
    for policy in facts.policies.policies:
        for each in policy.rules:
            if not each.requirements or each.generated_from:
                continue
            exemptions = [e for e in facts.exemptions_of(policy, each) if not exempted(e).has_user_info]
            for exemption in exemptions:
                for kind, problem in _problems(facts, policy, each, exemption, exemptions):
                    if (exemption.key, kind) not in told:  # one finding, however many rules it is about
                        told.add((exemption.key, kind))
                        yield problem


def _problems(
    facts: Facts, policy: ir.Policy, each: ir.Rule, exemption: ir.Exemption, all_of_rule: list[ir.Exemption]
) -> Iterator[tuple[str, Problem]]:
    asked, free, images = Zone(each.resources), exempted(exemption), each.requirements[0].images
    whole = exemption.conditions is None and isinstance(facts.find([asked], [free]), Proof)
    point = facts.find([Zone(each.resources, images), free])
    if whole and isinstance(point, Point):
        yield "all", _nothing_left(policy, each, exemption, point)
    elif exemption.conditions is None and each.resources.namespace is None:
        stranger = facts.find([Zone(replace(each.resources, namespace=ANYWHERE), images), free])
        if isinstance(stranger, Point) and not stranger.namespace_labels:
            yield "anywhere", _anywhere(policy, each, exemption, stranger)
    for part in exemption.resources.filters:
        if part.operations and isinstance(point, Point):
            yield "operations", _operations(part)
    wider = _wider(facts, asked, exemption, all_of_rule)
    if wider is not None:
        yield "superfluous", _superfluous(each, exemption, wider)


def _wider(
    facts: Facts, asked: Zone, exemption: ir.Exemption, all_of_rule: list[ir.Exemption]
) -> ir.Exemption | None:
    """Return an exception that exempts all that this one does, and more, or that comes before it."""
    earlier = True
    for other in all_of_rule:
        if other is exemption:
            earlier = False
            continue
        if other.conditions is None and isinstance(
            facts.find([asked, exempted(exemption)], [exempted(other)]), Proof
        ):
            same = exemption.conditions is None and isinstance(
                facts.find([asked, exempted(other)], [exempted(exemption)]), Proof
            )
            if not same or earlier:
                return other
    return None


def _place(exemption: ir.Exemption) -> Location | None:
    places = [part.at.location for part in exemption.resources.filters if part.at.location]
    return places[0] if places else exemption.at.location


def _named(policy: ir.Policy, each: ir.Rule) -> str:
    return f"rule `{each.name}` of policy `{policy.key}`"


def _rule_places(each: ir.Rule) -> tuple[tuple[str, Location], ...]:
    return (("the rule", each.at.location),) if each.at.location else ()


def _nothing_left(policy: ir.Policy, each: ir.Rule, exemption: ir.Exemption, point: Point) -> Problem:
    return Problem(
        message=f"exception `{exemption.key}` leaves nothing of {_named(policy, each)}: every resource that"
        " the rule speaks about is exempt, whatever its images",
        location=_place(exemption),
        label="exempts everything",
        severity=Severity.ERROR,
        examples=(Example("exempt", str(point), point),),
        related=_rule_places(each),
        help="name the resources that are meant, with their namespace",
    )


def _anywhere(policy: ir.Policy, each: ir.Rule, exemption: ir.Exemption, point: Point) -> Problem:
    return Problem(
        message=f"exception `{exemption.key}` to {_named(policy, each)} holds in every namespace: whoever may"
        " name and label resources anywhere runs what nobody signed",
        location=_place(exemption),
        label="names no namespace",
        confidence=Confidence.MEDIUM,
        basis=Basis.WITNESS,
        examples=(Example("exempt", str(point), point),),
        related=_rule_places(each),
        help="add `namespaces`",
    )


def _operations(part: ir.ResourceFilter) -> Problem:
    others = [each for each in ("CREATE", "UPDATE", "DELETE") if each not in part.operations]
    return Problem(
        message=f"`operations` of an exception are not looked at: it holds for {others[0]} as well"
        if others
        else "`operations` of an exception are not looked at",
        location=of_setting(part.at.location, "operations"),
        label="limits nothing",
        severity=Severity.WARNING if others else Severity.INFO,
        help="remove it, and write what it shall depend on as `conditions` on `{{ request.operation }}`",
    )


def _superfluous(each: ir.Rule, exemption: ir.Exemption, wider: ir.Exemption) -> Problem:
    return Problem(
        message=f"exception `{exemption.key}` limits nothing: `{wider.key}` exempts all that it does"
        f" from rule `{each.name}`",
        location=_place(exemption),
        label="is contained in another one",
        related=(("the wider exception", place),) if (place := _place(wider)) else (),
        help=f"remove it, or narrow `{wider.name}`",
    )
