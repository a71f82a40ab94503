"""An attestor that adds nothing to its set, or that the signature of another meets as well.

## What it does

Reports entries of a set with `count: 1` whose signers the other entries accept as well, alone or together;
sets of attestors that whoever meets the other sets meets anyhow; and in sets that demand several signatures,
entries that one and the same signature can meet.

## Why

An entry that others cover can go without a change, and shows that one of them is wider than thought. Where
`count: 2` is to make sure that two people have signed, and one accepts what the other accepts, a single
signature is counted twice. The same key, written twice or in two forms, is one key.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - count: 2
    entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: "*@acme.example"
        rekor:
          url: https://rekor.sigstore.dev
    - keyless:
        issuer: https://accounts.google.com
        subject: security@acme.example
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
        issuer: https://accounts.google.com
        subject: security@acme.example
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

Keys and certificates are compared by what they are, and references to keys as text. Sets with more than
thirty entries are left alone. That a signer who is named twice makes a count unreachable is said by
`attestor-count-exceeds`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.demands import NEVER
from pratique.compiler.analysis.signers import Signer, covers_channel
from pratique.compiler.languages.search import Proof
from pratique.compiler.lint import pem
from pratique.compiler.lint.base import Basis, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site

MAX_ENTRIES: Final = 30
"""Entries of a set up to which each is compared with each."""


@rule("PRQ019", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the entries and sets of attestors that others make needless, or that count for two."""
    for site in facts.sites:
        for thresholds, once in ((site.signature_sets, True), (site.statement_sets, False)):
            for threshold in thresholds:
                leaves = [part for part in threshold.of if isinstance(part, ir.Leaf)]
                if not 1 < len(leaves) <= MAX_ENTRIES:
                    continue
                if threshold.count == 1:
                    yield from _needless(facts, leaves)
                else:
                    yield from _one_key(threshold, leaves, once=once)
                    yield from _counted_twice(facts, threshold, leaves, once=once)
        yield from _sets(facts, site)


# --- one is enough -------------------------------------------------------------------------------------


def _needless(facts: Facts, leaves: Sequence[ir.Leaf]) -> Iterator[Problem]:
    """Yield the entries whose signers the others accept; each is taken out before the next."""
    kept = list(leaves)
    for leaf in reversed(leaves):
        others = [other for other in kept if other is not leaf and _may_cover(facts, other, leaf)]
        cover = _cover(facts, leaf, others)
        if cover:
            kept = [other for other in kept if other is not leaf]  # equal ones stay
            yield _adds_nothing(facts, leaf, cover)


def _may_cover(facts: Facts, other: ir.Leaf, leaf: ir.Leaf) -> bool:
    return covers_channel(other.attestor, leaf.attestor) and (
        _is_same(other, leaf) or isinstance(facts.signer((leaf.attestor, other.attestor)), Signer)
    )


def _cover(facts: Facts, leaf: ir.Leaf, others: Sequence[ir.Leaf]) -> Sequence[ir.Leaf]:
    """Return entries that accept all signers of `leaf`: one, or else all, or none where they do not."""
    if not isinstance(facts.signer((leaf.attestor,)), Signer):
        return ()
    for other in others:
        if _is_same(other, leaf) or isinstance(facts.signer((leaf.attestor,), (other.attestor,)), Proof):
            return (other,)
    attestors = tuple(other.attestor for other in others)
    if len(others) > 1 and isinstance(facts.signer((leaf.attestor,), attestors), Proof):
        return others
    return ()


def _adds_nothing(facts: Facts, leaf: ir.Leaf, cover: Sequence[ir.Leaf]) -> Problem:
    same = len(cover) == 1 and (cover[0].attestor == leaf.attestor or _is_same(cover[0], leaf))
    if same:
        what = "this signer is named twice in the set"
    elif len(cover) == 1:
        what = "this entry adds nothing: another entry of the set accepts all its signers"
    else:
        what = (
            f"this entry adds nothing: {len(cover)} other entries of the set together accept all its signers"
        )
    signer = facts.signer((leaf.attestor,))
    examples = (
        (Example("accepted anyhow", str(signer), signers=(signer,)),) if isinstance(signer, Signer) else ()
    )
    return Problem(
        message=f"{what}, and one is enough",
        location=leaf.at.location,
        label="can go without a change",
        examples=examples,
        related=tuple(("accepts them as well", other.at.location) for other in cover if other.at.location),
        help="remove it" if same else "remove it, or narrow the other",
    )


