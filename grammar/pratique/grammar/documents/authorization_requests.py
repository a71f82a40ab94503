"""Files of requests that policies in CEL with `evaluation.mode: HTTP` or `Envoy` judge.

References: github.com/kyverno/kyverno-authz `pkg/cel/libs/authz/http/types.go`, read by Go's `encoding/json`:
letters in names of fields may be capital or small. Envoy `envoy/service/auth/v3/external_auth.proto`, read by
`protojson`: names of fields are those of the messages or in lower camel case, and unknown ones are mistakes.
What is null is not set.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field

from pratique.grammar.documents.base import Items, Model
from pratique.grammar.documents.command_line import CommandLineModel


def _bytes(value: Any) -> Any:
    """Return the bytes that a text in base64 stands for; line ends in it do not count, as in Go."""
    if not isinstance(value, str):
        return value
    try:
        return b64decode(value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("must be bytes in base64") from error


Texts: TypeAlias = dict[str, Items[str | None] | None]
"""Values by name, in their order."""

_INT64 = 1 << 63


class HttpAttributes(CommandLineModel):
    """What an HTTP request says; None for what the file leaves out and Go would have no value for.

    Attributes:
        header: values by name; Kyverno finds those alone whose names are written in canonical form
            (`X-Api-Key`).
        body: bytes, written in base64.
    """

    method: str = ""
    header: Texts | None = None
    host: str = ""
    protocol: str = ""
    content_length: Annotated[int, Field(ge=-_INT64, lt=_INT64)] = 0
    body: Annotated[bytes, BeforeValidator(_bytes)] | None = None
    scheme: str = ""
    path: str = ""
    query: Texts | None = None
    fragment: str = ""


class HttpCheck(CommandLineModel):
    """The question whether an HTTP request is allowed."""

    attributes: HttpAttributes = HttpAttributes()


# --- Envoy ---------------------------------------------------------------------------------------------

_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_PROTOCOLS: Final = {"TCP": 0, "UDP": 1}


def _number(value: Any) -> Any:
    """Return the number that a text stands for, as which messages may have their integers."""
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _lenient_bytes(value: Any) -> Any:
    """Return the bytes of a text in base64 of either alphabet, with or without padding."""
    if not isinstance(value, str):
        return value
    text = value.replace("-", "+").replace("_", "/").rstrip("=")
    return _bytes(text + "=" * (-len(text) % 4))


def _protocol(value: Any) -> Any:
    return _PROTOCOLS.get(value, value) if isinstance(value, str) else value


_Int64 = Annotated[int, BeforeValidator(_number), Field(ge=-_INT64, lt=_INT64)]
_Uint32 = Annotated[int, BeforeValidator(_number), Field(ge=0, lt=1 << 32)]
_Bytes = Annotated[bytes, BeforeValidator(_lenient_bytes)]


class EnvoySocketAddress(Model):
    """An address and a port."""

    protocol: Annotated[int, BeforeValidator(_protocol), Field(ge=0, le=1)] | None = None
    address: str | None = None
    port_value: _Uint32 | None = None
    named_port: str | None = None
    resolver_name: str | None = None
    ipv4_compat: bool | None = None


class EnvoyPipe(Model):
    """A socket of a file system."""

    path: str | None = None
    mode: _Uint32 | None = None


class EnvoyAddress(Model):
    """An address of either kind."""

    socket_address: EnvoySocketAddress | None = None
    pipe: EnvoyPipe | None = None


class EnvoyPeer(Model):
    """One side of a connection."""

    address: EnvoyAddress | None = None
    service: str | None = None
    labels: dict[str, str] | None = None
    principal: str | None = None
    certificate: str | None = None


class EnvoyHttpRequest(Model):
    """An HTTP request."""

    id: str | None = None
    method: str | None = None
    headers: dict[str, str] | None = None
    path: str | None = None
    host: str | None = None
    scheme: str | None = None
    query: str | None = None
    fragment: str | None = None
    size: _Int64 | None = None
    protocol: str | None = None
    body: str | None = None
    raw_body: _Bytes | None = None


class EnvoyRequest(Model):
    """A request, and when it came, in the notation of RFC 3339."""

    time: str | None = None
    http: EnvoyHttpRequest | None = None


class EnvoyMetadata(Model):
    """What filters say."""

    filter_metadata: dict[str, dict[str, Any]] | None = None


class EnvoyTls(Model):
    """The session of a connection."""

    sni: str | None = None


class EnvoyAttributes(Model):
    """What Envoy tells of a request."""

    source: EnvoyPeer | None = None
    destination: EnvoyPeer | None = None
    request: EnvoyRequest | None = None
    context_extensions: dict[str, str] | None = None
    metadata_context: EnvoyMetadata | None = None
    route_metadata_context: EnvoyMetadata | None = None
    tls_session: EnvoyTls | None = None


class EnvoyCheck(Model):
    """The question whether a request is allowed (`CheckRequest`)."""

    attributes: EnvoyAttributes | None = None
