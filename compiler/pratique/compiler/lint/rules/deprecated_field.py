"""A field or form that has a successor.

## What it does

Reports what Kyverno 1.19 calls deprecated: attestors that are written directly in an entry (`key`, `issuer`,
`subject`, `roots`, `annotations`), `image`, `predicateType`, filters directly under `match` or `exclude`,
preconditions without `all` or `any`, the operators `In` and `NotIn`, and `failurePolicy`,
`webhookTimeoutSeconds`, `validationFailureAction` and others of `spec`. An attestor in the old form beside
`attestations` is an error: nobody looks at it. Explains why a policy is refused that names an old field and
its successor.

## Why

Old fields go away with some release. Some mean less than they seem to: Kyverno drops an old attestor where
there are attestations, and `validationFailureActionOverrides` counts for no rule that names an action itself.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: signed
spec:
  validationFailureAction: Enforce
  rules:
  - name: verify
    match:
      any:
      - resources:
          kinds: [Pod]
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: release@acme.example
            rekor:
              url: https://rekor.sigstore.dev
```

## Instead

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
    verifyImages:
    - failureAction: Enforce
      imageReferences:
      - "ghcr.io/acme/*"
      attestors:
      - entries:
        - keyless:
            issuer: https://accounts.google.com
            subject: release@acme.example
            rekor:
              url: https://rekor.sigstore.dev
```

## Limits

With `target` (or `--target`), a field whose successor some release does not know is left alone. The kinds
`ClusterPolicy` and `Policy`, deprecated in 1.18 themselves, are left to `unknown-to-target`.
`keys.signatureAlgorithm` is called deprecated too, and left alone: what should succeed it has no effect in
1.19. Files with anchors are reported and not mended.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.kyverno.releases import field_since
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.deprecations import Deprecation, deprecations
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.grammar.documents import PolicyDocument


@rule("PRQ039", Severity.INFO, explains=("deprecated-field",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield what is old in the policies, if all releases that they are for know its successor."""
    for document in facts.documents:
        for found in deprecations(document):
            if not found.since or not facts.releases or field_since(found.since) <= facts.releases.oldest:
                yield _problem(document, found)


def _problem(document: PolicyDocument, found: Deprecation) -> Problem:
    name = found.route[-1]
    return Problem(
        message=found.loss or f"`{name}` is deprecated{'' if found.successor else ', and has no effect'}",
        location=document.location(*found.route, key=True),
        label="counts for nothing" if found.loss else "is old",
        severity=Severity.ERROR if found.loss else None,
        help=found.successor or f"remove `{name}`",
        fix=fix_of(*found.edits, safe=True),
    )
