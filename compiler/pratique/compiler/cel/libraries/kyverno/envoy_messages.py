"""Messages of Envoy that policies over its requests see; a field that is not set has its zero value.

References: Envoy `envoy/service/auth/v3/attribute_context.proto`, `envoy/config/core/v3/address.proto`,
`base.proto`; cel-go 0.30 `common/types/object.go`, `common/types/pb`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pratique.compiler.cel.declarations import Fields
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno.helpers import with_doubles
from pratique.compiler.cel.types import (
    BOOL,
    BYTES,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Kind,
    Type,
    map_of,
    opaque,
)
from pratique.compiler.cel.values.native import Native
from pratique.compiler.cel.values.numbers import Uint
from pratique.compiler.cel.values.times import read_timestamp

_CONTEXT: Final = "envoy.service.auth.v3.AttributeContext"
_CORE: Final = "envoy.config.core.v3"
REQUEST: Final = opaque("envoy.service.auth.v3.CheckRequest")
"""Type of the variable `object`."""
_TEXTS: Final = map_of(STRING, STRING)
_STRUCT: Final = map_of(STRING, DYN)

MESSAGES: Final[dict[str, Fields]] = {
    REQUEST.name: {"attributes": opaque(_CONTEXT)},
    _CONTEXT: {
        "source": opaque(f"{_CONTEXT}.Peer"),
        "destination": opaque(f"{_CONTEXT}.Peer"),
        "request": opaque(f"{_CONTEXT}.Request"),
        "context_extensions": _TEXTS,
        "metadata_context": opaque(f"{_CORE}.Metadata"),
        "route_metadata_context": opaque(f"{_CORE}.Metadata"),
        "tls_session": opaque(f"{_CONTEXT}.TLSSession"),
    },
    f"{_CONTEXT}.Peer": {
        "address": opaque(f"{_CORE}.Address"),
        "service": STRING,
        "labels": _TEXTS,
        "principal": STRING,
        "certificate": STRING,
    },
    f"{_CONTEXT}.Request": {"time": TIMESTAMP, "http": opaque(f"{_CONTEXT}.HttpRequest")},
    f"{_CONTEXT}.HttpRequest": {
        "id": STRING,
        "method": STRING,
        "headers": _TEXTS,
        "path": STRING,
        "host": STRING,
        "scheme": STRING,
        "query": STRING,
        "fragment": STRING,
        "size": INT,
        "protocol": STRING,
        "body": STRING,
        "raw_body": BYTES,
    },
    f"{_CONTEXT}.TLSSession": {"sni": STRING},
    f"{_CORE}.Metadata": {"filter_metadata": map_of(STRING, _STRUCT)},
    f"{_CORE}.Address": {
        "socket_address": opaque(f"{_CORE}.SocketAddress"),
        "pipe": opaque(f"{_CORE}.Pipe"),
    },
    f"{_CORE}.SocketAddress": {
        "protocol": INT,
        "address": STRING,
        "port_value": UINT,
        "named_port": STRING,
        "resolver_name": STRING,
        "ipv4_compat": BOOL,
    },
    f"{_CORE}.Pipe": {"path": STRING, "mode": UINT},
}
"""Fields by the name of the message."""

_ZEROS: Final[dict[Type, Any]] = {
    BOOL: False,
    INT: 0,
    UINT: Uint(0),
    STRING: "",
    BYTES: b"",
    TIMESTAMP: read_timestamp("1970-01-01T00:00:00Z"),
}


def request_of(data: Mapping[str, Any]) -> Native:
    """Return the value of `object` for a request.

    Args:
        data: fields that are set, by the names that the messages give them.

    Raises:
        CelError: a timestamp is none.
    """
    return _message(REQUEST, data)


def _message(type_: Type, data: Mapping[str, Any]) -> Native:
    fields: dict[str, Any] = {}
    present = set()
    for name, declared in MESSAGES[type_.name].items():
        given = data.get(name)
        fields[name] = _value(declared, given)
        # Messages and timestamps are present once they are set; scalars, texts and maps unless they are zero.
        is_message = declared.kind is Kind.OPAQUE or declared == TIMESTAMP
        if given is not None and (is_message or given):
            present.add(name)
    return Native(type_, fields, present)


def _value(declared: Type, given: Any) -> Any:
    if declared.kind is Kind.OPAQUE:
        return _message(declared, given or {})
    if declared.kind is Kind.MAP:
        return with_doubles(given or {})
    if given is None:
        return _ZEROS[declared]
    if declared == UINT:
        return Uint(given)
    if declared == TIMESTAMP:
        found = read_timestamp(given)
        if found is None:
            raise CelError(f"{given!a:.60} is not a timestamp in the notation of RFC 3339")
        return found
    return given
