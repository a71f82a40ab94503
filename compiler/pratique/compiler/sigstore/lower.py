"""A ClusterImagePolicy to the IR: one rule, all of whose images some authority must vouch for.

Every image is resolved to a digest first. Where a policy has no `mode`, failures refuse.

References: sigstore/policy-controller of August 2026 `pkg/webhook/validator.go` (`ValidatePolicy`,
`checkOptsFromAuthority`), `pkg/apis/policy/v1beta1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pratique.compiler import ir
from pratique.compiler.predicate_types import predicate_type
from pratique.compiler.secret_references import KUBERNETES
from pratique.compiler.sigstore.globs import regions
from pratique.compiler.sigstore.resources import selection
from pratique.compiler.sigstore.trust import TrustRoots, trust

if TYPE_CHECKING:
    from pratique.grammar.documents import SigstoreDocument
    from pratique.grammar.documents.sigstore import Authority, KeyReference, SigstoreIdentity

SYSTEM_NAMESPACE: Final = "cosign-system"
"""Where policy-controller is installed, and looks for Secrets."""


def lower_image_policy(document: SigstoreDocument, roots: TrustRoots) -> ir.Policy:
    """Return the IR of a document that `checks.check` had nothing against."""
    return _Lowering(document, roots).policy()


class _Lowering:
    def __init__(self, document: SigstoreDocument, roots: TrustRoots) -> None:
        self._document = document
        self._roots = roots
        self._model = document.model
        self._spec = document.model.spec

    def policy(self) -> ir.Policy:
        model, spec = self._model, self._spec
        at = ir.At(location=self._document.location("metadata", "name"))
        rule = ir.Rule(
            name=model.metadata.name,
            resources=ir.ResourceRegion(namespace=None, match=selection(spec.match, self._place)),
            requirements=tuple(self._requirements()),
            action=ir.Action.AUDIT if spec.mode == "warn" else ir.Action.ENFORCE,
            at=at,
        )
        return ir.Policy(
            kind=model.kind,
            name=model.metadata.name,
            rules=(rule,),
            emit_warning=spec.mode == "warn",
            annotations=tuple(sorted(model.metadata.annotations.items())),
            at=at,
        )

    def _place(self, *route: str | int) -> ir.At:
        return ir.At(location=self._document.location("spec", *route))

    # --- images ----------------------------------------------------------------------------------------

    def _requirements(self) -> Iterator[ir.ImageRequirement]:
        """Yield the same demand for each region of images; those without gaps are one."""
        found: dict[tuple[ir.ImagePattern, ...], ir.ImageRegion] = {}
        whole: list[ir.ImagePattern] = []
        for number, image in enumerate(self._spec.images):
            at = self._place("images", number, "glob")
            for each in regions(image.glob):
                include, skip = (
                    tuple(ir.ImagePattern(text=text, at=at) for text in texts)
                    for texts in (each.include, each.skip)
                )
                if skip:
                    region = ir.ImageRegion(include=include, skip=skip, gaps=True)
                    found.setdefault((*include, *skip), region)
                else:
                    whole += include
        if whole:
            yield self._requirement(ir.ImageRegion(include=tuple(dict.fromkeys(whole))))
        yield from map(self._requirement, found.values())

    def _requirement(self, images: ir.ImageRegion) -> ir.ImageRequirement:
        return ir.ImageRequirement(
            images=images,
            signatures=self._signatures,
            attestations=self._attestations,
            pin_digest=True,
            demand_digest=False,  # one that cannot be written is an error
            demand_proof=False,
            at=self._place(),
        )

    # --- authorities -----------------------------------------------------------------------------------

    @cached_property
    def _numbered(self) -> list[tuple[int, Authority]]:
        """Authorities of which one must vouch; none where all images pass.

        `static: {action: fail}` is nobody, and counts for nothing beside others.
        """
        authorities = self._spec.authorities
        if any(each.static and each.static.action == "pass" for each in authorities):
            return []
        return [(number, each) for number, each in enumerate(authorities) if not each.static]

    @cached_property
    def _signatures(self) -> tuple[ir.Threshold, ...]:
        if all(each.static and each.static.action == "fail" for each in self._spec.authorities):
            at = self._place("authorities", 0, "static")
            return (ir.Threshold(count=1, of=(), at=replace(at, path=".authorities[0].static")),)
        signing = [(number, each) for number, each in self._numbered if not each.attestations]
        return (self._any(signing),) if signing else ()

    @cached_property
    def _attestations(self) -> tuple[ir.Attestation, ...]:
        """Return what must be stated: all that one authority demands, or the one type that several do."""
        stating = [(number, each) for number, each in self._numbered if each.attestations]
        if not stating:
            return ()
        number, first = stating[0]
        return tuple(
            ir.Attestation(
                type=predicate_type(each.predicate_type),
                by=(self._any(stating),),
                exclusive=False,
                at=replace(
                    self._place("authorities", number, "attestations", place),
                    path=f".authorities[{number}].attestations[{place}]",
                ),
            )
            for place, each in enumerate(first.attestations)
        )

    def _any(self, authorities: Sequence[tuple[int, Authority]]) -> ir.Threshold:
        leaves = tuple(leaf for number, each in authorities for leaf in self._leaves(number, each))
        at = replace(self._place("authorities"), path=".authorities")
        return ir.Threshold(count=1, of=leaves, at=at)

    def _leaves(self, number: int, authority: Authority) -> Iterator[ir.Leaf]:
        """Yield the signers any of whom an authority accepts."""
        route = ("authorities", number, "key" if authority.key else "keyless")
        path = f".authorities[{number}].{route[-1]}"
        if authority.key:
            at = replace(self._place(*route), path=path)
            yield ir.Leaf(attestor=self._attestor(authority, _key(authority.key)), at=at)
        identities = authority.keyless.identities if authority.keyless else ()
        for place, identity in enumerate(identities):
            own = f"{path}.identities[{place}]" if len(identities) > 1 else path
            at = replace(self._place(*route, "identities", place), path=own)
            yield ir.Leaf(attestor=self._attestor(authority, _identity(identity)), at=at)

    def _attestor(self, authority: Authority, signer: ir.Signer) -> ir.Attestor:
        bundled = authority.signature_format == "bundle"
        return ir.Attestor(
            signer=signer,
            format=ir.SignatureFormat.SIGSTORE_BUNDLE if bundled else ir.SignatureFormat.COSIGN,
            trust=trust(authority, self._roots),
            repository=authority.source[0].oci if authority.source else "",
        )


def _key(key: KeyReference) -> ir.KeySigner:
    text = key.data or key.kms
    if key.secret_ref:
        text = f"{KUBERNETES}{key.secret_ref.namespace or SYSTEM_NAMESPACE}/{key.secret_ref.name}"
    return ir.KeySigner(key=text, hash_algorithm=key.hash_algorithm.strip().lower() or "sha256")


def _identity(identity: SigstoreIdentity) -> ir.IdentitySigner:
    return ir.IdentitySigner(
        issuer=_test(identity.issuer, identity.issuer_reg_exp),
        subject=_test(identity.subject, identity.subject_reg_exp),
    )


def _test(exact: str, expression: str) -> ir.TextTests:
    test = ir.Exactly(text=exact) if exact else ir.Search(text=expression)
    return ir.TextTests(tests=(test,))
