"""A namespaced policy names what lies outside of its namespace.

## What it does

Reports filters of a `Policy` that select resources of other namespaces only, and kinds that live in no
namespace. Explains why a policy is refused that has `namespaces` in `match` or `exclude`.

## Why

A `Policy` is about the resources of its own namespace. A filter that names others selects nothing, and nobody
says so; `namespaces` are refused altogether.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: Policy
metadata:
  name: verify
  namespace: payments
spec:
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: billing
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      failureAction: Enforce
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: Policy
metadata:
  name: verify
  namespace: billing
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
```

## Limits

Of a namespace only its name is known. Custom kinds are taken to live in namespaces.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.search import Proof
from pratique.compiler.lint.base import Basis, Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.kinds import CLUSTER_WIDE


@rule("PRQ012", Severity.ERROR, yields_to=("PRQ011",), explains=("namespaces-in-policy",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the filters and kinds of namespaced policies that are about other namespaces, or about none."""
    for policy in facts.policies.policies:
        if policy.namespace is None:
            continue
        for each in policy.rules:
            if not each.generated_from and not each.extractors:
                yield from _filters(facts, policy, each)
                yield from _kinds(facts, policy, each)


def _filters(facts: Facts, policy: ir.Policy, each: ir.Rule) -> Iterator[Problem]:
    match = each.resources.match
    parts = [match] if match.every else [ir.Selection(filters=(part,)) for part in match.filters]
    dead = []
    for part in parts:
        anywhere = facts.find([Zone(ir.ResourceRegion(namespace=None, match=part))])
        here = Zone(ir.ResourceRegion(namespace=policy.namespace, match=part))
        if isinstance(anywhere, Point) and isinstance(facts.find([here]), Proof):
            dead.append((part, anywhere))
    for part, point in dead:
        resource = str(point).partition(" in ")[2]
        effect = "the rule applies to nothing" if len(dead) == len(parts) else "this filter selects nothing"
        yield Problem(
            message=f"rule `{each.name}` is of a policy in namespace `{policy.namespace}`, and selects"
            f" resources of other namespaces: {effect}",
            location=part.filters[0].at.location or each.at.location,
            label=f"is not about namespace `{policy.namespace}`",
            severity=Severity.ERROR if len(dead) == len(parts) else Severity.WARNING,
            examples=(Example("out of reach", resource, point),),
            related=(("the policy", policy.at.location),) if policy.at.location else (),
            help="put the policy into the namespace that is meant, or make it a ClusterPolicy",
        )


def _kinds(facts: Facts, policy: ir.Policy, each: ir.Rule) -> Iterator[Problem]:
    kinds = [kind for part in each.resources.match.filters for kind in part.kinds]
    for number, part in enumerate(each.resources.match.filters):
        for index, kind in enumerate(part.kinds):
            if kind.kind in CLUSTER_WIDE and (kind.group in ("*", "") or kind.group.endswith(".k8s.io")):
                place = facts.kind_place(policy, each, number, index) or part.at.location
                alone = all(other.kind in CLUSTER_WIDE for other in kinds)
                yield Problem(
                    message=f"a `{kind.kind}` of Kubernetes is in no namespace, and policy `{policy.key}` is"
                    f" about `{policy.namespace}` alone: rule `{each.name}` never sees one",
                    location=place,
                    label="lives in no namespace",
                    severity=Severity.ERROR if alone else Severity.WARNING,
                    confidence=Confidence.MEDIUM,  # a custom kind may have the name, too
                    basis=Basis.HEURISTIC,
                    help="remove it, or make the policy a ClusterPolicy",
                )
