r"""Settings that do not go with the format of the signatures.

## What it does

Reports attestors of Sigstore bundles (`type: SigstoreBundle`) that Kyverno 1.19 reads otherwise than
pratique: `*` in `issuer` and `subject`, an issuer without a subject, and settings that it overlooks. Reports
entries of `type: Notary` with settings that have no effect, provenance by GitHub's artifact attestations,
which are bundles, where cosign's format is asked for, and a `signatureAlgorithm` that nothing reads.

## Why

Kyverno compares issuer and subject of bundles letter by letter, checks them only where both are given, and
trusts the public Sigstore alone, so that one policy admits different images here and there. A signature in
another format than the one that is asked for is not found, whoever made it.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  type: SigstoreBundle
  attestors:
  - entries:
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subject: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*
        rekor:
          url: https://rekor.sigstore.dev
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  type: SigstoreBundle
  attestors:
  - entries:
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subjectRegExp: ^https://github\.com/acme/app/\.github/workflows/release\.yml@refs/tags/.+$
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

What a registry holds is not looked at: cosign writes bundles since version 3, and before that only where it
was told to. Whoever runs policies with pratique alone can ignore what is said of Kyverno.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lint.base import Basis, Confidence, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.places import of_setting
from pratique.compiler.lint.wording import quoted
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.documents.attestors import Attestor, AttestorSet
from pratique.grammar.documents.kyverno import ImageVerification

GITHUB_BUILD: Final = "https://actions.github.io/buildtypes/"
"""Where the build types of GitHub's artifact attestations begin; nothing else writes them."""

_Route = tuple[str | int, ...]


@rule("PRQ038", Severity.INFO)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the settings that do not go with their format."""
    for site in facts.classic_sites:
        for leaf in site.leaves:
            if leaf.attestor.format is ir.SignatureFormat.SIGSTORE_BUNDLE:
                yield from _of_bundles(leaf)
        yield from _by_github(site)
    for document in facts.documents:
        for number, each in enumerate(document.model.spec.rules):
            for index, entry in enumerate(each.verify_images):
                yield from _without_effect(document, entry, ("spec", "rules", number, "verifyImages", index))


# --- bundles -------------------------------------------------------------------------------------------


def _of_bundles(leaf: ir.Leaf) -> Iterator[Problem]:
    signer, place = leaf.attestor.signer, leaf.at.location
    if isinstance(signer, ir.IdentitySigner):
        for name, tests in (("issuer", signer.issuer), ("subject", signer.subject)):
            if any(isinstance(test, ir.Glob) and set(test.text) & set("*?") for test in tests.tests):
                yield Problem(
                    message=f"Kyverno 1.19 compares the `{name}` of bundles letter by letter:"
                    " no bundle passes there",
                    location=of_setting(place, name),
                    label="`*` is any text here, and a star in Kyverno",
                    severity=Severity.WARNING,
                    basis=Basis.HEURISTIC,
                    help=f"write `{name}RegExp`, with `^` and `$`",
                )
        if bool(signer.issuer.tests) is not bool(signer.subject.tests):
            given, missing = ("issuer", "subject") if signer.issuer.tests else ("subject", "issuer")
            yield Problem(
                message=f"Kyverno 1.19 takes no bundle where `{given}` has no `{missing}` beside it",
                location=of_setting(place, given),
                label="is alone",
                severity=Severity.WARNING,
                basis=Basis.HEURISTIC,
                help=f"add `{missing}` or `{missing}RegExp`",
            )
    overlooked = _overlooked(leaf.attestor)
    if overlooked:
        opens = [name for name in overlooked if name in ("annotations", "additionalExtensions")]
        yield Problem(
            message=f"Kyverno 1.19 overlooks {quoted(overlooked)} of bundles"
            + (": it accepts signatures that are refused here" if opens else ""),
            location=of_setting(place, (opens or overlooked)[0].rpartition(".")[2]),
            label="counts here, and not in Kyverno",
            severity=Severity.WARNING if opens else Severity.INFO,
            basis=Basis.HEURISTIC,
            help="have the images signed in cosign's format, or ignore this where pratique alone decides",
        )


def _overlooked(attestor: ir.Attestor) -> list[str]:
    trust, signer = attestor.trust, attestor.signer
    extensions = signer.extensions if isinstance(signer, ir.IdentitySigner) else ()
    given = {
        "roots": trust.roots,
        "rekor.pubkey": trust.log.public_keys,
        "ctlog.pubkey": trust.sct.public_keys,
        "ctlog.tsaCertChain": trust.timestamp_chain,
        "annotations": attestor.annotations,
        "additionalExtensions": extensions,
        "repository": attestor.repository,
        "certificates": isinstance(signer, ir.CertificateSigner),
    }
    return [name for name, value in given.items() if value]


def _by_github(site: Site) -> Iterator[Problem]:
    for attestation in site.requirement.attestations:
        formats = {leaf.attestor.format for leaf in site.leaves}
        if ir.SignatureFormat.COSIGN in formats and GITHUB_BUILD in str(attestation.conditions):
            yield Problem(
                message="GitHub's artifact attestations are Sigstore bundles, and this entry looks for"
                " cosign's attestations alone",
                location=attestation.at.location,
                label="is a bundle",
                severity=Severity.WARNING,
                confidence=Confidence.MEDIUM,
                basis=Basis.HEURISTIC,
                help="add `type: SigstoreBundle` to the entry",
            )


# --- without effect ------------------------------------------------------------------------------------


def _without_effect(document: PolicyDocument, entry: ImageVerification, route: _Route) -> Iterator[Problem]:
    notary = entry.type == "Notary"
    if notary and entry.repository:
        yield _idle(document, (*route, "repository"), "Notary's signatures lie beside the image")
    if entry.cosign_oci11 and entry.type in ("Notary", "SigstoreBundle"):
        why = f"`type: {entry.type}` looks for referrers anyway"
        yield _idle(document, (*route, "cosignOCI11"), why)
    sets = [(each, (*route, "attestors", i)) for i, each in enumerate(entry.attestors)]
    for number, attestation in enumerate(entry.attestations):
        place = (*route, "attestations", number, "attestors")
        sets += [(each, (*place, i)) for i, each in enumerate(attestation.attestors)]
    for attestor, place in _entries(sets):
        algorithm = attestor.signature_algorithm
        if attestor.keys and algorithm not in ("sha256", attestor.keys.signature_algorithm):
            why = f"that of `keys` counts, which is `{attestor.keys.signature_algorithm}`"
            yield _idle(document, (*place, "signatureAlgorithm"), why, severity=Severity.WARNING)
        if notary and attestor.repository:
            yield _idle(document, (*place, "repository"), "Notary's signatures lie beside the image")
        for log in ("rekor", "ctlog"):
            if notary and attestor.certificates and getattr(attestor.certificates, log):
                yield _idle(document, (*place, "certificates", log), "Notary has no such logs")


def _entries(sets: list[tuple[AttestorSet, _Route]]) -> Iterator[tuple[Attestor, _Route]]:
    while sets:
        block, route = sets.pop(0)
        for number, attestor in enumerate(block.entries):
            place = (*route, "entries", number)
            yield attestor, place
            if attestor.attestor:
                sets.append((attestor.attestor, (*place, "attestor")))


def _idle(document: PolicyDocument, route: _Route, why: str, *, severity: Severity | None = None) -> Problem:
    name = route[-1]
    return Problem(
        message=f"`{name}` has no effect here: {why}",
        location=document.location(*route, key=True),
        label="has no effect",
        severity=severity,
        help="write it under `keys`" if severity else f"remove `{name}`",
    )
