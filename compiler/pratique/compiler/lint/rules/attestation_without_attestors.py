"""A statement about an image that says little: anybody may have made it, or it may say anything.

## What it does

Reports attestations without `attestors`, with a stranger whose statement is accepted; and attestations
without `conditions` of which nothing else reads what they say.

## Why

Without attestors of its own, a statement of the type is enough that anybody with an account has signed: the
`attestors` of the entry sign the image, not the statement. Without conditions, a report that lists critical
vulnerabilities passes as well as a clean one, and provenance of any repository passes that was built by the
same builder.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestations:
  - type: https://cosign.sigstore.dev/attestation/vuln/v1
    conditions:
    - all:
      - key: "{{ scanner.uri }}"
        operator: Equals
        value: "pkg:github/aquasecurity/trivy@0.57.0"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestations:
  - type: https://cosign.sigstore.dev/attestation/vuln/v1
    attestors:
    - entries:
      - keyless:
          issuer: https://accounts.google.com
          subject: scanner@acme.example
          rekor:
            url: https://rekor.sigstore.dev
    conditions:
    - all:
      - key: "{{ scanner.uri }}"
        operator: Equals
        value: "pkg:github/aquasecurity/trivy@0.57.0"
```

## Limits

Whether conditions are strict enough is not looked into. A missing condition is a warning for vulnerability
reports and provenance, whose content decides, and worth knowing for other types, such as bills of materials,
where it may matter that there is one. Whoever names the fields of a statement in `validate.deny` reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lint.base import Basis, Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.identities import STRANGERS
from pratique.compiler.lint.places import of_setting
from pratique.compiler.lint.predicates import PROVENANCE, VULNERABILITIES, predicate

_DECIDED_BY_CONTENT: Final = frozenset({PROVENANCE, VULNERABILITIES})


@rule("PRQ036", Severity.ERROR, explains=("attestation-without-attestors",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the attestations that anybody can make, or that may say anything."""
    for site in facts.classic_sites:
        for attestation in site.requirement.attestations:
            if _is_by_anyone(attestation):
                yield _unsigned(attestation, site)
            if not attestation.conditions and not _is_read(attestation, site):
                yield _unread(attestation)


def _is_by_anyone(attestation: ir.Attestation) -> bool:
    """Say whether the policy names no attestors: what stands in for them has the path of an empty entry."""
    leaves = [part for threshold in attestation.by for part in threshold.of if isinstance(part, ir.Leaf)]
    return any(leaf.attestor.signer == ir.IdentitySigner() and leaf.at.path.endswith("]") for leaf in leaves)


def _is_read(attestation: ir.Attestation, site: Site) -> bool:
    return bool(attestation.name) and any(each.denial for each in site.rule.requirements)


def _unsigned(attestation: ir.Attestation, site: Site) -> Problem:
    stranger = STRANGERS[0]
    besides = ": the `attestors` of the entry sign the image alone" if site.requirement.signatures else ""
    return Problem(
        message=f"a statement of type `{attestation.type}` counts whoever signed it{besides}",
        location=attestation.at.location,
        label="names no `attestors`",
        basis=Basis.WITNESS,
        examples=(
            Example("accepted subject", stranger.subject),
            Example("accepted issuer", stranger.issuer),
        ),
        help="say under `attestors` who must have signed the statement",
    )


def _unread(attestation: ir.Attestation) -> Problem:
    known = predicate(attestation.type)
    decided = known is not None and known.kind in _DECIDED_BY_CONTENT
    return Problem(
        message=f"a statement of type `{attestation.type}` is enough, whatever it says",
        location=of_setting(attestation.at.location, "type"),
        label="has no `conditions`",
        severity=Severity.WARNING if decided else Severity.INFO,
        confidence=Confidence.MEDIUM if decided else Confidence.LOW,
        help="add `conditions` on what the statement must say",
    )
