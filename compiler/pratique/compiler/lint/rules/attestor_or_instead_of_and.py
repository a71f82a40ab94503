"""One of several parties is enough, or all keys are demanded where one was meant.

## What it does

Reports sets with `count: 1` whose keyless entries are of different organisations, with a signer who is enough
alone; and entries with several keys in sets without `count`, which demand a signature by each key.

## Why

`count: 1` joins entries by "or": whoever may sign for one party signs for all images of the rule, those of
the other parties included. Without `count` everything is joined by "and", also the keys of one `publicKeys`:
keys that were meant to replace each other must all have signed.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - count: 1
    entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: release@acme.example
        rekor:
          url: https://rekor.sigstore.dev
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subject: https://github.com/auditor/scans/.github/workflows/sign.yml@refs/heads/main
        rekor:
          url: https://rekor.sigstore.dev
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - count: 2
    entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: release@acme.example
        rekor:
          url: https://rekor.sigstore.dev
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subject: https://github.com/auditor/scans/.github/workflows/sign.yml@refs/heads/main
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

Organisations are told apart by what subjects name: owners of repositories, domains of addresses; the owner
`acme` and the domain `acme.example` are taken to be one. Keys and certificates tell nothing of their holders.
Publishers that each sign their own images belong into entries of their own, with their own `imageReferences`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.analysis import signers
from pratique.compiler.lint.base import Basis, Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.parties import party
from pratique.compiler.lint.places import of_setting
from pratique.compiler.lint.wording import quoted


@rule("PRQ020", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the sets that are joined otherwise than their entries look."""
    for site in facts.classic_sites:
        for threshold in (*site.signature_sets, *site.statement_sets):
            if threshold.count == 1 and (problem := _alternatives(facts, threshold)):
                yield problem
        for threshold in site.signature_sets:
            yield from _all_keys(threshold)


def _alternatives(facts: Facts, threshold: ir.Threshold) -> Problem | None:
    """Return what is wrong with a set of which one entry is enough, where it names several parties."""
    leaves = [part for part in threshold.of if isinstance(part, ir.Leaf)]
    named: dict[str, ir.Leaf] = {}
    for leaf in leaves:
        named.setdefault(party(leaf.attestor.signer), leaf)
    named.pop("", None)
    if len(named) < 2:
        return None
    parties = list(named)
    outsider = named[parties[-1]]
    others = [leaf.attestor for leaf in leaves if party(leaf.attestor.signer) != parties[-1]]
    alone = facts.signer((outsider.attestor,), others)
    if not isinstance(alone, signers.Signer):
        return None
    return Problem(
        message=f"one of {quoted(parties)} is enough: what `{parties[-1]}` alone has signed is accepted as"
        f" if `{parties[0]}` had",
        location=of_setting(threshold.at.location, "count"),
        label='joins the entries by "or"',
        confidence=Confidence.LOW,
        basis=Basis.WITNESS,
        examples=(Example("enough alone", str(alone), signers=(alone,)),),
        related=tuple(
            (f"an entry of `{name}`", leaf.at.location) for name, leaf in named.items() if leaf.at.location
        ),
        help=f"write `count: {len(threshold.of)}` to demand all of them, or an entry of `verifyImages`"
        " for the images of each",
    )


def _all_keys(threshold: ir.Threshold) -> Iterator[Problem]:
    """Yield the entries with several keys in a set without `count`."""
    written: dict[tuple[object, ...], list[ir.Leaf]] = {}
    for leaf in (part for part in threshold.of if isinstance(part, ir.Leaf)):
        if isinstance(leaf.attestor.signer, ir.KeySigner) and leaf.at.location:
            written.setdefault(leaf.at.location.span, []).append(leaf)
    if threshold.count != len(threshold.of) or all(len(leaves) == 1 for leaves in written.values()):
        return  # a `count` is never more than the entries as they are written
    for leaves in written.values():
        keys = list(dict.fromkeys(leaf.attestor.signer for leaf in leaves))
        if len(keys) > 1:
            yield Problem(
                message=f"each of these {len(keys)} keys must have signed, since the set has no `count`",
                location=of_setting(leaves[0].at.location, "publicKeys"),
                label='joined by "and"',
                severity=Severity.INFO,
                confidence=Confidence.LOW,
                examples=(Example("not enough alone", signers.holder(keys[0])),),
                help="write `count: 1` beside `entries` where one of the keys is enough",
            )
