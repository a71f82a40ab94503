"""Policies that together may take longer than the API server waits.

## What it does

Adds up what all rules together ask for one image, at a registry that takes half a second for each request,
and reports the image that takes longer than the time of the webhook, with the requests it needs. Reports
image rules that match every kind, and explains why a policy is refused that matches `*`.

## Why

A webhook that does not answer in time counts as one that failed: under `failurePolicy: Fail` nothing can be
deployed while a registry is slow, under `Ignore` everything is admitted unverified. A rule for every kind
makes each request of the cluster wait for the webhook, although Pods and their controllers alone hold images.

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
    context:
    - name: config
      imageRegistry:
        reference: "registry.acme.example/config:latest"
    - name: base
      imageRegistry:
        reference: "registry.acme.example/base:latest"
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      type: SigstoreBundle
      failureAction: Enforce
      attestors:
      - entries:
        - keys:
            kms: awskms:///alias/one
        - keys:
            kms: awskms:///alias/two
        - keys:
            kms: awskms:///alias/three
        - keys:
            kms: awskms:///alias/four
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: signed
spec:
  webhookConfiguration:
    timeoutSeconds: 30
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
    context:
    - name: config
      imageRegistry:
        reference: "registry.acme.example/config:latest"
    - name: base
      imageRegistry:
        reference: "registry.acme.example/base:latest"
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      type: SigstoreBundle
      failureAction: Enforce
      attestors:
      - entries:
        - keys:
            kms: awskms:///alias/one
        - keys:
            kms: awskms:///alias/two
        - keys:
            kms: awskms:///alias/three
        - keys:
            kms: awskms:///alias/four
```

## Limits

It is an estimate, of pratique's requests, for one image with one signature and two statements; Kyverno asks
more than once for what several attestors need. `pratique explain` shows where the time goes. Preconditions
may keep a rule from being asked at all. What is remembered from one request to the next is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.lint.base import Basis, Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.budgets import Slow, patience, slowest
from pratique.compiler.lint.facts import Facts
from pratique.grammar.source import Location


@rule("PRQ042", Severity.WARNING, explains=("wildcard-kind",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the image that takes too long, and the rules that are asked about every kind."""
    for fail_open in (False, True):
        seconds = patience(facts, fail_open=fail_open)
        if slow := slowest(facts, fail_open=fail_open, beyond=seconds):
            yield _slow(slow, seconds, fail_open=fail_open)
    for policy in facts.policies.policies:
        for each in policy.rules:
            if each.requirements and not each.generated_from and not each.extractors:
                yield from _every_kind(facts, policy, each)


def _slow(slow: Slow, seconds: int, *, fail_open: bool) -> Problem:
    rules = list(
        dict.fromkeys((site.policy.key, site.rule.name, site.rule.at.location) for site in slow.sites)
    )
    several = f"{len(rules)} rules look" if len(rules) > 1 else f"rule `{rules[0][1]}` looks"
    effect = "is then admitted unverified" if fail_open else "is then refused"
    return Problem(
        message=f"{several} at one image with {slow.requests} requests, {slow.seconds:.0f} s at a slow"
        f" registry, and the API server waits {seconds} s: the resource {effect}",
        location=rules[0][2],
        label="takes part in it",
        confidence=Confidence.MEDIUM,
        basis=Basis.HEURISTIC,
        examples=(Example("may take too long", str(slow.point), slow.point),),
        related=_others(rules[1:6]),
        help="set `webhookConfiguration.timeoutSeconds`, 30 at most, or ask for less: see `pratique explain`",
    )


def _others(rules: list[tuple[str, str, Location | None]]) -> tuple[tuple[str, Location], ...]:
    return tuple((f"rule `{name}` of `{key}`, too", place) for key, name, place in rules if place)


def _every_kind(facts: Facts, policy: ir.Policy, each: ir.Rule) -> Iterator[Problem]:
    for number, part in enumerate(each.resources.match.filters):
        for index, selector in enumerate(part.kinds):
            if selector.kind == "*" and selector.subresource in ("", "*"):
                yield Problem(
                    message=f"rule `{each.name}` is asked about resources of every kind: each request waits"
                    " for the webhook, and images are in Pods and their controllers alone",
                    location=facts.kind_place(policy, each, number, index) or part.at.location,
                    label="is every kind",
                    confidence=Confidence.MEDIUM,
                    help="write `Pod`; rules for its controllers are generated",
                )
