"""Parts of an ImageValidatingPolicy: which images, and who must have signed them.

References: Kyverno 1.19 `api/policies.kyverno.io/v1beta1/imagevalidating_policy.go` and its CRD.
"""

from __future__ import annotations

from pydantic import Field

from pratique.grammar.documents.base import Items, Model


class ImageReferencePattern(Model):
    """Images that a glob matches, or for which an expression (over `ref`) is true."""

    glob: str = ""
    expression: str = ""


class ValidationConfigurations(Model):
    """What is demanded of every image."""

    mutate_digest: bool = True
    verify_digest: bool = True
    required: bool = True


class StringOrExpression(Model):
    """A text, or an expression whose value it is."""

    value: str = ""
    expression: str = ""


class CosignKey(Model):
    """A public key: PEM, a KMS URI, or an expression."""

    data: str = ""
    kms: str = ""
    hash_algorithm: str = ""
    expression: str = ""


class KeylessIdentity(Model):
    """Who an identity provider must have vouched for."""

    issuer: str = ""
    subject: str = ""
    issuer_reg_exp: str = ""
    subject_reg_exp: str = ""
    subject_expression: str = ""


class CosignKeyless(Model):
    """Identities of which one must have signed."""

    identities: Items[KeylessIdentity]
    roots: str = ""
    additional_extensions: dict[str, str] = Field(default_factory=dict)


class CosignCertificate(Model):
    """A certificate, and the chain that it must have."""

    cert: StringOrExpression | None = None
    cert_chain: StringOrExpression | None = None


class ImageCTLog(Model):
    """Transparency logs, and the chain of a timestamp authority."""

    url: str = ""
    rekor_pub_key: str = ""
    ct_log_pub_key: str = ""
    tsa_cert_chain: str = ""
    insecure_ignore_tlog: bool = False
    insecure_ignore_sct: bool = Field(default=False, alias="insecureIgnoreSCT")


class SecretName(Model):
    """Name of a Secret."""

    name: str = ""


class SignatureSource(Model):
    """Where signatures are stored, if not beside the image."""

    repository: str = ""
    pull_secrets: Items[SecretName] = Field(default=(), alias="PullSecrets")
    tag_prefix: str = ""


class TufRoot(Model):
    """The first root of a TUF repository."""

    path: str = ""
    data: str = ""


class Tuf(Model):
    """A TUF repository that the trust root comes from."""

    root: TufRoot | None = None
    mirror: str = ""


class Cosign(Model):
    """Whose signatures count, in the formats of cosign and Sigstore."""

    key: CosignKey | None = None
    keyless: CosignKeyless | None = None
    certificate: CosignCertificate | None = None
    source: SignatureSource | None = None
    ctlog: ImageCTLog | None = None
    tuf: Tuf | None = None
    trusted_root: StringOrExpression | None = None
    annotations: dict[str, str] = Field(default_factory=dict)


class Notary(Model):
    """Certificates that count, in the format of the Notary Project."""

    certs: StringOrExpression | None = None
    tsa_certs: StringOrExpression | None = None


class ImageAttestor(Model):
    """Whose signatures count, under the name that expressions use."""

    name: str
    cosign: Cosign | None = None
    notary: Notary | None = None


class InTotoType(Model):
    """Predicate type of a statement."""

    type: str


class ReferrerType(Model):
    """Artifact type of a referrer."""

    type: str


class ImageAttestation(Model):
    """A signed statement, under the name that expressions use."""

    name: str
    intoto: InTotoType | None = None
    referrer: ReferrerType | None = None
