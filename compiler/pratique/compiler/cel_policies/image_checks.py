"""What is wrong with the parts of a policy that are about images, besides their expressions.

References: Kyverno 1.19, the CRD of ImageValidatingPolicy and `pkg/cel/compiler/image.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from pratique.compiler.cel_policies.compilation import Route
from pratique.compiler.cel_policies.image_globs import GlobSyntaxError, compile_glob

if TYPE_CHECKING:
    from pratique.grammar.documents.cel_policies import ImageValidatingSpec
    from pratique.grammar.documents.image_validation import Cosign, ImageAttestor, StringOrExpression

Problem: TypeAlias = tuple[str, str, Route]
"""Code, text and place of a mistake."""


def image_problems(spec: ImageValidatingSpec) -> Iterator[Problem]:
    """Yield the mistakes of the specification of an ImageValidatingPolicy."""
    for number, reference in enumerate(spec.match_image_references):
        route = ("spec", "matchImageReferences", number)
        if bool(reference.glob) == bool(reference.expression):
            yield "wrong-value", "exactly one of glob and expression must be set", route
        elif reference.glob:
            try:
                compile_glob(reference.glob)
            except GlobSyntaxError as error:
                yield "wrong-value", f"the glob does not compile: {error}", (*route, "glob")
    for number, attestor in enumerate(spec.attestors):
        yield from _attestor(attestor, ("spec", "attestors", number))


def _attestor(written: ImageAttestor, route: Route) -> Iterator[Problem]:
    if bool(written.cosign) == bool(written.notary):
        yield "wrong-value", "exactly one of cosign and notary must be set", route
    if written.notary:
        yield from _one(written.notary.certs, (*route, "notary", "certs"))
        if written.notary.tsa_certs:
            text = "timestamps of Notary signatures cannot be checked by this version"
            yield "unsupported-field", text, (*route, "notary", "tsaCerts")
    if written.cosign:
        yield from _cosign(written.cosign, (*route, "cosign"))


def _cosign(written: Cosign, route: Route) -> Iterator[Problem]:
    if written.certificate:
        yield from _one(written.certificate.cert, (*route, "certificate", "cert"))
        yield from _one(written.certificate.cert_chain, (*route, "certificate", "certChain"))
    yield from _one(written.trusted_root, (*route, "trustedRoot"))
    if written.tuf:
        text = "a policy cannot bring a TUF repository along in this version; give its root as `trustedRoot`"
        yield "unsupported-field", text, (*route, "tuf")
    if written.source and written.source.tag_prefix:
        text = "signatures under tags with a prefix cannot be found by this version"
        yield "unsupported-field", text, (*route, "source", "tagPrefix")


def _one(written: StringOrExpression | None, route: Route) -> Iterator[Problem]:
    if written and bool(written.value) == bool(written.expression):
        yield "wrong-value", "exactly one of value and expression must be set", route
