"""Attestors and statements of an ImageValidatingPolicy to the IR.

References: Kyverno 1.19 `pkg/image/verifiers/ivpol/cosign` (`opts.go`, `verifier.go`), `ivpol/notary`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.bodies import NamedExpression
from pratique.compiler.cel_images import Filling, Hole, ImageTest, NamedAttestor, NamedStatement
from pratique.compiler.predicate_types import SHORT_NAMES

if TYPE_CHECKING:
    from pratique.grammar.documents import image_validation as models

Put: TypeAlias = Callable[..., NamedExpression]
"""Takes an expression and its route in the specification; returns the node, whose place is then known."""

_NO_LOG: Final = "rekor URL must be provided"
_NO_METHOD: Final = "cosign verifier needs to have one key, keyless or certificate fields set"
_NO_KEY: Final = "failed to load public key from PEM: pem to public key: PEM decoding failed"
_PEM: Final = "-----BEGIN "
_SEVERAL: Final = "unsupported: multiple identities are not supported at this time"
_NOBODY: Final = "when verifying a certificate identity, must specify Issuer and Subject Alternative Name"


class ImageLowering:
    """Lowers the parts of one policy that are about images."""

    def __init__(self, put: Put, place: Callable[..., ir.At]) -> None:
        """Take what remembers where expressions stand, and what says where a part of the policy does."""
        self._put = put
        self._place = place

    def references(self, written: Sequence[models.ImageReferencePattern]) -> Iterator[ImageTest]:
        """Yield which images the policy is about."""
        for number, each in enumerate(written):
            route = ("matchImageReferences", number)
            expression = None
            if each.expression and not each.glob:
                expression = self._put(each.expression, *route, "expression")
            at = self._place(*route, "expression" if expression else "glob")
            yield ImageTest(glob=each.glob, expression=expression, at=at)

    def statements(self, written: Sequence[models.ImageAttestation]) -> Iterator[NamedStatement]:
        """Yield the statements that expressions may ask for."""
        for each in written:
            if each.referrer and not each.intoto:
                yield NamedStatement(name=each.name, type=each.referrer.type, is_referrer=True)
            else:
                name = each.intoto.type if each.intoto else ""
                yield NamedStatement(name=each.name, type=SHORT_NAMES.get(name, name))

    def attestors(self, written: Sequence[models.ImageAttestor]) -> Iterator[NamedAttestor]:
        """Yield whose signatures expressions may ask for."""
        for number, each in enumerate(written):
            at = self._place("attestors", number)
            if each.cosign:
                attestor = _Cosign(each.cosign, self._put, ("attestors", number, "cosign")).attestor()
            elif each.notary:
                attestor = self._notary(each.notary, ("attestors", number, "notary"))
            else:
                attestor = NamedAttestor(name="")
            yield replace(attestor, name=each.name, at=at)

    def _notary(self, written: models.Notary, route: tuple[str | int, ...]) -> NamedAttestor:
        fillings = []
        text = written.certs.value if written.certs else ""
        if written.certs and written.certs.expression:
            expression = self._put(written.certs.expression, *route, "certs", "expression")
            fillings.append(Filling(hole=Hole.CERTIFICATE, expression=expression))
        signer = ir.TrustStoreSigner(certificate=text)
        attestor = ir.Attestor(signer=signer, format=ir.SignatureFormat.NOTARY)
        return NamedAttestor(name="", layers=(attestor,), fillings=tuple(fillings))


class _Cosign:
    """Lowers one attestor in cosign's format."""

    def __init__(self, written: models.Cosign, put: Put, route: tuple[str | int, ...]) -> None:
        self._written = written
        self._put = put
        self._route = route
        self._fillings: list[Filling] = []

    def attestor(self) -> NamedAttestor:
        written, source = self._written, self._written.source
        signers, bundled, problem = self._signers()
        trust = self._trust()

        def attestors(of: tuple[ir.Signer, ...], format: ir.SignatureFormat) -> tuple[ir.Attestor, ...]:
            return tuple(
                ir.Attestor(
                    signer=signer,
                    format=format,
                    trust=trust,
                    repository=source.repository if source else "",
                    annotations=tuple(sorted(written.annotations.items())),
                )
                for signer in of
            )

        impossible = self._impossible()
        if impossible:
            return NamedAttestor(name="", impossible=impossible)
        return NamedAttestor(
            name="",
            layers=attestors(signers, ir.SignatureFormat.COSIGN),
            bundles=attestors(bundled, ir.SignatureFormat.SIGSTORE_BUNDLE),
            fillings=tuple(self._fillings),
            secrets=tuple(each.name for each in source.pull_secrets) if source else (),
            unbundled=problem,
        )

    def _impossible(self) -> str:
        """Return why no signature can ever count; empty where some can."""
        written, log = self._written, self._written.ctlog
        if log and not log.insecure_ignore_tlog and not log.url:
            return _NO_LOG
        if written.keyless:
            return ""
        if written.key:
            key = written.key
            # A reference here would be no key in Kyverno, and must not be looked up.
            is_text = bool(key.data) and not key.expression
            return _NO_KEY if is_text and _PEM not in key.data else ""
        parts = (written.certificate.cert, written.certificate.cert_chain) if written.certificate else ()
        return "" if any(part and (part.value or part.expression) for part in parts) else _NO_METHOD

    def _signers(self) -> tuple[tuple[ir.Signer, ...], tuple[ir.Signer, ...], str]:
        """Return signers, those for bundles, and why no bundle can ever count."""
        written = self._written
        if written.keyless:
            return self._identities(written.keyless)
        if written.key:
            algorithm = written.key.hash_algorithm or "sha256"
            text = written.key.data or written.key.kms
            if written.key.expression:
                self._fill(Hole.KEY, written.key.expression, "key", "expression")
            key: tuple[ir.Signer, ...] = (ir.KeySigner(key=text, hash_algorithm=algorithm),)
            return key, key, ""
        own = written.certificate.cert if written.certificate else None
        chain = written.certificate.cert_chain if written.certificate else None
        if own and own.expression:
            self._fill(Hole.CERTIFICATE, own.expression, "certificate", "cert", "expression")
        if chain and chain.expression:
            self._fill(Hole.CHAIN, chain.expression, "certificate", "certChain", "expression")
        signer = ir.CertificateSigner(
            certificate=own.value if own else "", chain=chain.value if chain else ""
        )
        return (signer,), (signer,), ""

    def _identities(
        self, keyless: models.CosignKeyless
    ) -> tuple[tuple[ir.Signer, ...], tuple[ir.Signer, ...], str]:
        """Return who must be vouched for: an expression goes before a text, and among bundles both hold.

        DEVIATION: `subjectExpression` and `additionalExtensions` are honoured, which Kyverno 1.19 overlooks:
        whoever the issuer vouches for would be accepted
        (`tests/compiler/cel_policies/test_lower_images.py::test_what_kyverno_overlooks`).
        """
        extensions = tuple(sorted(keyless.additional_extensions.items()))
        signers, bundled = [], []
        problem = _SEVERAL if len(keyless.identities) > 1 else ""
        for number, each in enumerate(keyless.identities):
            if each.subject_expression:
                route = ("keyless", "identities", number, "subjectExpression")
                self._fill(Hole.SUBJECT, each.subject_expression, *route, number=number)
            issuer, subject = (each.issuer, each.issuer_reg_exp), (each.subject, each.subject_reg_exp)
            signers.append(
                ir.IdentitySigner(issuer=_first(*issuer), subject=_first(*subject), extensions=extensions)
            )
            bundled.append(
                ir.IdentitySigner(issuer=_all(*issuer), subject=_all(*subject), extensions=extensions)
            )
            if not any(issuer) or not (any(subject) or each.subject_expression):
                problem = problem or _NOBODY
        if not signers:  # whoever the authorities vouch for
            return (ir.IdentitySigner(extensions=extensions),), (ir.IdentitySigner(),), _NOBODY
        return tuple(signers), tuple(bundled), problem

    def _trust(self) -> ir.Trust:
        """Return what signatures are anchored in.

        DEVIATION: `keyless.roots` are honoured; Kyverno 1.19 reads them and then goes by the trust root of
        Sigstore alone (`tests/compiler/cel_policies/test_lower_images.py::test_own_authorities`).
        """
        written, log = self._written, self._written.ctlog
        root = written.trusted_root
        if root and root.expression:
            self._fill(Hole.TRUSTED_ROOT, root.expression, "trustedRoot", "expression")
        return ir.Trust(
            roots=(written.keyless.roots or None) if written.keyless else None,
            log=ir.LogPolicy(
                required=not (log and log.insecure_ignore_tlog),
                url=log.url if log else "",
                public_keys=(log.rekor_pub_key or None) if log else None,
            ),
            sct=ir.SctPolicy(
                required=not (log and log.insecure_ignore_sct),
                public_keys=(log.ct_log_pub_key or None) if log else None,
            ),
            timestamp_chain=(log.tsa_cert_chain or None) if log else None,
            trusted_root=(root.value or None) if root else None,
        )

    def _fill(self, hole: Hole, expression: str, *route: str | int, number: int = 0) -> None:
        node = self._put(expression, *self._route, *route)
        self._fillings.append(Filling(hole=hole, expression=node, number=number))


def _first(exact: str, expression: str) -> ir.TextTests:
    """Return the one test that counts."""
    return _all("" if expression else exact, expression)


def _all(exact: str, expression: str) -> ir.TextTests:
    tests: list[ir.Exactly | ir.Glob | ir.Search] = []
    if exact:
        tests.append(ir.Exactly(text=exact))
    if expression:
        tests.append(ir.Search(text=expression))
    return ir.TextTests(tests=tuple(tests))
