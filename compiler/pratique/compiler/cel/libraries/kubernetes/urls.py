"""`url("https://example.com:80/path?query=1")`.

References: Kubernetes 1.36 `apiserver/pkg/cel/library/urls.go`.
"""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kubernetes.go_urls import Url, UrlError, parse, parse_request_uri
from pratique.compiler.cel.types import Type, opaque
from pratique.compiler.cel.values.kinds import Opaque

_TYPE: Final = opaque("kubernetes.URL")


class UrlValue(Opaque):
    """A URL; equal if all its parts are."""

    __slots__ = ("url",)

    def __init__(self, url: Url) -> None:
        self.url = url

    @property
    def cel_type(self) -> Type:
        """Return `kubernetes.URL`."""
        return _TYPE

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UrlValue) and self.url == other.url

    def __hash__(self) -> int:
        return hash(self.url)


def _url(text: str) -> UrlValue:
    try:
        parse_request_uri(text)
        return UrlValue(parse(text))
    except UrlError as error:
        raise CelError(f"URL parse error during conversion from string: {error}") from error


def _is_url(text: str) -> bool:
    try:
        parse_request_uri(text)
    except UrlError:
        return False
    return True


def _by_length(text: Any) -> int:
    return len(text) // 10


LIBRARY: Final = Library(
    overloads=(
        overload("url(string) -> kubernetes.URL", _url, cost=_by_length),
        overload("isURL(string) -> bool", _is_url, cost=_by_length),
        overload(".getScheme(kubernetes.URL) -> string", lambda value: value.url.scheme),
        overload(".getHost(kubernetes.URL) -> string", lambda value: value.url.host),
        overload(".getHostname(kubernetes.URL) -> string", lambda value: value.url.hostname),
        overload(".getPort(kubernetes.URL) -> string", lambda value: value.url.port),
        overload(".getEscapedPath(kubernetes.URL) -> string", lambda value: value.url.escaped_path),
        overload(
            ".getQuery(kubernetes.URL) -> map(string, list(string))",
            lambda value: value.url.query(),
            cost=lambda value: len(value.url.raw_query) // 10,
        ),
    ),
    types={"kubernetes.URL": _TYPE},
)
