"""A rule that applies to no resource.

## What it does

Reports rules for which it is proved that no resource passes `match` without being excluded: kinds, names,
namespaces, labels, annotations and operations are decided together, in `any` and in `all` blocks.

## Why

Such a rule checks nothing, and nothing says so: no image is refused, none is reported. Kyverno compares the
texts of the blocks and refuses a policy where they are the same, also where only one of several filters of
`match` is excluded; then it is said what the rule does select. A pattern in `exclude` that covers the
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

from collections.abc import Collection, Iterator
from functools import partial

from pratique.compiler import ir
from pratique.compiler.analysis import points
from pratique.compiler.analysis.points import Zone
from pratique.compiler.kyverno.regions import region
from pratique.compiler.languages.search import Proof
from pratique.compiler.lint.base import Basis, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.kinds import is_in_namespaces, is_out_of_reach
from pratique.compiler.lint.wording import quoted
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.documents.kyverno import MatchResources
from pratique.grammar.errors import PolicyError


def refused(error: PolicyError, documents: Collection[PolicyDocument]) -> Problem | None:
    """Say that a rule that Kyverno takes for empty is not; None where it is, or where that is not known.

    References: Kyverno 1.19 `Rule.ValidateMatchExcludeConflict`, which compares filters by their texts.
    """
    for document in documents:
        for number, written in enumerate(document.model.spec.rules):
            place = partial(document.location, "spec", "rules", number)
            if written.exclude and place("exclude") == error.location:
                selected = region(written.match, written.exclude, document.model.metadata.namespace, place)
                point = points.find([Zone(selected)])
                if isinstance(point, points.Point) and not point.assumptions:
                    return _not_empty(error, written.match, written.exclude, point)
    return None


def _not_empty(
    error: PolicyError, match: MatchResources, exclude: MatchResources, point: points.Point
) -> Problem:
    advice = "write the filters of both blocks under `any`, where Kyverno looks for equal ones only"
    repeated = [f"match.any[{number}]" for number, part in enumerate(match.any) if part in exclude.any]
    if repeated and not any(part.subjects or part.roles or part.cluster_roles for part in match.any):
        advice = (
            f"remove {quoted(repeated)}, which `exclude` repeats: what it selects is excluded anyway, and the"
            " rule means the same"
        )
    return Problem(
        message=f"{error.message}: so says Kyverno, and refuses the policy, but the rule is not empty",
        location=error.location,
        label="does not exclude all of `match`",
        basis=Basis.WITNESS,
        examples=(Example("selected all the same", _resource(point), point),),
        help=advice,
    )


@rule("PRQ010", Severity.ERROR, yields_to=("PRQ012",), explains=("empty-selection",), retells=refused)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the rules that apply to no resource."""
    for policy in facts.policies.policies:
        for each in policy.rules:
            if each.generated_from or each.extractors:
                continue
            if "PRQ011" in facts.asked and each.requirements and is_out_of_reach(each):
                continue  # it says more about kinds
            if _is_empty(facts, each) and (problem := _problem(facts, each)):
                yield problem


def _is_empty(facts: Facts, each: ir.Rule) -> bool:
    parts = each.resources.match.filters
    # Where resources may be in no namespace, those that are do not tell.
    inside = bool(each.requirements) or all(is_in_namespaces(kind) for part in parts for kind in part.kinds)
    if not parts or not inside or not any(part.kinds for part in parts):
        return False
    zone = Zone(each.resources)
    return not zone.has_user_info and isinstance(facts.find([zone]), Proof)


def _problem(facts: Facts, each: ir.Rule) -> Problem | None:
    matched = facts.find([Zone(ir.ResourceRegion(namespace=None, match=each.resources.match))])
    places = [f.at.location for f in each.resources.match.filters if f.at.location]
    holding = " that can hold an image" if each.requirements else ""
    if isinstance(matched, Proof):
        why, advice = "no resource passes all of its `match`", "make the tests of `match` fit one another"
        examples: tuple[Example, ...] = ()
    elif not isinstance(matched, points.Point):
        return None
    elif each.resources.exclude is None:
        why = f"its policy is of namespace `{each.resources.namespace}`, and `match` names others"
        advice = "match the namespace of the policy, or make it a ClusterPolicy"
        examples = (Example("out of reach", _resource(matched), matched),)
    else:
        why, advice = "all that `match` selects is excluded", "exclude less, or remove the rule"
        examples = (Example("excluded", _resource(matched), matched),)
    return Problem(
        message=f"rule `{each.name}` applies to no resource{holding}: {why}",
        location=places[0] if places else each.at.location,
        label="selects nothing that the rule keeps",
        examples=examples,
        help=advice,
    )


def _resource(point: points.Point) -> str:
    return str(point).partition(" in ")[2]
