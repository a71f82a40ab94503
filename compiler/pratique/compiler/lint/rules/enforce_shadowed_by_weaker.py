"""What is to block does not: a weaker setting covers it.

## What it does

Reports rules with `Enforce` whose namespaces `validationFailureActionOverrides` set to `Audit` altogether,
overrides that apply to no resource of any rule, and under `applyRules: One` rules that enforce behind rules
that only report, by which they are never reached.

## Why

The policy says `Enforce` and blocks nothing; or an override was written for a namespace, and the namespace is
treated as if it were not there.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: payments
spec:
  validationFailureAction: Enforce
  validationFailureActionOverrides:
  - action: Audit
    namespaces: ["pay*"]
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaces: [payments, payments-eu]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      attestors:
      - entries:
        - keyless:
            issuer: https://token.actions.githubusercontent.com
            subject: https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main
            rekor: {url: https://rekor.sigstore.dev}
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: payments
spec:
  validationFailureAction: Enforce
  validationFailureActionOverrides:
  - action: Audit
    namespaces: [payments-eu]
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
          namespaces: [payments, payments-eu]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      attestors:
      - entries:
        - keyless:
            issuer: https://token.actions.githubusercontent.com
            subject: https://github.com/acme/app/.github/workflows/release.yaml@refs/heads/main
            rekor: {url: https://rekor.sigstore.dev}
```

## Limits

Rules of other policies weaken nothing: all that speak about an image must pass. Whether a namespace exists is
not looked up. A rule that cannot ask a registry has no last word; the next one is asked then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pratique.compiler import ir
from pratique.compiler.analysis.demands import actions
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Proof, Witness
from pratique.compiler.lint.base import Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.wording import quoted
from pratique.grammar.source import Location

EVERYTHING = ir.Selection(filters=(ir.ResourceFilter(namespaces=("*",)),))


@rule("PRQ016", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the rules and overrides without the effect that they name."""
    for policy in facts.policies.policies:
        declared = [each for each in policy.rules if each.requirements and not each.generated_from]
        if len(declared) != sum(not each.generated_from for each in policy.rules):
            continue  # where other rules apply, namespaces may not tell
        if any(each.overrides for each in declared):
            for each in declared:
                yield from _never_enforced(facts, policy, each)
            yield from _dead(facts, policy, declared)
        if policy.stop_at_first:
            yield from _never_reached(facts, policy, declared)


# --- overrides -----------------------------------------------------------------------------------------


def _never_enforced(facts: Facts, policy: ir.Policy, each: ir.Rule) -> Iterator[Problem]:
    """Yield what is wrong with a rule that enforces in none of its namespaces."""
    if each.action is not ir.Action.ENFORCE or not each.overrides:
        return
    parts = [(action, facts.find([zone])) for zone, action in actions(each, Zone.of(each))]
    if not all(isinstance(found, Proof) for action, found in parts if action is ir.Action.ENFORCE):
        return
    point = next((found for _, found in parts if isinstance(found, Point)), None)
    asking = [q for q in each.requirements if q.signatures or q.attestations]
    found = [facts.ask(is_empty, facts.region(q.images), images()) for q in asking]
    image = next((answer.text for answer in found if isinstance(answer, Witness)), "")
    if point is None or not image:
        return
    point = replace(point, image=image)
    weak = [number for number, override in enumerate(each.overrides) if override.action is ir.Action.AUDIT]
    places = [_place(facts, policy, number) for number in weak]
    yield Problem(
        message=f"rule `{each.name}` blocks nothing: `validationFailureActionOverrides` set all its"
        " namespaces to `Audit`",
        location=next((place for place in places if place), each.at.location),
        label="covers every namespace of the rule",
        examples=(Example("only reported", str(point), point),),
        related=(("the rule", each.at.location),) if each.at.location else (),
        help="name fewer namespaces in the override, or set the action of the policy to `Audit`",
    )


