"""The recipe: the short document that says which images a lab has and who signed them how.

References: `docs/lab.md` describes every field for its users.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from pratique.runtime.lab.authority import (
    EXTENSIONS,
    FULCIO_OID,
    Identity,
    NameKind,
    SubjectName,
    general_name,
)
from pratique.runtime.lab.faults import Fault, Format
from pratique.runtime.lab.keys import HashName, KeyType
from pratique.runtime.lab.signing import EntryKind
from pratique.runtime.ports import Repository

DEFAULT_SEED = "pratique lab"
DEFAULT_AT = datetime(2023, 4, 1, 12, tzinfo=UTC)

MAX_COPIES = 10_000
MAX_TEXT = 8192

_HOST = r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
# A first part without dot and port is no registry, as everywhere; only `localhost` is.
_REGISTRY = rf"(?P<registry>(?:(?=[^/]*[.:])|(?=localhost/)){_HOST}(?::[0-9]{{1,5}})?)"
_SEGMENT = r"[a-z0-9]+(?:(?:[.]|_{1,2}|-+)[a-z0-9]+)*"
_PATH = rf"(?P<path>{_SEGMENT}(?:/{_SEGMENT})*)"
_REPOSITORY = re.compile(f"{_REGISTRY}/{_PATH}")
_REFERENCE = re.compile(f"{_REGISTRY}/{_PATH}:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})")
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9]+(?:/[a-z0-9]+)?")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")

Text: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class ImageName(BaseModel):
    """A full reference by tag: `registry/path:tag`."""

    model_config = ConfigDict(frozen=True)

    registry: str
    path: str
    tag: str

    @property
    def repository(self) -> Repository:
        """Return the reference without its tag."""
        return Repository(self.registry, self.path)

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


def _image_name(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("write it as registry/path:tag")
    match = _REFERENCE.fullmatch(value)
    if not match:
        raise ValueError("write it in full, as registry/path:tag, in lower case")
    return match.groupdict()


def _repository(value: str) -> str:
    if not _REPOSITORY.fullmatch(value):
        raise ValueError("write it as registry/path, without a tag")
    return value


def _platform(value: str) -> str:
    if not _PLATFORM.fullmatch(value):
        raise ValueError("write it as os/architecture, for example linux/amd64")
    return value


def _signer_name(value: str) -> str:
    # The name of a signer with a key becomes that of a file.
    if not _NAME.fullmatch(value):
        raise ValueError("a signer's name has up to 63 letters, digits, dots, dashes and underscores")
    return value


def _to_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _to_second(value: datetime) -> datetime:
    value = value.astimezone(UTC).replace(microsecond=0)
    if not 1980 <= value.year <= 2100:
        raise ValueError("it must lie between 1980 and 2100")
    return value


Moment: TypeAlias = Annotated[AwareDatetime, AfterValidator(_to_second)]
Reference: TypeAlias = Annotated[ImageName, BeforeValidator(_image_name)]
RepositoryName: TypeAlias = Annotated[str, AfterValidator(_repository)]
SignerName: TypeAlias = Annotated[str, AfterValidator(_signer_name)]
Platform: TypeAlias = Annotated[str, AfterValidator(_platform)]
Faults: TypeAlias = Annotated[tuple[Fault, ...], BeforeValidator(_to_list)]


class Covers(StrEnum):
    """Which manifests of a multi-platform image are signed."""

    INDEX = "index"
    PLATFORMS = "platforms"
    ALL = "all"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SigstoreSpec(_Part):
    """The instance: `seed` gives all keys, `at` is when everything is signed."""

    seed: Annotated[str, StringConstraints(min_length=1, max_length=256)] = DEFAULT_SEED
    at: Moment = DEFAULT_AT


class SubjectSpec(_Part):
    """A subject alternative name of a stated kind."""

    email: Text | None = None
    uri: Text | None = None
    dns: Text | None = None
    other: Text | None = None

    @model_validator(mode="after")
    def _one_good_name(self) -> SubjectSpec:
        given = [kind for kind in NameKind if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("give one of email, uri, dns, other")
        try:
            general_name(self.name)
        except ValueError as error:
            raise ValueError(f"{self.name.value!r} cannot stand in a certificate as {given[0]}") from error
        return self

    @property
    def name(self) -> SubjectName:
        """Return the name as certificates have it."""
        kind = next(kind for kind in NameKind if getattr(self, kind) is not None)
        return SubjectName(kind, getattr(self, kind))


def _subject(value: Any) -> Any:
    """Return the stated form of a bare name: a URI has `://`, an e-mail address `@`, anything else is DNS."""
    if not isinstance(value, str):
        return value
    if "://" in value:
        return {"uri": value}
    return {"email" if "@" in value else "dns": value}


Subjects: TypeAlias = Annotated[
    tuple[Annotated[SubjectSpec, BeforeValidator(_subject)], ...], BeforeValidator(_to_list)
]


class SignerSpec(_Part):
    """Somebody who signs: with certificates for an identity, or with a key of their own."""

    issuer: Text | None = None
    subject: Subjects = ()
    extensions: dict[str, Text | None] = Field(default_factory=dict)
    key: KeyType | None = None
    hash: HashName = HashName.SHA256

    @field_validator("extensions")
    @classmethod
    def _known(cls, value: dict[str, str | None]) -> dict[str, str | None]:
        arcs = [extension_arc(name) for name in value]
        if len(set(arcs)) != len(arcs):
            raise ValueError("the same extension is given twice, by name and by number")
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> SignerSpec:
        if self.key and (self.issuer or self.subject or self.extensions):
            raise ValueError("a signer has either a key or an identity (issuer, subject, extensions)")
        if not self.key and "hash" in self.model_fields_set:
            raise ValueError("hash is for signers with a key")
        if not (self.key or self.issuer or self.subject or self.extensions):
            raise ValueError("give a key, or an issuer and a subject")
        return self

    @property
    def identity(self) -> Identity:
        """Return what the certificates say. An issuer is written in the old and the new extension."""
        texts: dict[int, str | None] = {}
        if self.issuer is not None:
            texts = {1: self.issuer, 8: self.issuer}
        texts |= {extension_arc(name): text for name, text in self.extensions.items()}
        return Identity(
            subjects=tuple(subject.name for subject in self.subject),
            extensions=tuple((arc, text) for arc, text in sorted(texts.items()) if text is not None),
        )


def extension_arc(name: str) -> int:
    """Return the last arc of a Fulcio extension that is given by name or as a whole OID.

    Raises:
        ValueError: it is neither.
    """
    if name in EXTENSIONS:
        return EXTENSIONS[name]
    prefix, _, arc = name.rpartition(".")
    # .7 is the type of a subject alternative name, not an extension.
    if prefix == FULCIO_OID and arc.isascii() and arc.isdigit() and len(arc) < 4 and arc not in ("0", "7"):
        return int(arc)
    raise ValueError(f"{name} is no extension of Fulcio; names are {', '.join(EXTENSIONS)}")


def _by_name(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


class SignedSpec(_Part):
    """What signatures and attestations have in common."""

    by: SignerName
    format: Format = Format.COSIGN
    covers: Covers = Covers.INDEX
    at: Moment | None = None
    log: bool = True
    entry: EntryKind | None = None
    timestamp: bool = False
    fault: Faults = ()
    copies: Annotated[int, Field(ge=1, le=MAX_COPIES)] = 1
    repository: RepositoryName | None = None


class SignatureSpec(SignedSpec):
    """A signature of an image; a bare name stands for a plain one by that signer."""

    annotations: dict[str, Text] = Field(default_factory=dict)
    reference: Text | None = None


class AttestationSpec(SignedSpec):
    """A signed statement about an image."""

    type: Text
    predicate: dict[str, Any] = Field(default_factory=dict)


class ImageSpec(_Part):
    """One image or several of the same shape."""

    image: Annotated[tuple[Reference, ...], BeforeValidator(_to_list), Field(min_length=1)]
    platforms: tuple[Platform, ...] = ()
    signatures: tuple[Annotated[SignatureSpec, BeforeValidator(_by_name)], ...] = ()
    attestations: tuple[AttestationSpec, ...] = ()

    @field_validator("platforms")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a platform is given twice")
        return value


class ManifestSpec(_Part):
    """A manifest that is signed into its own annotations.

    Attributes:
        name: of the file, without ending.
        archive: what is signed is an archive of the manifest, the form before k8s-manifest-sigstore 0.5.
    """

    name: SignerName
    manifest: dict[str, Any]
    by: Annotated[tuple[SignerName, ...], BeforeValidator(_to_list), Field(min_length=1)]
    log: bool = True
    archive: bool = False
    fault: Faults = ()


class Recipe(_Part):
    """The whole document."""

    sigstore: SigstoreSpec = SigstoreSpec()
    signers: dict[SignerName, SignerSpec] = Field(default_factory=dict)
    images: tuple[ImageSpec, ...] = ()
    manifests: tuple[ManifestSpec, ...] = ()
