"""A rule that another one of its policy never lets come to its turn.

## What it does

Reports rules of policies with `applyRules: One` behind a rule that applies to all resources that they select,
and that passes or fails for each of them: it has no preconditions, and denies always, asks for a level of Pod
security, or has a pattern without conditions and variables.

## Why

With `applyRules: One` a policy ends with the first rule that passes or fails. Whatever stands behind a rule
that always does is never evaluated, and nothing says so.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: pods
spec:
  applyRules: One
  rules:
  - name: baseline
    match:
      any:
      - resources:
          kinds: [Pod]
    validate:
      podSecurity:
        level: baseline
  - name: payments
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaces: [payments]
    validate:
      podSecurity:
        level: restricted
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: pods
spec:
  applyRules: One
  rules:
  - name: payments
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaces: [payments]
    validate:
      podSecurity:
        level: restricted
  - name: baseline
    match:
      any:
      - resources:
          kinds: [Pod]
    validate:
      podSecurity:
        level: baseline
```

## Limits

Rules that several rules before them cover only together are not found, nor are those behind rules with
variables, whose errors let a policy go on, or behind rules that enforce and let updates keep violations,
where they are skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pratique.compiler import bodies, ir
from pratique.compiler.analysis.points import Zone
from pratique.compiler.languages.search import Proof
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.facts import Facts


@rule("PRQ054", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the rules that never come to their turn."""
    for policy in facts.policies.policies:
        if not policy.stop_at_first:
            continue
        declared = [each for each in policy.rules if not each.generated_from]
        for number, each in enumerate(declared):
            before = (other for other in declared[:number] if _hides(facts, policy, other, each))
            if (first := next(before, None)) is not None:
                yield _problem(each, first)


def _problem(each: ir.Rule, first: ir.Rule) -> Problem:
    place = first.at.location
    return Problem(
        message=f"rule `{each.name}` never comes to its turn: with `applyRules: One` the policy ends with"
        f" rule `{first.name}`, which applies to all that it selects",
        location=each.at.location,
        label="is never evaluated",
        related=(("this rule always passes or fails", place),) if place else (),
        help=f"write it before `{first.name}`, or remove `applyRules`",
    )


def _hides(facts: Facts, policy: ir.Policy, first: ir.Rule, each: ir.Rule) -> bool:
    """Say whether a rule passes or fails for every resource that another one selects."""
    if first.is_conditional or first.context or first.extractors or facts.exempt(policy, first):
        return False
    if not _decides(first, each.body):
        return False
    zone, wanted = Zone(first.resources), Zone(each.resources)
    if zone.has_user_info or wanted.has_user_info:
        return False
    return isinstance(facts.find([replace(wanted, beyond=(zone,))]), Proof) and not isinstance(
        facts.find([wanted]), Proof
    )


def _decides(first: ir.Rule, each: object) -> bool:
    """Say whether a rule always passes or fails where the other one's body says something."""
    body = first.body
    if not isinstance(body, bodies.Validation) or not isinstance(each, bodies.Validation):
        return False
    if first.action is ir.Action.ENFORCE and body.allow_existing:
        return False  # an update that keeps a violation skips it
    match body.check:
        case bodies.Deny(conditions=None):
            return "{{" not in body.message
        case bodies.PodSecurity():
            quiet = True
        case bodies.Pattern(data=data):
            quiet = not _may_skip(data)
        case _:
            return False
    # What is deleted has no pattern, but a denial.
    return quiet and isinstance(each.check, bodies.Pattern | bodies.AnyPattern | bodies.PodSecurity)


def _may_skip(data: Any) -> bool:
    """Say whether a pattern has conditions that skip it, or variables that may have no value."""
    match data:
        case dict():
            return any(_may_skip(key) or key.startswith(("(", "<(")) for key in data) or any(
                map(_may_skip, data.values())
            )
        case list():
            return any(map(_may_skip, data))
        case str():
            return "{{" in data or "$(" in data
        case _:
            return False
