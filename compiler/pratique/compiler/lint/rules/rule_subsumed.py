"""A rule that demands nothing that other rules do not demand as well.

## What it does

Reports rules, and entries of rules, that could be removed without a change of any verdict: wherever they
apply, other rules demand as much, one alone or several together, with the same effect of a failure.

## Why

Such a rule looks like protection of its own. It costs an evaluation of every resource, it has to be kept in
step with the others, and whoever weakens it weakens nothing.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: acme
spec:
  rules:
  - name: all-images
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      failureAction: Enforce
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: release@acme.example
            rekor:
              url: https://rekor.sigstore.dev
  - name: payments
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaces: [payments]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/payments/*"
      failureAction: Enforce
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: "*@acme.example"
            rekor:
              url: https://rekor.sigstore.dev
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: acme
spec:
  rules:
  - name: all-images
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      failureAction: Enforce
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: release@acme.example
            rekor:
              url: https://rekor.sigstore.dev
```

## Limits

Rules with `imageExtractors` and policies with `applyRules: One` are left alone. Of rules that demand the same
the last one is reported. Conditions over statements are compared as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.sets import contains
from pratique.compiler.lint.base import Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.superfluous import Superfluous, Unit, superfluous
from pratique.compiler.lint.wording import joined


@rule("PRQ015", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the rules and entries that could be removed."""
    for found in superfluous(facts):
        yield _problem(found, facts)


def _problem(found: Superfluous, facts: Facts) -> Problem:
    unit, others = found.unit, found.others
    names = list(dict.fromkeys(_name(site.policy, site.rule, unit) for site in others))
    what, place = f"rule `{unit.rule.name}`", unit.rule.at.location
    if unit.entry is not None:
        what, place = f"entry {unit.entry + 1} of {what}", unit.requirements[0].at.location
    one = len(names) == 1 and found.suffice
    who = f"{joined(names)} {'demands' if len(names) == 1 else 'together demand'} as much"
    if not found.suffice:
        who = f"other rules together demand as much, among them {joined(names)}"
    places = ((_name(site.policy, site.rule, unit), site.requirement.at.location) for site in others)
    return Problem(
        message=f"{what} adds nothing: wherever it applies, {who}",
        location=place,
        label="can go without a change of any verdict",
        examples=_examples(unit, others[0], facts),
        related=tuple((f"demanded by {name}", at) for name, at in places if at),
        help=f"remove it, or narrow the {'other' if one else 'others'}",
    )


def _examples(unit: Unit, other: Site, facts: Facts) -> tuple[Example, ...]:
    resource = facts.find([Zone(unit.rule.resources), Zone(other.rule.resources)])
    region = facts.region(other.requirement.images)
    if not isinstance(resource, Point) or unit.rule.is_conditional or other.rule.is_conditional:
        return ()
    for requirement in (q for q in unit.requirements if q.signatures or q.attestations):
        for pattern in requirement.images.include:
            image = facts.example(pattern.text)
            if image and contains(facts.region(requirement.images), image) and contains(region, image):
                point = replace(resource, image=image)
                return (Example("demanded by both", str(point), point),)
    return ()


def _name(policy: ir.Policy, named: ir.Rule, unit: Unit) -> str:
    if policy is not unit.policy:
        return f"rule `{policy.key}/{named.name}`"
    return "another entry of it" if named is unit.rule else f"rule `{named.name}`"
