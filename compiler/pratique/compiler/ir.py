"""The intermediate representation: what a set of policies demands, whatever language it was written in.

A rule has a region of resources, and either demands on their images (region of images -> obligation) or a
body (`bodies.py`). An obligation is a monotone threshold formula whose leaves ask for "a signature whose
verified signer lies in S". No dialect has a node of its own: a quirk of a dialect (how a glob reads, whether
two subject tests are joined by "or") is a parameter of a neutral node.

INVARIANT: nodes are immutable and hashable, and equality ignores where they were written (`At`). Equal nodes
therefore mean the same, which is what lets the decision graph share their work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from pratique.grammar.source import Location

if TYPE_CHECKING:
    from pratique.compiler.bodies import Body, NamedExpression, PodSecurityExclusion
    from pratique.compiler.cel_bodies import CelBody
    from pratique.compiler.context_entries import ContextEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """Where a node comes from.

    Attributes:
        path: route inside its block in the notation of Kyverno's messages, such as
            `.attestors[0].entries[1].keyless`; empty for the block itself.
        location: the text it was read from; None for values that no text stands behind.
    """

    path: str = ""
    location: Location | None = None


NOWHERE = At()


# --- regions over resources ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSelector:
    """`group/version/Kind/subresource`, every part a wildcard pattern.

    References: Kyverno 1.19, `ParseKindSelector`.
    """

    group: str = "*"
    version: str = "*"
    kind: str
    subresource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequirement:
    """One requirement of a label selector; `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """A conjunction of label tests. Keys and values of `match_labels` may hold wildcards."""

    match_labels: tuple[tuple[str, str], ...] = ()
    requirements: tuple[LabelRequirement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who sent a request: kind User, Group or ServiceAccount; `name` may hold wildcards."""

    kind: str
    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceFilter:
    """A conjunction of attribute tests; an empty attribute is no test, inside an attribute any value does."""

    kinds: tuple[KindSelector, ...] = ()
    names: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    operations: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    cluster_roles: tuple[str, ...] = ()
    subjects: tuple[Subject, ...] = ()
    at: At = field(default=NOWHERE, compare=False)

    @property
    def is_empty(self) -> bool:
        """Say whether the filter tests nothing, which by Kyverno's rule matches nothing."""
        return not (self.has_attributes or self.has_user_info)

    @property
    def has_attributes(self) -> bool:
        """Say whether the filter looks at anything but who sent the request."""
        return bool(
            self.kinds
            or self.names
            or self.namespaces
            or self.annotations
            or self.selector
            or self.namespace_selector
            or self.operations
        )

    @property
    def has_user_info(self) -> bool:
        """Say whether the filter looks at who sent the request."""
        return bool(self.roles or self.cluster_roles or self.subjects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Filters joined by "any" (`every` false) or by "all" (`every` true)."""

    filters: tuple[ResourceFilter, ...]
    every: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRegion:
    """The resources a rule speaks about: `match` without `exclude`, in `namespace` where one is set.

    Attributes:
        namespace: namespace of a namespaced policy; None for cluster-wide ones.
    """

    namespace: str | None
    match: Selection
    exclude: Selection | None = None


# --- regions over images -------------------------------------------------------------------------------


class GlobDialect(StrEnum):
    """How an image pattern reads.

    `KYVERNO`: `*` any run of characters, `?` exactly one; both cross every separator; nothing is special
    otherwise (go-wildcard 1.0.3, as Kyverno's `verifyImages` uses it).
    """

    KYVERNO = "kyverno"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePattern:
    """A glob over the canonical form `registry/path:tag` or `registry/path@digest`."""

    text: str
    dialect: GlobDialect = GlobDialect.KYVERNO
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRegion:
    """Images that some pattern of `include` matches and none of `skip`.

    Attributes:
        gaps: a rule says nothing of images that `skip` matches; else it tells that they are left out.
    """

    include: tuple[ImagePattern, ...]
    skip: tuple[ImagePattern, ...] = ()
    gaps: bool = False


# --- tests on texts (identities, annotations) ----------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Exactly:
    """The very text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """`*` and `?` over the whole text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A regular expression in RE2 syntax, found anywhere in the text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTests:
    """Tests on one text, joined by "and" (`every`) or by "or"; no tests at all accept every text."""

    tests: tuple[Exactly | Glob | Search, ...] = ()
    every: bool = True

    @property
    def wanted(self) -> str:
        """Return the text that a mismatch message shows as expected: the plain one before the pattern."""
        return self.tests[0].text if self.tests else ""


# --- attestors -----------------------------------------------------------------------------------------


class SignatureFormat(StrEnum):
    """Where and how signatures of an image are stored."""

    COSIGN = "cosign"
    """Cosign's layers under the tags `sha256-….sig` and `sha256-….att`."""
    SIGSTORE_BUNDLE = "sigstore-bundle"
    """Sigstore bundles as OCI 1.1 referrers."""
    NOTARY = "notary"
    """Notary Project signatures as OCI 1.1 referrers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPolicy:
    """The demand on a transparency log.

    Attributes:
        required: a log entry must prove when the signature was made.
        url: where an online search would ask; empty for none. Offline proof is always preferred.
        public_keys: PEM of the log's keys; None for those of the trust root.
    """

    required: bool = True
    url: str = ""
    public_keys: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SctPolicy:
    """The demand on a certificate's embedded timestamp; `public_keys` as in `LogPolicy`."""

    required: bool = True
    public_keys: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the cryptography of a signature must be anchored in; equal trust is verified once.

    Attributes:
        roots: PEM of the certificate authorities; None for those of the process's trust root.
        log: transparency log.
        sct: certificate transparency.
        timestamp_chain: PEM chain of RFC 3161 authorities; None where timestamps are not looked at.
        trusted_root: JSON of a Sigstore trust root that takes the place of those of the process.
    """

    roots: str | None = None
    log: LogPolicy = LogPolicy()
    sct: SctPolicy = SctPolicy()
    timestamp_chain: str | None = None
    trusted_root: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySigner:
    """The holder of a public key.

    Attributes:
        key: PEM of one key, or a reference: `k8s://namespace/name` or a KMS URI.
        hash_algorithm: sha224, sha256, sha384 or sha512.
        pss: signatures by this RSA key are RSA-PSS, as a key management service may say of its key.
    """

    key: str
    hash_algorithm: str = "sha256"
    pss: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSigner:
    """The holder of a given certificate, or of any that chains to `chain`; at least one is set.

    Attributes:
        certificate: PEM (or base64 of PEM) of the leaf; empty for any leaf under `chain`.
        chain: PEM of the issuers, parent first, root last; empty to use the leaf's key without a path.
    """

    certificate: str = ""
    chain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySigner:
    """Whoever an identity provider vouches for ("keyless").

    Attributes:
        issuer: tests on the OIDC issuer (certificate extension `1.3.6.1.4.1.57264.1.1`).
        subject: tests on the subject alternative name.
        extensions: further certificate extensions as (name or OID, glob), sorted.
    """

    issuer: TextTests = TextTests()
    subject: TextTests = TextTests()
    extensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustStoreSigner:
    """Whoever signs with a certificate whose chain holds a trusted one, byte for byte (Notary Project).

    Not a `CertificateSigner`: what is given may be root, intermediate or leaf alike, each trusted by itself.

    Attributes:
        certificate: PEM of trusted certificates; may be empty.
        chain: PEM of further ones, trusted no less and no more; may be empty.
    """

    certificate: str = ""
    chain: str = ""


Signer: TypeAlias = KeySigner | CertificateSigner | IdentitySigner | TrustStoreSigner


@dataclass(frozen=True, slots=True)
class AnyIdentity:
    """Verification method "keyless": any certificate of the trusted authorities, whoever it names."""


SigstoreMethod: TypeAlias = KeySigner | CertificateSigner | AnyIdentity
"""How signatures of cosign and Sigstore are verified."""

Method: TypeAlias = SigstoreMethod | TrustStoreSigner
"""How a signature is verified. Together with a `Trust` and a stored signature it decides the outcome, so that
many attestors with different identity tests share one verification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestor:
    """A signature whose verified signer is `signer`: the leaf of every obligation.

    Attributes:
        repository: other repository that holds the signatures; empty for the image's own.
        annotations: pairs that some verified signature must carry among its signed claims, sorted.
        referrers: look for OCI 1.1 referrers before the tag.
        kind: word of the message path: `keys`, `certificates` or `keyless`.
    """

    signer: Signer
    format: SignatureFormat = SignatureFormat.COSIGN
    trust: Trust = Trust()
    repository: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    referrers: bool = False

    @property
    def method(self) -> Method:
        """Return the part of the signer that its cryptography depends on."""
        return AnyIdentity() if isinstance(self.signer, IdentitySigner) else self.signer

    @property
    def kind(self) -> str:
        """Return the field name under which policies write this signer."""
        match self.signer:
            case KeySigner():
                return "keys"
            case CertificateSigner() | TrustStoreSigner():
                return "certificates"
            case IdentitySigner():
                return "keyless"


