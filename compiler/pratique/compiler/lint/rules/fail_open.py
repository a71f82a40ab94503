"""Images are admitted unverified while something is down.

## What it does

Reports enforcing policies with `failurePolicy: Ignore`.

## Why

Under `Ignore`, the API server admits a resource when the webhook does not answer in time, and Kyverno admits
it when a registry, the transparency log or a value of the context cannot be had. Whoever can bring about such
a fault, or wait for one, runs what nobody signed.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: signed
spec:
  webhookConfiguration:
    failurePolicy: Ignore
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

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: signed
spec:
  webhookConfiguration:
    failurePolicy: Fail
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

Policies that nowhere enforce are left alone: they admit everything. A second policy that speaks about the
same images with `Fail` closes the gap, and is not looked for. Whether the time of the webhook suffices,
`cost-budget` estimates.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint.base import Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site
from pratique.grammar.source import Location

_ROUTES = (("spec", "webhookConfiguration", "failurePolicy"), ("spec", "failurePolicy"))


@rule("PRQ034", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the enforcing policies under which faults admit."""
    seen: set[int] = set()
    for site in facts.classic_sites:
        if site.policy.fail_open and site.enforces and id(site.policy) not in seen:
            image = facts.ask(is_empty, facts.region(site.requirement.images), images())
            if isinstance(image, Witness):
                seen.add(id(site.policy))
                yield _problem(site, image.text, _place(facts, site.policy))


def _place(facts: Facts, policy: ir.Policy) -> Location | None:
    document = facts.document(policy)
    written = [route for route in _ROUTES if document and document.node(*route)]
    return document.location(*written[0]) if document and written else policy.at.location


def _problem(site: Site, image: str, place: Location | None) -> Problem:
    return Problem(
        message=f"policy `{site.policy.key}` enforces, but admits what it could not verify:"
        " its `failurePolicy` is `Ignore`",
        location=place,
        label="faults admit",
        confidence=Confidence.MEDIUM,
        examples=(Example("admitted while its registry does not answer", image),),
        help="write `failurePolicy: Fail`",
    )
