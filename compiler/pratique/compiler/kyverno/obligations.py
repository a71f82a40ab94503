"""`verifyImages` entries to image requirements: attestors, attestations, trust.

References: Kyverno 1.19 `ImageVerification` (`api/kyverno/v1/image_verification_types.go`), its conversion of
deprecated fields and `pkg/cosign`; defaults as in the CRD.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from pratique.compiler import ir
from pratique.compiler.kyverno.regions import Place
from pratique.compiler.secret_references import KUBERNETES
from pratique.grammar.documents.attestors import (
    Attestation,
    Attestor,
    AttestorSet,
    CertificateAttestor,
    CTLog,
    KeylessAttestor,
    Rekor,
    StaticKeyAttestor,
)
from pratique.grammar.documents.credentials import ImageRegistryCredentials
from pratique.grammar.documents.kyverno import ImageVerification
from pratique.grammar.documents.validation import Manifests
from pratique.grammar.errors import EvaluationError

DEFAULT_REKOR_URL: Final = "https://rekor.sigstore.dev"
END_OF_KEY: Final = "-----END PUBLIC KEY-----"

FORMATS: Final = {
    None: ir.SignatureFormat.COSIGN,
    "Cosign": ir.SignatureFormat.COSIGN,
    "SigstoreBundle": ir.SignatureFormat.SIGSTORE_BUNDLE,
    "Notary": ir.SignatureFormat.NOTARY,
}


class EntryLowering:
    """Lowers one `verifyImages` entry; holds what its attestors inherit from it."""

    def __init__(self, entry: ImageVerification, place: Place) -> None:
        self._entry = entry
        self._place = place
        self._format = FORMATS[entry.type]

    def requirement(self) -> ir.ImageRequirement:
        """Return what the entry demands of its images."""
        entry = self._entry
        sets, attestations = self._sets(), entry.attestations or ()
        return ir.ImageRequirement(
            images=ir.ImageRegion(
                include=self._patterns(),
                skip=tuple(
                    ir.ImagePattern(text=text, at=ir.At(location=self._place("skipImageReferences", i)))
                    for i, text in enumerate(entry.skip_image_references or ())
                ),
            ),
            signatures=tuple(sets),
            attestations=tuple(self._attestation(a, i) for i, a in enumerate(attestations)),
            pin_digest=entry.mutate_digest,
            demand_digest=entry.verify_digest,
            demand_proof=entry.required,
            denial=_denial(entry),
            use_cache=entry.use_cache,
            credentials=registry_credentials(entry.image_registry_credentials),
            at=ir.At(location=self._place()),
        )

    def _patterns(self) -> tuple[ir.ImagePattern, ...]:
        patterns = [
            ir.ImagePattern(text=text, at=ir.At(location=self._place("imageReferences", i)))
            for i, text in enumerate(self._entry.image_references or ())
        ]
        if self._entry.image:
            patterns.append(ir.ImagePattern(text=self._entry.image, at=ir.At(location=self._place("image"))))
        return tuple(patterns)

    # --- attestors -------------------------------------------------------------------------------------

    def signatures(self) -> tuple[ir.Threshold, ...]:
        """Return the sets of attestors of the entry."""
        return tuple(self._sets())

    def _sets(self) -> Iterator[ir.Threshold]:
        for number, attestor_set in enumerate(self._entry.attestors or ()):
            yield self._set(attestor_set, f".attestors[{number}]", ("attestors", number))
        converted = deprecated_attestor(self._entry)
        if converted and not self._entry.attestations:
            number = len(self._entry.attestors or ())
            yield self._set(AttestorSet(entries=(converted,)), f".attestors[{number}]", ())

    def _set(
        self, block: AttestorSet, path: str, route: Sequence[str | int], *, expand: bool = True
    ) -> ir.Threshold:
        """A set demands all of its entries (after the expansion of multi-key PEMs) or `count` of them."""
        entries = [
            (entry, number)
            for number, written in enumerate(block.entries)
            for entry in (expand_keys(written) if expand else [written])
        ]
        parts = tuple(
            self._part(entry, f"{path}.entries[{index}]", (*route, "entries", number))
            for index, (entry, number) in enumerate(entries)
        )
        at = ir.At(path=path, location=self._place(*route))
        return ir.Threshold(count=block.count or max(1, len(parts)), of=parts, at=at)

    def _part(self, entry: Attestor, path: str, route: Sequence[str | int]) -> ir.Formula:
        if entry.attestor:
            return self._set(entry.attestor, f"{path}.attestor", (*route, "attestor"))
        annotations = tuple(sorted((entry.annotations or self._entry.annotations or {}).items()))
        if self._format is ir.SignatureFormat.NOTARY:
            return self._notary(entry, annotations, path, route)
        signer, trust, kind = self._signer(entry)
        attestor = ir.Attestor(
            signer=signer,
            format=self._format,
            trust=trust,
            repository=entry.repository or self._entry.repository or "",
            annotations=annotations,
            referrers=self._entry.cosign_oci11,
        )
        return ir.Leaf(attestor=attestor, at=ir.At(path=f"{path}.{kind}", location=self._place(*route, kind)))

    def _notary(
        self, entry: Attestor, annotations: tuple[tuple[str, str], ...], path: str, route: Sequence[str | int]
    ) -> ir.Leaf:
        """Both certificate fields make one trust store; logs and other repositories have no say in it.

        DEVIATION: Kyverno overlooks annotations here, so that what a policy demands is not enforced; they are
        demanded of the signed user metadata
        (`tests/runtime/test_notary.py::test_annotations_are_demanded_of_the_user_metadata`).
        """
        given = entry.certificates or CertificateAttestor()
        signer = ir.TrustStoreSigner(certificate=given.cert or "", chain=given.cert_chain or "")
        attestor = ir.Attestor(signer=signer, format=self._format, annotations=annotations)
        return ir.Leaf(attestor=attestor, at=ir.At(path=path, location=self._place(*route, "certificates")))

    def _signer(self, entry: Attestor) -> tuple[ir.Signer, ir.Trust, str]:
        if entry.keys:
            return _key(entry.keys), _trust(entry.keys.rekor, entry.keys.ctlog), "keys"
        if entry.certificates:
            certificates = entry.certificates
            return _certificate(certificates), _trust(certificates.rekor, certificates.ctlog), "certificates"
        keyless = entry.keyless or KeylessAttestor()
        trust = replace(_trust(keyless.rekor, keyless.ctlog), roots=keyless.roots or None)
        return self._identity(keyless), trust, "keyless"

    def _identity(self, keyless: KeylessAttestor) -> ir.IdentitySigner:
        """For cosign signatures Kyverno joins subject and subjectRegExp by "or", all else by "and"."""
        either = self._format is ir.SignatureFormat.COSIGN
        return ir.IdentitySigner(
            issuer=_texts(keyless.issuer, keyless.issuer_reg_exp),
            subject=_texts(keyless.subject, keyless.subject_reg_exp, every=not either),
            extensions=tuple(sorted((keyless.additional_extensions or {}).items())),
        )

    def _anyone(self, path: str, route: Sequence[str | int]) -> ir.Threshold:
        """Without attestors Kyverno checks the statement against the trusted authorities, naming nobody."""
        at = ir.At(path=f"{path}.attestors[0].entries[0]", location=self._place(*route))
        if self._format is ir.SignatureFormat.NOTARY:
            return ir.Threshold(count=1, of=(), at=at)  # refused at load time; nobody can meet it
        trust = ir.Trust(log=ir.LogPolicy(url=DEFAULT_REKOR_URL), sct=ir.SctPolicy(required=False))
        attestor = ir.Attestor(
            signer=ir.IdentitySigner(), format=self._format, trust=trust, repository=self._entry.repository
        )
        return ir.Threshold(count=1, of=(ir.Leaf(attestor=attestor, at=at),), at=at)

    def _attestation(self, block: Attestation, number: int) -> ir.Attestation:
        path, route = f".attestations[{number}]", ("attestations", number)
        return ir.Attestation(
            type=block.type or block.predicate_type or "",
            name=block.name or "",
            by=tuple(
                self._set(s, f"{path}.attestors[{i}]", (*route, "attestors", i), expand=False)
                for i, s in enumerate(block.attestors)
            )
            or (self._anyone(path, route),),
            conditions=tuple(c.model_dump(mode="json", exclude_unset=True) for c in block.conditions),
            at=ir.At(path=path, location=self._place(*route)),
        )


def signing_entry(written: Manifests) -> ImageVerification:
    """Return the entry whose attestors are those of a signed manifest.

    A log is asked of keys and certificates only where the policy names one, since who signs manifests with a
    key need not log it.
    """
    attestors = tuple(map(_unlogged, written.attestors))
    return ImageVerification(image_references=("*",), attestors=attestors)


def _unlogged(written: AttestorSet) -> AttestorSet:
    return written.model_copy(update={"entries": tuple(map(_unlogged_entry, written.entries))})


def _unlogged_entry(entry: Attestor) -> Attestor:
    none = {"rekor": Rekor(ignore_tlog=True)}
    if entry.attestor:
        return entry.model_copy(update={"attestor": _unlogged(entry.attestor)})
    if entry.keys and not entry.keys.rekor:
        return entry.model_copy(update={"keys": entry.keys.model_copy(update=none)})
    if entry.certificates and not entry.certificates.rekor:
        return entry.model_copy(update={"certificates": entry.certificates.model_copy(update=none)})
    return entry


def manifest_signatures(written: Manifests, place: Place) -> tuple[ir.Threshold, ...]:
    """Return who must have signed a manifest; `place` is that of its parts."""
    return EntryLowering(signing_entry(written), place).signatures()


def expand_keys(entry: Attestor) -> list[Attestor]:
    """Return one entry per PEM block where `keys.publicKeys` holds several; else the entry alone.

    References: Kyverno 1.19 `ExpandStaticKey`; only `PUBLIC KEY` blocks count, what follows is dropped.
    """
    if not entry.keys or not entry.keys.public_keys or entry.keys.public_keys.count(END_OF_KEY) < 2:
        return [entry]
    pems = entry.keys.public_keys.split(END_OF_KEY)[:-1]
    return [
        entry.model_copy(
            update={"keys": entry.keys.model_copy(update={"public_keys": pem.lstrip() + END_OF_KEY + "\n"})}
        )
        for pem in pems
    ]


def deprecated_attestor(entry: ImageVerification) -> Attestor | None:
    """Return the attestor that the deprecated fields `key`, `issuer`, `subject`, `roots` stand for."""
    if entry.key:
        return Attestor(keys=StaticKeyAttestor(public_keys=entry.key), annotations=entry.annotations)
    if entry.issuer:
        keyless = KeylessAttestor(
            issuer=entry.issuer,
            subject=entry.subject,
            roots=entry.roots,
            additional_extensions=entry.additional_extensions,
        )
        return Attestor(keyless=keyless, annotations=entry.annotations)
    return None


def registry_credentials(block: ImageRegistryCredentials | None) -> ir.RegistryCredentials | None:
    """Return how the registries are asked, in the IR; None for as usual."""
    if block is None:
        return None
    return ir.RegistryCredentials(
        secrets=block.secrets, providers=block.providers, insecure=block.allow_insecure_registry
    )


def _denial(entry: ImageVerification) -> ir.Denial | None:
    if entry.validation is None or entry.validation.deny is None:
        return None
    return ir.Denial(message=entry.validation.message, conditions=entry.validation.deny.conditions)


def template(entries: Sequence[ImageVerification]) -> list[Any] | None:
    """Return the entries as JSON where their attestors hold variables; None where there are none.

    Conditions are left out: their variables are resolved when they are evaluated.
    """
    conditions: Any = {"attestations": {"__all__": {"conditions"}}, "validation": True}
    found = [
        e.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=conditions) for e in entries
    ]
    return found if "{{" in json.dumps(found) else None


def rendered(requirement: ir.ImageRequirement, entry: Any, place: Place) -> ir.ImageRequirement:
    """Return the requirement of a template's entry once its variables have values.

    Raises:
        EvaluationError: a value is not what its field takes.
    """
    try:
        made = EntryLowering(ImageVerification.model_validate(entry), place).requirement()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        route = "/".join(map(str, first["loc"]))
        raise EvaluationError(
            "bad-substitution", f"failed to substitute variables: {route}: wrong value"
        ) from error
    attestations = tuple(
        replace(new, conditions=old.conditions)
        for new, old in zip(made.attestations, requirement.attestations, strict=True)
    )
    return replace(made, attestations=attestations, denial=requirement.denial)


def _key(block: StaticKeyAttestor) -> ir.KeySigner:
    algorithm = block.signature_algorithm or "sha256"
    return ir.KeySigner(key=key_text(block), hash_algorithm=algorithm)


def key_text(block: StaticKeyAttestor) -> str:
    """Return the key or its reference, by the precedence of Kyverno: inline, then a Secret, then KMS."""
    if block.public_keys:
        return block.public_keys
    if block.secret:
        return f"{KUBERNETES}{block.secret.namespace}/{block.secret.name}"
    return block.kms or ""


def _certificate(block: CertificateAttestor) -> ir.CertificateSigner:
    return ir.CertificateSigner(certificate=block.cert or "", chain=block.cert_chain or "")


def _trust(rekor: Rekor | None, ctlog: CTLog | None) -> ir.Trust:
    log = ir.LogPolicy(url=DEFAULT_REKOR_URL)
    if rekor:
        log = ir.LogPolicy(
            required=not rekor.ignore_tlog, url=rekor.url or "", public_keys=rekor.pubkey or None
        )
    sct = ir.SctPolicy()
    if ctlog:
        sct = ir.SctPolicy(required=not ctlog.ignore_sct, public_keys=ctlog.pubkey or None)
    return ir.Trust(log=log, sct=sct, timestamp_chain=(ctlog.tsa_cert_chain if ctlog else None) or None)


def _texts(plain: str | None, expression: str | None, *, every: bool = True) -> ir.TextTests:
    tests: list[ir.Exactly | ir.Glob | ir.Search] = []
    if plain:
        tests.append(ir.Glob(text=plain))
    if expression:
        tests.append(ir.Search(text=expression))
    return ir.TextTests(tests=tuple(tests), every=every)
