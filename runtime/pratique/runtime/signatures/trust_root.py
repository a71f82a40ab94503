"""A Sigstore trust root: who issues certificates, runs logs and gives the time, and when each counted.

References: sigstore `protobuf-specs`, `trustroot.v1.TrustedRoot` in its JSON form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from hashlib import sha256
from importlib import metadata, resources
from typing import Annotated, Final

import rfc8785
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from pratique.grammar.errors import TransportError
from pratique.runtime.signatures.certificates import CertificateError, is_authority, load_certificate
from pratique.runtime.signatures.chains import Authorities, Authority
from pratique.runtime.signatures.encodings import EncodingError, from_base64, from_json
from pratique.runtime.signatures.keys import KeyTextError, load_der_key
from pratique.runtime.signatures.logs import LogKey, LogKeys
from pratique.runtime.signatures.timestamps import TimestampAuthority
from pratique.runtime.signatures.validity import Window

MAX_BYTES: Final = 1 << 20
MAX_ENTRIES: Final = 256
"""Logs or authorities of one kind; the public-good root has two."""

_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_MEDIA_TYPE_2: Final = "application/vnd.dev.sigstore.trustedroot.v0.2+json"
_PRODUCTION: Final = "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
_KEY_HASHES: Final = {
    "PKIX_ECDSA_P256_SHA_256": "sha256",
    "PKIX_ECDSA_P384_SHA_384": "sha384",
    "PKIX_ECDSA_P521_SHA_512": "sha512",
    "PKIX_RSA_PKCS1V15_2048_SHA256": "sha256",
    "PKIX_RSA_PKCS1V15_3072_SHA256": "sha256",
    "PKIX_RSA_PKCS1V15_4096_SHA256": "sha256",
    "PKIX_ED25519": "sha256",  # hashes by itself
    # Names that are no longer given out, but stand in older roots:
    "PKCS1_RSA_PKCS1V5": "sha256",
    "PKIX_RSA_PKCS1V5": "sha256",
    "PKIX_ECDSA_P384_SHA_256": "sha256",
    "PKIX_ECDSA_P521_SHA_256": "sha256",
}
"""Kinds of keys that can be used. A log with another kind is left out: nothing of it can be believed."""


class Source(StrEnum):
    """Where a trust root was taken from."""

    FILE = "file"
    MIRROR = "mirror"
    CACHE = "cache"
    EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a trust root was taken from, and how fresh that is.

    Attributes:
        place: path of the file, URL of the mirror, or what it was embedded in.
        checked_at: when a mirror last confirmed it; None for what no mirror vouches for.
        expires: until when its publisher vouches for it; None likewise.
    """

    source: Source
    place: str
    checked_at: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class TrustRoot:
    """What signatures are anchored in where a policy names no anchors of its own.

    Attributes:
        name: what people know it by: a path, or `sigstore public good`.
        version: SHA-256 of its canonical content, lower-case hex; part of every cache key (rule R3).
        authorities: certificate authorities. The last certificate of each is trusted, the others are known
            intermediates.
        logs: transparency logs; `ct_logs`: certificate-transparency logs.
        timestamps: RFC 3161 authorities.
        content: the document itself.
    """

    name: str
    version: str
    origin: Origin
    authorities: Authorities = field(repr=False)
    logs: LogKeys = field(repr=False)
    ct_logs: LogKeys = field(repr=False)
    timestamps: tuple[TimestampAuthority, ...] = field(repr=False)
    content: bytes = field(repr=False)

    @classmethod
    def from_json(cls, data: bytes, name: str, origin: Origin | None = None) -> TrustRoot:
        """Return the trust root in the bytes of a `trusted_root.json`; without `origin`, of the file `name`.

        Raises:
            TransportError: `trust-invalid`; nothing of a damaged root is used.
        """
        try:
            value = from_json(data, max_bytes=MAX_BYTES)
            document = _Document.model_validate(value)
            if not document.certificate_authorities and not document.tlogs:
                raise _invalid(name, "it has neither a certificate authority nor a transparency log")
            return cls(
                name=name,
                origin=origin or Origin(source=Source.FILE, place=name),
                content=data,
                version=sha256(rfc8785.dumps(value)).hexdigest(),
                authorities=Authorities(tuple(map(_authority, document.certificate_authorities))),
                logs=_log_keys(document.tlogs),
                ct_logs=_log_keys(document.ctlogs),
                timestamps=tuple(map(_timestamp_authority, document.timestamp_authorities)),
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "the document"
            raise _invalid(name, f"{place}: {first['msg']}") from error
        except (EncodingError, CertificateError, KeyTextError, rfc8785.CanonicalizationError) as error:
            raise _invalid(name, str(error)) from error

    @property
    def newest(self) -> datetime | None:
        """Return when its newest authority or log came into use: no root is younger than that."""
        starts = [window.start for window in self._windows if window.start is not None]
        return max(starts, default=None)

    def is_past(self, now: datetime) -> bool:
        """Say whether nothing that issues certificates or keeps a log is in use any more.

        Signatures of its time still verify; that it does not know one is no reason to refuse it.
        """
        authorities = self.authorities.all
        in_use = [a.window.end is None or a.window.end >= now for a in authorities]
        valid = [a.anchor.not_valid_after_utc >= now for a in authorities]
        if authorities:
            return not any(used and still for used, still in zip(in_use, valid, strict=True))
        return all(log.window.is_before(now) for log in self.logs.keys)

    @property
    def _windows(self) -> Iterator[Window]:
        yield from (authority.window for authority in self.authorities.all)
        yield from (log.window for log in (*self.logs.keys, *self.ct_logs.keys))
        yield from (authority.window for authority in self.timestamps)

    @classmethod
    def production(cls) -> TrustRoot:
        """Return the public-good root that the installed `sigstore` package carries. Opens no socket."""
        return _production()


@cache
def _production() -> TrustRoot:
    store = resources.files("sigstore._store")
    origin = Origin(source=Source.EMBEDDED, place=f"sigstore {metadata.version('sigstore')}")
    return TrustRoot.from_json(
        store.joinpath(_PRODUCTION, "trusted_root.json").read_bytes(), "public", origin
    )


def _invalid(name: str, text: str) -> TransportError:
    return TransportError(
        "trust-invalid",
        f"the trust root {name} cannot be used: {text}. Fetch it again (`pratique root update`), or give"
        " another with --trusted-root FILE",
    )


# --- the document ----------------------------------------------------------------------------------------


def _decode(value: object) -> object:
    return from_base64(value) if isinstance(value, str) else value


Bytes = Annotated[bytes, BeforeValidator(_decode)]


class _Model(BaseModel):
    """Fields that are not known here are left to newer readers, as protobuf JSON asks for."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class _Period(_Model):
    start: AwareDatetime
    end: AwareDatetime | None = None

    @property
    def window(self) -> Window:
        return Window(self.start, self.end)


class _PublicKey(_Model):
    raw_bytes: Bytes
    key_details: str
    valid_for: _Period


class _LogId(_Model):
    key_id: Bytes


class _Log(_Model):
    base_url: str = ""
    public_key: _PublicKey
    log_id: _LogId | None = None
    checkpoint_key_id: _LogId | None = None


class _Certificate(_Model):
    raw_bytes: Bytes


class _Chain(_Model):
    certificates: Annotated[list[_Certificate], Field(min_length=1, max_length=MAX_ENTRIES)]


class _CertificateAuthority(_Model):
    uri: str = ""
    cert_chain: _Chain
    valid_for: _Period


def _known_type(value: object) -> object:
    if value in (_MEDIA_TYPE, _MEDIA_TYPE_2):
        return value
    if isinstance(value, str) and value.startswith("application/vnd.dev.sigstore.trustedroot"):
        raise PydanticCustomError(
            "version", "this version of trust roots is not known, a newer pratique may be"
        )
    raise PydanticCustomError("type", "a trust root has the media type " + _MEDIA_TYPE)


class _Document(_Model):
    media_type: Annotated[str, BeforeValidator(_known_type)]
    tlogs: Annotated[list[_Log], Field(max_length=MAX_ENTRIES)] = []
    ctlogs: Annotated[list[_Log], Field(max_length=MAX_ENTRIES)] = []
    certificate_authorities: Annotated[list[_CertificateAuthority], Field(max_length=MAX_ENTRIES)] = []
    timestamp_authorities: Annotated[list[_CertificateAuthority], Field(max_length=MAX_ENTRIES)] = []


def _authority(entry: _CertificateAuthority) -> Authority:
    *intermediates, anchor = [load_certificate(c.raw_bytes) for c in entry.cert_chain.certificates]
    return Authority(anchor=anchor, intermediates=tuple(intermediates), window=entry.valid_for.window)


def _timestamp_authority(entry: _CertificateAuthority) -> TimestampAuthority:
    issuers = [load_certificate(c.raw_bytes) for c in entry.cert_chain.certificates]
    signer = None if is_authority(issuers[0]) else issuers.pop(0)
    return TimestampAuthority(
        signer=signer,
        intermediates=tuple(issuers[:-1]),
        roots=tuple(issuers[-1:]),
        window=entry.valid_for.window,
    )


def _log_keys(entries: Iterable[_Log]) -> LogKeys:
    return LogKeys(tuple(_log_key(e) for e in entries if e.public_key.key_details in _KEY_HASHES))


def _log_key(entry: _Log) -> LogKey:
    key = load_der_key(entry.public_key.raw_bytes, _KEY_HASHES[entry.public_key.key_details])
    named = entry.log_id or entry.checkpoint_key_id
    return LogKey(
        id=named.key_id.hex() if named and named.key_id else key.id,
        key=key,
        window=entry.public_key.valid_for.window,
        url=entry.base_url,
    )
