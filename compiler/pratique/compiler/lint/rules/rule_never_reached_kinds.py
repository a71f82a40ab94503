"""A kind of which no image is ever seen.

## What it does

Reports kinds in `match` of image rules that hold no images, or whose images are not known: misspelt ones and
plurals, those of a group or version that there is not, kinds such as `Service`, subresources, and custom
kinds without `imageExtractors`. Reports `imageExtractors` for kinds that the rule does not match.

## Why

A rule without images says nothing: there is no result, no block and no error. `Pods` is no kind, and what
runs is not looked at.

## Example

```yaml
match:
  any:
  - resources:
      kinds:
      - Pods
```

## Instead

```yaml
match:
  any:
  - resources:
      kinds:
      - Pod
```

## Limits

Images are known of Pods and of the controllers of Kubernetes that make Pods. That a kind is installed in a
cluster is not looked up. Rules that validate, mutate or generate are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.lint.base import Confidence, Problem, Severity, rule
from pratique.compiler.lint.edits import rewritten
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.kinds import (
    WITHOUT_IMAGES,
    is_out_of_reach,
    meant,
    sees_images,
    unused_extractors,
)
from pratique.grammar.source import Location


@rule("PRQ011", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the kinds whose images a rule cannot see."""
    for policy in facts.policies.policies:
        for each in policy.rules:
            if each.requirements and not each.generated_from:
                yield from _kinds(facts, policy, each)
                for kind in unused_extractors(each):
                    yield _unused(facts, policy, each, kind)


def _kinds(facts: Facts, policy: ir.Policy, each: ir.Rule) -> Iterator[Problem]:
    dead = is_out_of_reach(each)
    for number, part in enumerate(each.resources.match.filters):
        for index, selector in enumerate(part.kinds):
            if not sees_images(selector, each):
                place = facts.kind_place(policy, each, number, index)
                yield _problem(each, selector, place or part.at.location, dead=dead, exact=place is not None)


def _problem(
    each: ir.Rule, selector: ir.KindSelector, place: Location | None, *, dead: bool, exact: bool
) -> Problem:
    better = meant(selector, each)
    if selector.subresource:
        why, advice = f"`{selector.kind}/{selector.subresource}` holds no image", "remove it"
        better = ""
    elif better and better.rpartition("/")[2] == selector.kind:
        why = f"there is no `{selector.group}/{selector.version}/{selector.kind}`"
        advice = f"write `{better}`, or `{selector.kind}` for any group and version"
    elif better:
        why, advice = f"`{selector.kind}` is no kind", f"write `{better}`"
    elif selector.kind in WITHOUT_IMAGES:
        why, advice = f"a `{selector.kind}` runs no image", "remove it"
    else:
        why = f"where a `{selector.kind}` holds images is not known"
        advice = f"add `imageExtractors` with the paths of images in a `{selector.kind}`"
    effect = f"rule `{each.name}` verifies no image" if dead else "the rule verifies no image of it"
    return Problem(
        message=f"{why}: {effect}",
        location=place,
        label="no image is seen of it",
        severity=Severity.ERROR if dead or better else Severity.WARNING,
        confidence=Confidence.HIGH if dead or better else Confidence.MEDIUM,
        help=advice,
        fix=fix_of(rewritten(place, better), safe=True) if better and exact else None,
    )


def _unused(facts: Facts, policy: ir.Policy, each: ir.Rule, kind: str) -> Problem:
    return Problem(
        message=f"`imageExtractors` for `{kind}` are of no use: rule `{each.name}` matches no `{kind}`",
        location=facts.rule_place(policy, each, "imageExtractors", kind, key=True) or each.at.location,
        label="is not matched",
        severity=Severity.WARNING,
        help=f"add `{kind}` to `kinds`, or remove its extractors",
    )
