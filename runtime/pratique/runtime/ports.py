"""What the engine needs from the world: protocols, and the plain values that cross them.

Implementations live one a file in `registry/`, `signatures/` and so on, and are joined only in `cli/` (and
later the webhook). Every method is bounded in bytes and time by its implementation (rule R9).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, NewType, Protocol, runtime_checkable

from pratique.compiler.ir import Attestor, KeySigner, Method, RegistryCredentials, Trust

if TYPE_CHECKING:
    from pratique.compiler.context_entries import Source
    from pratique.compiler.context_questions import Question
    from pratique.runtime.signatures.model import Stored, VerifiedSignature

Digest = NewType("Digest", str)
"""`algorithm:hex`, for example `sha256:` and 64 lower-case hexadecimal digits."""


class Repository(NamedTuple):
    """A repository of one registry: host with optional port, and path (`registry.k8s.io`, `etcd`)."""

    registry: str
    path: str

    def __str__(self) -> str:
        """Return `registry/path`."""
        return f"{self.registry}/{self.path}"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """An OCI content descriptor.

    References: OCI image specification 1.1, descriptor.
    """

    media_type: str
    digest: Digest
    size: int
    annotations: dict[str, str] = field(default_factory=dict)
    artifact_type: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index as received.

    INVARIANT: `digest` was computed from `body` by the store (rule R2), whatever the other side claimed;
    `data` is the JSON of those very bytes.
    """

    repository: Repository
    digest: Digest
    media_type: str
    body: bytes
    data: dict[str, Any]


class ImageStore(Protocol):
    """A registry, or an OCI layout folder: both answer the same questions.

    All methods raise `NotFoundError` for what is not there and `TransportError` (with the code of the fault,
    `docs/reasons.md`) for all else. Bytes that do not hash to the digest asked for are a `TransportError`
    with code `digest-mismatch`.
    """

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        """Return the manifest that `reference` (a tag or a digest) names. One request."""
        ...

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        """Return a blob of at most `max_bytes`. One request."""
        ...

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """Return the OCI 1.1 referrers of a digest: the API first, else the fallback tag."""
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...


@runtime_checkable
class RememberingStore(ImageStore, Protocol):
    """A store that may answer with what earlier runs were told."""

    @property
    def origin(self) -> ImageStore:
        """Return the store behind it, which remembers nothing."""
        ...


def uncached(store: ImageStore) -> ImageStore:
    """Return the store behind all that remembers, if anything before it does."""
    while isinstance(store, RememberingStore):
        store = store.origin
    return store


@runtime_checkable
class TagWaryStore(ImageStore, Protocol):
    """A store that remembers what it was told, but not what the tags of images mean (K3)."""

    def for_lists(self) -> ImageStore:
        """Return the same store for questions after signatures, whose tags it may remember like any list."""
        ...


def for_lists(store: ImageStore) -> ImageStore:
    """Return the store to be asked which signatures there are: some are found under tags."""
    return store.for_lists() if isinstance(store, TagWaryStore) else store


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A way to the registries: what answers, and with whose credentials.

    INVARIANT: two ways with equal `id` send the same credentials to every host, so that what was learned on
    one may be used on the other; other ways share no answers (rule R3). The id shows no credential.
    """

    store: ImageStore
    id: str = ""


class Accesses(Protocol):
    """Chooses the way to the registries that an entry asks for."""

    async def choose(
        self, credentials: RegistryCredentials | None, pull_secrets: Sequence[str], namespace: str
    ) -> Access:
        """Return the way for an entry and a resource.

        Args:
            credentials: those of the entry.
            pull_secrets: names of the resource's `imagePullSecrets`.
            namespace: that of the resource; empty where it names none.

        Raises:
            TransportError: `registry-auth`: a Secret that holds credentials is malformed; or it could not be
                asked for.
        """
        ...


class KeySource(Protocol):
    """Where public keys that a policy only refers to come from."""

    async def resolve(self, signer: KeySigner) -> KeySigner:
        """Return `signer` with its key as PEM; one whose key is no reference as it is.

        Raises:
            VerificationError: the reference does not read as one, or what it leads to is no public key.
            TransportError: `key-unavailable`: the key could not be had.
        """
        ...


class ContextSource(Protocol):
    """Answers what context entries of rules ask about the cluster.

    Attributes:
        knows_images: it also answers what is asked about images, in place of the registries.
    """

    knows_images: bool

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        """Return the values by name that are put under the context of a rule and stand for its entries.

        Args:
            policy: name of the policy, without its namespace.
            rule: name of the rule as it is declared, also for those that were generated from it.
        """
        ...

    def loads(self, source: Source, given: bool) -> bool:
        """Say whether context entries with such a source are loaded; others have the given value, or none.

        Args:
            source: what the entry asks; its texts may hold variables.
            given: the name has a value already, see `given`.
        """
        ...

    async def answer(self, question: Question) -> Any:
        """Return JSON data.

        Raises:
            EvaluationError: there is no answer.
            TransportError: the cluster could not be asked.
        """
        ...


class SignatureVerifier(Protocol):
    """The cryptography of one stored signature, and what its verified signer must be."""

    def prepare(self, method: Method, trust: Trust) -> None:
        """Load keys, certificates and roots of an attestor, before anything is fetched.

        Raises:
            VerificationError: the policy's own key material cannot be used.
            TransportError: the trust root that is needed cannot be had.
        """
        ...

    def version(self, attestor: Attestor) -> str:
        """Return the version of the process's trust root that signatures are judged by; empty for none.

        Raises:
            TransportError: the trust root that is needed cannot be had.
        """
        ...

    def verify(self, stored: Stored, method: Method, trust: Trust, digest: Digest) -> VerifiedSignature:
        """Return what `stored` proves about `digest`.

        Raises:
            VerificationError: a check did not hold; the code names it.
        """
        ...
