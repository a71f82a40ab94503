"""A rule that applies to no resource.

## What it does

Reports rules for which it is proved that no resource passes `match` without being excluded: kinds, names,
namespaces, labels, annotations and operations are decided together, in `any` and in `all` blocks.

## Why

Such a rule checks nothing, and nothing says so: no image is refused, none is reported. Kyverno compares the
texts of the blocks and refuses a policy where they are the same; a pattern in `exclude` that covers the
namespaces of `match` escapes it.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: payments
spec:
  validationFailureAction: Enforce
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaces: [payments]
    exclude:
      any:
      - resources:
          namespaces: ["pay*"]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: payments
spec:
  validationFailureAction: Enforce
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaces: [payments]
    exclude:
      any:
      - resources:
          namespaces: ["pay*-sandbox"]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
```

## Limits

Preconditions are not looked at, and kinds that hold no image are left to `rule-never-reached-kinds`. Rules
with `imageExtractors` are left alone, for their resources may belong to no namespace, and so are rules that
depend on who sends a request.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.analysis import points
from pratique.compiler.analysis.points import Zone
from pratique.compiler.languages.search import Proof
from pratique.compiler.lint.base import Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.kinds import is_out_of_reach


@rule("PRQ010", Severity.ERROR, yields_to=("PRQ012",), explains=("empty-selection",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the rules that apply to no resource."""
    empty: dict[ir.ResourceRegion, bool] = {}  # most rules speak about the same few regions
    for policy in facts.policies.policies:
        for each in policy.rules:
            if each.generated_from or each.extractors:
                continue
            if "PRQ011" in facts.asked and each.requirements and is_out_of_reach(each):
                continue  # it says more about kinds
            if each.resources not in empty:
                empty[each.resources] = _is_empty(each.resources)
            if empty[each.resources] and (problem := _problem(each)):
                yield problem


def _is_empty(region: ir.ResourceRegion) -> bool:
    if not region.match.filters:
        return False  # no file can say so
    zone = Zone(region)
    return not zone.has_user_info and isinstance(points.find([zone]), Proof)


def _problem(each: ir.Rule) -> Problem | None:
    matched = points.find([Zone(ir.ResourceRegion(namespace=None, match=each.resources.match))])
    places = [f.at.location for f in each.resources.match.filters if f.at.location]
    if isinstance(matched, Proof):
        why, advice = "no resource passes all of its `match`", "make the tests of `match` fit one another"
        examples: tuple[Example, ...] = ()
    elif not isinstance(matched, points.Point):
        return None
    elif each.resources.exclude is None:
        why = f"its policy is of namespace `{each.resources.namespace}`, and `match` names others"
        advice = "match the namespace of the policy, or make it a ClusterPolicy"
        examples = (Example("out of reach", _resource(matched)),)
    else:
        why, advice = "all that `match` selects is excluded", "exclude less, or remove the rule"
        examples = (Example("excluded", _resource(matched)),)
    return Problem(
        message=f"rule `{each.name}` applies to no resource that can hold an image: {why}",
        location=places[0] if places else each.at.location,
        label="selects nothing that the rule keeps",
        examples=examples,
        help=advice,
    )


def _resource(point: points.Point) -> str:
    return str(point).partition(" in ")[2]
