"""What policies over requests of Envoy answer: `envoy.Allowed()`, `envoy.Denied(403).Response()`.

What answers say besides the verdict (headers, bodies, metadata) is for Envoy, and not kept.

References: github.com/kyverno/kyverno-authz `pkg/cel/libs/authz/envoy`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pratique.compiler.cel.declarations import Overload, overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno.envoy_messages import MESSAGES
from pratique.compiler.cel.types import opaque
from pratique.compiler.cel.values.native import Native

RESPONSE: Final = opaque("envoy.service.auth.v3.CheckResponse")
"""Type of what a validation answers."""
_OK: Final = opaque("envoy.service.auth.v3.OkHttpResponse")
_DENIED: Final = opaque("envoy.service.auth.v3.DeniedHttpResponse")
_HEADER: Final = opaque("envoy.config.core.v3.HeaderValueOption")
_PARAMETER: Final = opaque("envoy.config.core.v3.QueryParameter")
_INT32: Final = range(-(1 << 31), 1 << 31)


class _Answer(Native):
    """What a policy says to Envoy, or a part of it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        # Half of what makes two of them equal is not kept.
        raise CelError("answers to Envoy cannot be compared by this version")

    __hash__ = None


def code_of(response: Native) -> int | None:
    """Return the status code with which a response denies the request; None where it allows it."""
    code: int | None = response.fields.get("code")
    return code


def _denied(code: int) -> Native:
    if code not in _INT32:
        raise CelError("integer overflow")
    return _Answer(_DENIED, {"code": code})


def _response(answer: Native) -> Native:
    return _Answer(RESPONSE, answer.fields)


def _same(answer: Native, *_: Any) -> Native:
    return answer


def _overloads() -> Iterator[Overload]:
    yield overload(f"envoy.Allowed() -> {_OK}", lambda: _Answer(_OK, {}))
    yield overload(f"envoy.Denied(int) -> {_DENIED}", _denied)
    yield overload(f"envoy.Header(string, string) -> {_HEADER}", lambda *_: _Answer(_HEADER, {}))
    yield overload(f"envoy.QueryParam(string, string) -> {_PARAMETER}", lambda *_: _Answer(_PARAMETER, {}))
    yield overload(f".KeepEmptyValue({_HEADER}) -> {_HEADER}", _same)
    yield overload(f".KeepEmptyValue({_HEADER}, bool) -> {_HEADER}", _same)
    yield overload(f".WithBody({_DENIED}, string) -> {_DENIED}", _same)
    for answer in (_OK, _DENIED):
        yield overload(f".WithHeader({answer}, {_HEADER}) -> {answer}", _same)
        yield overload(f".WithHeader({answer}, string, string) -> {answer}", _same)
        yield overload(f".Response({answer}) -> {RESPONSE}", _response)
    for name, object_ in (("WithResponseHeader", _HEADER), ("WithQueryParam", _PARAMETER)):
        yield overload(f".{name}({_OK}, {object_}) -> {_OK}", _same)
        yield overload(f".{name}({_OK}, string, string) -> {_OK}", _same)
    for name in ("WithoutHeader", "WithoutQueryParam"):
        yield overload(f".{name}({_OK}, string) -> {_OK}", _same)
    yield overload(f".WithMessage({RESPONSE}, string) -> {RESPONSE}", _same)
    yield overload(f".WithMetadata({RESPONSE}, map(string, dyn)) -> {RESPONSE}", _same)


LIBRARY: Final = Library(overloads=tuple(_overloads()), structs=MESSAGES)
