"""Attestors and attestations of `verifyImages`: who must have signed.

Defaults are those of the CRD; an empty text is the same as an absent one.

References: Kyverno 1.19 `api/kyverno/v1/image_verification_types.go` and its CRD.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.conditions import Conditions


class Rekor(Model):
    """Transparency log. The default of `url` is not in the schema: present without `url` means empty."""

    url: str = ""
    pubkey: str = ""
    ignore_tlog: bool = False


class CTLog(Model):
    """Certificate transparency log, and the chain of a timestamp authority."""

    ignore_sct: bool = Field(default=False, alias="ignoreSCT")
    pubkey: str = ""
    tsa_cert_chain: str = ""


class SecretReference(Model):
    """A Secret with a public key."""

    name: str
    namespace: str


class StaticKeyAttestor(Model):
    """One or more public keys: inline PEM or a reference, in a Secret, or in a KMS."""

    public_keys: str = ""
    signature_algorithm: str = "sha256"
    kms: str = ""
    secret: SecretReference | None = None
    rekor: Rekor | None = None
    ctlog: CTLog | None = None


class CertificateAttestor(Model):
    """A certificate, or the chain that the signer's certificate must have."""

    cert: str = ""
    cert_chain: str = ""
    rekor: Rekor | None = None
    ctlog: CTLog | None = None


class KeylessAttestor(Model):
    """An identity that an OIDC provider vouched for."""

    issuer: str = ""
    issuer_reg_exp: str = ""
    subject: str = ""
    subject_reg_exp: str = ""
    roots: str = ""
    additional_extensions: dict[str, str] = Field(default_factory=dict)
    rekor: Rekor | None = None
    ctlog: CTLog | None = None


class Attestor(Model):
    """One entry of a set: exactly one of the first four is meant to be given (the compiler checks it)."""

    keys: StaticKeyAttestor | None = None
    certificates: CertificateAttestor | None = None
    keyless: KeylessAttestor | None = None
    attestor: AttestorSet | None = None
    annotations: dict[str, str] = Field(default_factory=dict)
    repository: str = ""
    signature_algorithm: str = "sha256"


class AttestorSet(Model):
    """At least `count` of the entries, all of them without `count`."""

    count: Annotated[int, Field(ge=1)] | None = None
    entries: Items[Attestor] = ()


class Attestation(Model):
    """A signed statement about the image; `predicate_type` is the old name of `type`."""

    name: str = ""
    predicate_type: str = ""
    type: str = ""
    attestors: Items[AttestorSet] = ()
    conditions: Items[Conditions] = ()