# --- several are demanded ------------------------------------------------------------------------------


def _one_key(threshold: ir.Threshold, leaves: Sequence[ir.Leaf], *, once: bool) -> Iterator[Problem]:
    """Yield the keys that stand in a set twice, in whatever form."""
    first: dict[Hashable, ir.Leaf] = {}
    texts = {_written(leaf) for leaf in leaves}
    keys = [(leaf, _key(leaf)) for leaf in leaves]
    distinct = len({_written(leaf) if key is None else key for leaf, key in keys})
    if once and len(texts) < threshold.count:
        return  # another rule's finding
    for leaf, key in keys:
        if key is None or first.setdefault(key, leaf) is leaf:
            continue
        place = first[key].at.location
        unreachable = once and distinct < threshold.count
        told = f"`count: {threshold.count}` is met by one signature" if not once else "it counts once"
        if unreachable:
            told = f"it counts once, and {threshold.count} signers are demanded: no image passes"
        yield Problem(
            message=f"this key stands in the set twice: {told}",
            location=leaf.at.location,
            label="the same key again",
            severity=Severity.ERROR if unreachable else Severity.WARNING,
            related=(("the other one", place),) if place else (),
            help="name another key, or remove it and lower `count`",
        )


def _counted_twice(
    facts: Facts, threshold: ir.Threshold, leaves: Sequence[ir.Leaf], *, once: bool
) -> Iterator[Problem]:
    """Yield the first pair of entries that one signature meets, so that it counts for two signers."""
    for one, other in combinations(leaves, 2):
        if not isinstance(one.attestor.signer, ir.IdentitySigner):
            continue
        if once and one.attestor.signer == other.attestor.signer:
            continue
        if not (covers_channel(one.attestor, other.attestor) or covers_channel(other.attestor, one.attestor)):
            continue  # they look at different signatures
        signer = facts.signer((one.attestor, other.attestor))
        if isinstance(signer, Signer):
            yield Problem(
                message=f"{threshold.count} attestors are demanded, and one signature meets two of them: both"
                f" entries accept {signer}",
                location=other.at.location,
                label="one signer counts for both",
                basis=Basis.WITNESS,
                examples=(Example("counted twice", str(signer), signers=(signer,)),),
                related=(("the other entry", one.at.location),) if one.at.location else (),
                help="let the entries accept different signers, or demand one",
            )
            return


# --- sets that are joined by "and" ---------------------------------------------------------------------


def _sets(facts: Facts, site: Site) -> Iterator[Problem]:
    """Yield the sets that whoever meets the other sets of an entry meets."""
    kept = list(site.requirement.signatures)
    for threshold in reversed(site.requirement.signatures):
        others = [other for other in kept if other is not threshold]
        if not others:
            return
        premise, wanted = _demand(others), _demand([threshold])
        needless = isinstance(facts.implies([premise], [wanted]), Proof)
        # What nobody can meet implies everything.
        if needless and not isinstance(facts.implies([premise], [_demand([NEVER])]), Proof):
            kept = others
            yield Problem(
                message="this set of attestors adds nothing: whoever meets the others of the entry meets it",
                location=threshold.at.location,
                label="is met anyhow",
                related=tuple(("another set", o.at.location) for o in others[:1] if o.at.location),
                help="remove it, or name signers of its own",
            )


def _demand(thresholds: Sequence[ir.Threshold]) -> ir.ImageRequirement:
    return replace(_NOTHING, signatures=tuple(thresholds))


_NOTHING: Final = ir.ImageRequirement(images=ir.ImageRegion(include=()))


# --- keys ----------------------------------------------------------------------------------------------


def _is_same(one: ir.Leaf, other: ir.Leaf) -> bool:
    key = _key(one)
    return key is not None and key == _key(other)


def _key(leaf: ir.Leaf) -> Hashable | None:
    """Return what a key is, in whatever form it is written; None for what is no key."""
    signer = leaf.attestor.signer
    if not isinstance(signer, ir.KeySigner):
        return None
    if pem.is_reference(signer.key):
        return signer.key.strip()
    return pem.key_identity(signer.key)


def _written(leaf: ir.Leaf) -> Hashable:
    signer = leaf.attestor.signer
    return "".join(signer.key.split()) if isinstance(signer, ir.KeySigner) else signer
