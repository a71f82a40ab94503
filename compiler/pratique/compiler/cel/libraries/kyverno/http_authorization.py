"""What policies over HTTP requests are told and answer: `http.Allowed()`, `http.Denied("why").Response()`.

References: github.com/kyverno/kyverno-authz `pkg/cel/libs/authz/http`, `pkg/cel/libs/json`; Go 1.26
`net/textproto` (`CanonicalMIMEHeaderKey`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.libraries.kyverno.contexts import Context
from pratique.compiler.cel.libraries.kyverno.helpers import unmarshal
from pratique.compiler.cel.types import BYTES, INT, STRING, list_of, map_of, opaque
from pratique.compiler.cel.values.native import Native

REQUEST: Final = opaque("http.CheckRequest")
"""Type of the variable `object`."""
RESPONSE: Final = opaque("http.CheckResponse")
"""Type of what a validation answers."""
_ATTRIBUTES: Final = opaque("http.CheckRequestAttributes")
_OK: Final = opaque("http.CheckResponseOk")
_DENIED: Final = opaque("http.CheckResponseDenied")
_TEXTS: Final = map_of(STRING, list_of(STRING))
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")


def request_of(attributes: Mapping[str, Any]) -> Native:
    """Return the value of `object` for a request.

    Args:
        attributes: fields of `http.CheckRequestAttributes` that have a value; the rest is zero.
    """
    zeros: dict[str, Any] = {
        "method": "",
        "header": {},
        "host": "",
        "protocol": "",
        "contentLength": 0,
        "body": b"",
        "scheme": "",
        "path": "",
        "query": {},
        "fragment": "",
    }
    # Maps and bytes that were given are no zero of Go, even where they are empty.
    present = {name for name, value in attributes.items() if isinstance(value, dict | bytes) or value}
    native = Native(_ATTRIBUTES, {**zeros, **attributes}, present)
    return Native(REQUEST, {"attributes": native}, {"attributes"} if present else ())


def reason_of(response: Native) -> str | None:
    """Return why a response denies the request; None where it allows it."""
    return str(response.fields["denied"].fields["reason"]) if response.is_set("denied") else None


def canonical(name: str) -> str:
    """Return the canonical form of the name of a header; what cannot be one stays as it is."""
    if not _TOKEN.fullmatch(name):
        return name
    return "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))


def _denied(reason: str) -> Native:
    return Native(_DENIED, {"reason": reason}, {"reason"} if reason else ())


def _response(answer: Native) -> Native:
    name = "ok" if answer.cel_type == _OK else "denied"
    return Native(RESPONSE, {"ok": Native(_OK, {}), "denied": _denied(""), name: answer}, {name})


def _header(attributes: Native, name: str) -> Sequence[str]:
    found: Sequence[str] = attributes.fields["header"].get(canonical(name), ())
    return found


def _parameter(attributes: Native, name: str) -> Sequence[str]:
    found: Sequence[str] = attributes.fields["query"].get(name, ())
    return found


LIBRARY: Final = Library(
    overloads=(
        overload(f"http.Allowed() -> {_OK}", lambda: Native(_OK, {})),
        overload(f"http.Denied(string) -> {_DENIED}", _denied),
        overload(f".Response({_OK}) -> {RESPONSE}", _response),
        overload(f".Response({_DENIED}) -> {RESPONSE}", _response),
        overload(f".Header({_ATTRIBUTES}, string) -> list(string)", _header),
        overload(f".QueryParam({_ATTRIBUTES}, string) -> list(string)", _parameter),
    ),
    structs={
        REQUEST.name: {"attributes": _ATTRIBUTES},
        _ATTRIBUTES.name: {
            "method": STRING,
            "header": _TEXTS,
            "host": STRING,
            "protocol": STRING,
            "contentLength": INT,
            "body": BYTES,
            "scheme": STRING,
            "path": STRING,
            "query": _TEXTS,
            "fragment": STRING,
        },
        RESPONSE.name: {"ok": _OK, "denied": _DENIED},
        _OK.name: {},
        _DENIED.name: {"reason": STRING},
    },
)

JSON: Final = Library(
    overloads=(overload(".Unmarshal(json.Json, dyn) -> dyn", unmarshal, takes_run=True),),
    constants={"json": (opaque("json.Json"), Context("json.Json"))},
)
"""`json.Unmarshal(text)`, which policies over requests have instead of Kyverno's other functions on data."""
