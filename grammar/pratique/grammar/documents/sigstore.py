"""Policies of Sigstore's policy-controller, with every field of their schema.

Versions v1alpha1 and v1beta1 have the same fields.

References: sigstore/policy-controller of August 2026, `pkg/apis/policy/v1beta1`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.metadata import ObjectMeta
from pratique.grammar.documents.selection import LabelSelector


class ImageGlob(Model):
    """Images whose name a glob matches."""

    glob: str


class SecretReference(Model):
    """A Secret that holds one public key."""

    name: str
    namespace: str = ""


class KeyReference(Model):
    """A public key: PEM, a Secret, or a URI of a key management service."""

    secret_ref: SecretReference | None = None
    data: str = ""
    kms: str = ""
    hash_algorithm: str = ""


class SigstoreIdentity(Model):
    """Who an identity provider must have vouched for."""

    issuer: str = ""
    subject: str = ""
    issuer_reg_exp: str = ""
    subject_reg_exp: str = ""


class Keyless(Model):
    """Identities of which one must have signed, with a certificate of some authority."""

    url: str = ""
    identities: Items[SigstoreIdentity] = ()
    ca_cert: KeyReference | None = Field(default=None, alias="ca-cert")
    trust_root_ref: str = ""
    insecure_ignore_sct: bool = Field(default=False, alias="insecureIgnoreSCT")


class Static(Model):
    """A verdict that is given without looking at signatures."""

    action: Literal["pass", "fail"]
    message: str = ""


class PullSecret(Model):
    """A Secret with credentials, in the namespace of the resource."""

    name: str = ""


class Source(Model):
    """Where signatures are stored, if not beside the image."""

    oci: str = ""
    signature_pull_secrets: Items[PullSecret] = ()
    tag_prefix: str = ""


class TransparencyLog(Model):
    """The log in which signatures must be found."""

    url: str = ""
    trust_root_ref: str = ""


class Timestamp(Model):
    """The authority whose timestamps say when a signature was made."""

    trust_root_ref: str = ""


class RemotePolicy(Model):
    """A program at a URL."""

    url: str = ""
    sha256sum: str = ""


class ConfigMapReference(Model):
    """A program in a ConfigMap."""

    name: str = ""
    namespace: str = ""
    key: str = ""


class PolicyProgram(Model):
    """A program in CUE or Rego that judges what was verified."""

    type: str
    data: str = ""
    remote: RemotePolicy | None = None
    config_map_ref: ConfigMapReference | None = None
    fetch_config_file: bool | None = None
    include_spec: bool | None = None
    include_object_meta: bool | None = None
    include_type_meta: bool | None = None


class AuthorityAttestation(Model):
    """A statement that an authority must have signed."""

    name: str
    predicate_type: str
    policy: PolicyProgram | None = None


class Authority(Model):
    """Whose signatures or statements do; exactly one of key, keyless and static is set."""

    name: str = ""
    key: KeyReference | None = None
    keyless: Keyless | None = None
    static: Static | None = None
    source: Items[Source] = ()
    ctlog: TransparencyLog | None = None
    attestations: Items[AuthorityAttestation] = ()
    rfc3161timestamp: Timestamp | None = None
    signature_format: Literal["legacy", "bundle"] | None = None


class MatchResource(Model):
    """Resources of a kind, perhaps with certain labels."""

    group: str = ""
    version: str = ""
    resource: str = ""
    selector: LabelSelector | None = None


class ClusterImagePolicySpec(Model):
    """Images, and authorities of which one must vouch for each of them."""

    images: Items[ImageGlob]
    authorities: Items[Authority] = ()
    policy: PolicyProgram | None = None
    mode: Literal["enforce", "warn"] | None = None
    match: Items[MatchResource] = ()


class ClusterImagePolicy(Model):
    """A policy of Sigstore's policy-controller."""

    api_version: Literal["policy.sigstore.dev/v1alpha1", "policy.sigstore.dev/v1beta1"]
    kind: Literal["ClusterImagePolicy"]
    metadata: ObjectMeta
    spec: ClusterImagePolicySpec
    status: Any = None


# --- trust roots ---------------------------------------------------------------------------------------


class DistinguishedName(Model):
    """Whose certificate it is."""

    organization: str = ""
    common_name: str = ""


class CertificateAuthority(Model):
    """An authority; its chain is base64 of PEM, the root last."""

    subject: DistinguishedName | None = None
    uri: str = ""
    cert_chain: str


class LogInstance(Model):
    """A log; its key is base64 of PEM."""

    base_url: str = Field(default="", alias="baseURL")
    hash_algorithm: str = ""
    public_key: str


class SigstoreKeys(Model):
    """All keys and certificates of one instance of Sigstore."""

    certificate_authorities: Items[CertificateAuthority] = ()
    t_logs: Items[LogInstance] = ()
    ct_logs: Items[LogInstance] = ()
    timestamp_authorities: Items[CertificateAuthority] = ()


class TrustRootSpec(Model):
    """Keys, or the TUF repository that they come from."""

    sigstore_keys: SigstoreKeys | None = None
    remote: Any = None
    repository: Any = None


class TrustRoot(Model):
    """What policies refer to by `trustRootRef`."""

    api_version: Literal["policy.sigstore.dev/v1alpha1"]
    kind: Literal["TrustRoot"]
    metadata: ObjectMeta
    spec: TrustRootSpec
    status: Any = None
