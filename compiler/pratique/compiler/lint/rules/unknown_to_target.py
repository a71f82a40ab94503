"""Something that a release of Kyverno in the target does not know.

## What it does

Reports fields, values and kinds that some release in `target` (of the configuration, or `--target`) does not
know: those that came with a later one, and those that an earlier one has taken away or deprecated.

## Why

A cluster drops a field that it does not know, or refuses the policy. Dropped, `skipImageReferences` skips
nothing and `subjectRegExp` demands nothing, and nobody is told.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  skipImageReferences:
  - "ghcr.io/acme/mirror/*"
```

With these settings:

```toml
[lint]
target = "1.11..1.17"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/app/*"
```

With the same settings:

```toml
[lint]
target = "1.11..1.17"
```

## Limits

Without a target the rule is silent: policies are read as Kyverno 1.19 reads them. What patch releases changed
is not told apart, and nothing is known of releases before 1.9.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.kyverno.releases import KINDS, Release, ReleaseRange, field_since, value_since
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.nodes import MappingNode, Node, ScalarNode, SequenceNode
from pratique.grammar.source import Location, Span


@rule("PRQ051", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield what some release of the target does not know."""
    if facts.releases is None:
        return
    for document in facts.documents:
        yield from _kind(document, facts.releases)
        if (spec := document.node("spec")) is not None:
            for name, span, since in _newer(spec, ("spec",), facts.releases):
                yield _problem(name, Location(document.document.source, span), since, facts.releases)


def _problem(name: str, place: Location, since: Release, releases: ReleaseRange) -> Problem:
    better = ReleaseRange(since, max(releases.newest, since))
    return Problem(
        message=f"{name} is new in Kyverno {since}: {releases.oldest}, which the policy is for too, drops it"
        " or refuses the policy",
        location=place,
        label=f"not before {since}",
        help=f'do without it, or write `target = "{better}"`',
    )


def _newer(node: Node, path: tuple[str, ...], releases: ReleaseRange) -> Iterator[tuple[str, Span, Release]]:
    """Yield each field and value that the oldest release does not know, but not what is in such a field."""
    match node:
        case MappingNode(items=items):
            for key, value in items:
                below = (*path, str(key.value))
                since = field_since(below)
                if since > releases.oldest:
                    yield f"`{key.value}`", key.span, since
                else:
                    yield from _newer(value, below, releases)
        case SequenceNode(items=items):
            for item in items:
                yield from _newer(item, path, releases)
        case ScalarNode(value=value):
            since = value_since(path, value)
            if since > releases.oldest:
                yield f"`{path[-1]}: {value}`", node.span, since


def _kind(document: PolicyDocument, releases: ReleaseRange) -> Iterator[Problem]:
    group, kind = document.api_version.partition("/")[0], document.model.kind
    lifetime = KINDS.get((group, kind))
    if lifetime is None or releases.newest < lifetime.deprecated:
        return
    gone = releases.newest >= lifetime.removed
    end = f"Kyverno {lifetime.removed} does not know it" if gone else f"{lifetime.removed} is to remove it"
    yield Problem(
        message=f"`{kind}` of {group} is deprecated since Kyverno {lifetime.deprecated}, and {end}",
        location=document.location("kind"),
        label="removed" if gone else "deprecated",
        severity=Severity.ERROR if gone else Severity.INFO,
        help="images are verified by `ImageValidatingPolicy` of policies.kyverno.io from then on",
    )