# --- obligations ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One attestor at its place in the formula."""

    attestor: Attestor
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """At least `count` of `of`. All: count = len(of); any: count = 1.

    INVARIANT: 1 <= count. `count` greater than len(of) can never be met (never "vacuously true").
    """

    count: int
    of: tuple[Formula, ...]
    at: At = field(default=NOWHERE, compare=False)


Formula: TypeAlias = Leaf | Threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A signed statement about the image.

    Attributes:
        type: predicate type (or artifact type for Notary).
        name: variable under which later conditions see the predicate; empty for none.
        by: sets of attestors, each of which must be met; empty for a statement by anyone trusted.
        conditions: condition blocks over the predicate (JSON), evaluated per statement.
        exclusive: in cosign's format, a statement of the type by anybody else fails an attestor; else such
            statements are left aside.
    """

    type: str
    name: str = ""
    by: tuple[Threshold, ...] = ()
    exclusive: bool = True
    conditions: tuple[Any, ...] = field(default=(), hash=False)
    at: At = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """Conditions (JSON) over all attestations of an image, under which it is refused with `message`."""

    message: str = ""
    conditions: Any = field(default=None, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryCredentials:
    """How the registries of an entry are asked.

    Attributes:
        secrets: Secrets with registry credentials, `namespace/name` or `name`.
        providers: whom else to ask for credentials: default, amazon, azure, google, github.
        insecure: registries may be spoken to over plain HTTP.
    """

    secrets: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequirement:
    """What is demanded of each image in a region: one `verifyImages` entry.

    Attributes:
        signatures: sets of attestors, each of which must be met ("and" across sets).
        attestations: statements, each of which must be there and hold.
        pin_digest: write the verified digest into the resource.
        demand_digest: an image without a digest fails.
        demand_proof: an image that no entry of the rule verified fails.
        denial: further conditions over the attestations, once they all hold.
        credentials: how the entry's registries are asked; None for the way of the whole run.
    """

    images: ImageRegion
    signatures: tuple[Threshold, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    denial: Denial | None = None
    pin_digest: bool = True
    demand_digest: bool = True
    demand_proof: bool = True
    use_cache: bool = True
    credentials: RegistryCredentials | None = None
    at: At = field(default=NOWHERE, compare=False)


class Action(StrEnum):
    """What a failure does at admission."""

    AUDIT = "Audit"
    ENFORCE = "Enforce"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOverride:
    """Another action for some namespaces: globs and a selector on the namespace's labels."""

    action: Action
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: for resources in `resources`, its body, or what is demanded of their images.

    Attributes:
        requirements: what is demanded of images; empty for rules with a body.
        body: what else the rule demands or does; None for image rules.
        generated_from: name of the rule that autogen made this one from; empty for declared rules.
        context: named values that expressions read, in order.
        request_conditions: expressions in CEL without which the rule says nothing of a request.
        preconditions: condition tree (JSON), or None.
        template: the entries behind `requirements` as JSON, where they hold variables: then `requirements`
            show the variables as text, and those of an evaluation are made from the template.
        extractors: kind -> raw image extractors that replace the built-in ones.
        action: failure action where no override applies.
        report_properties: copied into the `properties` of report results.
    """

    name: str
    resources: ResourceRegion
    requirements: tuple[ImageRequirement, ...] = ()
    body: Body | CelBody | None = None
    action: Action = Action.AUDIT
    overrides: tuple[ActionOverride, ...] = ()
    generated_from: str = ""
    request_conditions: tuple[NamedExpression, ...] = ()
    context: tuple[ContextEntry, ...] = ()
    preconditions: Any = field(default=None, hash=False)
    template: Any = field(default=None, hash=False)
    extractors: tuple[tuple[str, tuple[Any, ...]], ...] = field(default=(), hash=False)
    report_properties: tuple[tuple[str, str], ...] = ()
    at: At = field(default=NOWHERE, compare=False)

    @property
    def is_conditional(self) -> bool:
        """Say whether more than its region decides where it counts."""
        return bool(self.preconditions or self.request_conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy: its rules in evaluation order (declared ones, then generated ones) and its settings.

    Attributes:
        namespace: set for namespaced policies only.
        fail_open: `failurePolicy: Ignore`.
        stop_at_first: `applyRules: One`.
        background: takes part in background scans.
        admission: takes part in admission. No verdict depends on it, but whether there is one.
        webhook_seconds: patience that its webhook asks of the API server; None for the usual. No verdict
            depends on it.
        emit_warning: failures that refuse nothing are told to whoever sent the request, also for rules with
            bodies. No verdict depends on it.
        labels: `policies.kyverno.io/…` and other annotations, sorted.
    """

    kind: str
    name: str
    namespace: str | None = None
    rules: tuple[Rule, ...] = ()
    fail_open: bool = False
    stop_at_first: bool = False
    background: bool = True
    admission: bool = field(default=True, compare=False)
    webhook_seconds: int | None = field(default=None, compare=False)
    emit_warning: bool = field(default=False, compare=False)
    annotations: tuple[tuple[str, str], ...] = ()
    at: At = field(default=NOWHERE, compare=False)

    @property
    def key(self) -> str:
        """Return `namespace/name`, or `name` for a cluster-wide policy: the id in reports."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """Resources that some rules leave alone, whatever their images.

    Attributes:
        namespace: where it stands; whether exceptions count there is a setting of the cluster.
        rules: keys of policies (see `Policy.key`), each with globs for the names of its rules. Generated
            rules count under their own names.
        resources: the resources; tests on who sent a request are never dropped from its filters.
        conditions: condition tree (JSON) under which it holds, or None.
        controls: of rules about Pod security only these controls are left out; none means the whole rule.
    """

    name: str
    namespace: str
    rules: tuple[tuple[str, tuple[str, ...]], ...]
    resources: Selection
    conditions: Any = field(default=None, hash=False)
    controls: tuple[PodSecurityExclusion, ...] = ()
    at: At = field(default=NOWHERE, compare=False)

    @property
    def key(self) -> str:
        """Return `namespace/name`: the id in reports."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """All policies that are judged together, in the order they were given."""

    policies: tuple[Policy, ...]
