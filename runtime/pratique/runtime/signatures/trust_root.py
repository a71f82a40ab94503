"""A Sigstore trust root: who issues certificates, runs logs and gives the time, and when each counted.

References: sigstore `protobuf-specs`, `trustroot.v1.TrustedRoot` in its JSON form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Annotated, Final, Literal

import rfc8785
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

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
    """

    name: str
    version: str
    authorities: Authorities = field(repr=False)
    logs: LogKeys = field(repr=False)
    ct_logs: LogKeys = field(repr=False)
    timestamps: tuple[TimestampAuthority, ...] = field(repr=False)

    @classmethod
    def from_json(cls, data: bytes, name: str) -> TrustRoot:
        """Return the trust root in the bytes of a `trusted_root.json`.

        Raises:
            TransportError: `trust-invalid`; nothing of a damaged root is used.
        """
        try:
            value = from_json(data, max_bytes=MAX_BYTES)
            document = _Document.model_validate(value)
            return cls(
                name=name,
                version=sha256(rfc8785.dumps(value)).hexdigest(),
                authorities=Authorities(tuple(map(_authority, document.certificate_authorities))),
                logs=_log_keys(document.tlogs),
                ct_logs=_log_keys(document.ctlogs),
                timestamps=tuple(map(_timestamp_authority, document.timestamp_authorities)),
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise _invalid(name, f"{place}: {first['msg']}") from error
        except (EncodingError, CertificateError, KeyTextError, rfc8785.CanonicalizationError) as error:
            raise _invalid(name, str(error)) from error

    @classmethod
    def production(cls) -> TrustRoot:
        """Return the public-good root that the installed `sigstore` package carries. Opens no socket."""
        return _production()


@cache
def _production() -> TrustRoot:
    store = resources.files("sigstore._store")
    return TrustRoot.from_json(
        store.joinpath(_PRODUCTION, "trusted_root.json").read_bytes(), "sigstore public good"
    )


def _invalid(name: str, text: str) -> TransportError:
    return TransportError("trust-invalid", f"the trust root {name} cannot be used: {text}")


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


class _Document(_Model):
    media_type: Literal["application/vnd.dev.sigstore.trustedroot+json;version=0.1"]
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