def _dead(facts: Facts, policy: ir.Policy, declared: Sequence[ir.Rule]) -> Iterator[Problem]:
    """Yield the overrides that apply to no resource of a rule that heeds them."""
    heeding = [each for each in declared if each.overrides]
    for number, override in enumerate(heeding[0].overrides):
        why = _dead_for(facts, heeding, number)
        if why:
            named = f" for {quoted(override.namespaces)}" if override.namespaces else ""
            yield Problem(
                message=f"the override to `{override.action}`{named} applies nowhere: {why}",
                location=_place(facts, policy, number) or policy.at.location,
                label="changes nothing",
                help="remove it, or name the namespaces that are meant",
            )


def _dead_for(facts: Facts, heeding: Sequence[ir.Rule], number: int) -> str:
    """Return why an override applies to no resource of these rules; an empty text where it may apply."""
    override = heeding[0].overrides[number]
    if not override.namespaces and override.namespace_selector is None:
        return "it names no namespace"
    alone = replace(heeding[0], overrides=(override,))
    anywhere = Zone(ir.ResourceRegion(namespace=None, match=EVERYTHING))
    if isinstance(facts.find([next(actions(alone, anywhere))[0]]), Proof):
        return "no namespace can have such a name or such labels"
    reaches = [_part(each, number, alone=True) for each in heeding]
    if all(isinstance(facts.find([zone]), Proof) for zone in reaches):
        return "no rule of the policy is about such a namespace"
    lefts = [_part(each, number, alone=False) for each in heeding]
    if all(isinstance(facts.find([zone]), Proof) for zone in lefts):
        return "overrides before it take all its namespaces, and the first one counts"
    return ""


def _part(each: ir.Rule, number: int, *, alone: bool) -> Zone:
    """Return where an override applies to a rule; `alone` as if there were no other."""
    if alone:
        each, number = replace(each, overrides=(each.overrides[number],)), 0
    before = [o for o in each.overrides[:number] if o.namespaces or o.namespace_selector is not None]
    return list(actions(each, Zone.of(each)))[len(before)][0]


def _place(facts: Facts, policy: ir.Policy, number: int) -> Location | None:
    document = facts.document(policy)
    return document.location("spec", "validationFailureActionOverrides", number) if document else None


# --- applyRules: One -----------------------------------------------------------------------------------


def _never_reached(facts: Facts, policy: ir.Policy, declared: Sequence[ir.Rule]) -> Iterator[Problem]:
    """Yield the rules that enforce only where an earlier rule, which does not, has the last word."""
    for number, each in enumerate(declared):
        before = {other.name: _deciding(facts, policy, other) for other in declared[:number]}
        earlier = [zone for zones in before.values() for zone in zones]
        mine = [
            replace(zone, images=ir.ImageRegion(include=requirement.images.include))
            for requirement in each.requirements
            for zone, action in actions(each, Zone.of(each))
            if action is ir.Action.ENFORCE
        ]
        if not earlier or not mine or any("{{" in p.text for z in mine if z.images for p in z.images.include):
            continue
        points = [(facts.find([zone]), facts.find([zone], earlier)) for zone in mine]
        reached = [point for point, _ in points if isinstance(point, Point)]
        if not reached or not all(isinstance(left, Proof) for _, left in points):
            continue
        yield Problem(
            message=f"rule `{each.name}` is never reached: with `applyRules: One` the rules before it, which"
            " only report, have the last word on all its images",
            location=each.at.location,
            label="would enforce, and is not asked",
            examples=(Example("only reported", str(reached[0]), reached[0]),),
            related=tuple(
                ("asked before it", other.at.location)
                for other in declared[:number]
                if other.at.location and before[other.name]
            ),
            help="put the rule first, or remove `applyRules`",
        )


def _deciding(facts: Facts, policy: ir.Policy, each: ir.Rule) -> list[Zone]:
    """Return where a rule that only reports passes or fails an image, after which no other rule is asked."""
    if each.is_conditional or each.extractors or facts.exempt(policy, each):
        return []
    asking = [q for q in each.requirements if q.signatures or q.attestations]
    return [
        replace(zone, images=requirement.images)
        for requirement in asking
        for zone, action in actions(each, Zone.of(each))
        if action is ir.Action.AUDIT and not any("{{" in p.text for p in requirement.images.include)
    ]
