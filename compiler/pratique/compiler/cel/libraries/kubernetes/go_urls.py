"""URLs as Go's `net/url` reads them.

References: Go 1.26 `net/url` (`Parse`, `ParseRequestURI`, `ParseQuery`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PORT: Final = re.compile(r":[0-9]*")
_USER: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_HOST: Final = re.compile(r"[A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>\"%\u0080-\U0010ffff]*")
_PATH_SAFE: Final = frozenset("$&+,/:;=@-_.~!'()*")
"""Characters that stand in a path as they are, besides letters and digits."""
_MAX_PAIRS: Final = 10_000


class UrlError(ValueError):
    """A text is no URL; the message is Go's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """The parts of a URL.

    Attributes:
        host: with its port, as it is written.
        path: unescaped.
        raw_path: as it was written.
        raw_query: without the question mark.
        fragment: unescaped.
    """

    scheme: str = ""
    opaque: str = ""
    user: str | None = None
    host: str = ""
    path: str = ""
    raw_path: str = ""
    raw_query: str = ""
    fragment: str = ""

    @property
    def hostname(self) -> str:
        """Return the host without port and brackets."""
        name = self._without_port
        return name[1:-1] if name.startswith("[") and name.endswith("]") else name

    @property
    def port(self) -> str:
        """Return the port; empty where there is none."""
        return self.host[len(self._without_port) + 1 :]

    @property
    def _without_port(self) -> str:
        colon = self.host.rfind(":")
        if colon < 0 or not _PORT.fullmatch(self.host[colon:]) or "]" in self.host[colon:]:
            return self.host
        return self.host[:colon]

    @property
    def escaped_path(self) -> str:
        """Return the path as it was written where that is an encoding of it."""
        if self.raw_path and _is_encoded(self.raw_path):
            return self.raw_path
        return "*" if self.path == "*" else escape_path(self.path)

    def query(self) -> dict[str, list[str]]:
        """Return the values of the query by key; pairs that are wrongly escaped are left out."""
        values: dict[str, list[str]] = {}
        for pair in self.raw_query.split("&")[:_MAX_PAIRS]:
            if not pair or ";" in pair:
                continue
            key, _, value = pair.partition("=")
            try:
                values.setdefault(_unescape(key, plus=True), []).append(_unescape(value, plus=True))
            except UrlError:
                continue
        return {key: found for key, found in values.items() if found}


def _is_encoded(path: str) -> bool:
    return all(
        character.isascii() and (character.isalnum() or character in _PATH_SAFE or character in "[]%")
        for character in path
    )


def escape_path(path: str) -> str:
    """Return a path with everything escaped that needs to be."""
    return "".join(
        chr(byte) if (chr(byte).isalnum() and byte < 0x80) or chr(byte) in "$&+,/:;=@-_.~" else f"%{byte:02X}"
        for byte in path.encode(errors="surrogatepass")
    )


def _unescape(text: str, *, plus: bool = False) -> str:
    bad = _BAD_ESCAPE.search(text)
    if bad is not None:
        raise UrlError(f'invalid URL escape "{text[bad.start() : bad.start() + 3]}"')
    return unquote_to_bytes(text.replace("+", " ") if plus else text).decode(errors="replace")


def parse_request_uri(text: str) -> Url:
    """Return an absolute URI or an absolute path; there is no fragment.

    Raises:
        UrlError: it is neither.
    """
    return _parsed(text, text, via_request=True)


def parse(text: str) -> Url:
    """Return a URL, which may be relative and may have a fragment.

    Raises:
        UrlError: it is none.
    """
    body, hash_, fragment = text.partition("#")
    url = _parsed(body, text, via_request=False)
    if not hash_:
        return url
    try:
        shown = _unescape(fragment)
    except UrlError as error:
        raise _failed(text, str(error)) from error
    return Url(
        scheme=url.scheme,
        opaque=url.opaque,
        user=url.user,
        host=url.host,
        path=url.path,
        raw_path=url.raw_path,
        raw_query=url.raw_query,
        fragment=shown,
    )


def _failed(text: str, problem: str) -> UrlError:
    shown = text.replace("\\", "\\\\").replace('"', '\\"')
    return UrlError(f'parse "{shown}": {problem}')


def _parsed(text: str, whole: str, *, via_request: bool) -> Url:
    try:
        return _parse(text, via_request=via_request)
    except UrlError as error:
        raise _failed(whole, str(error)) from error


def _parse(text: str, *, via_request: bool) -> Url:
    if _CONTROL.search(text):
        raise UrlError("net/url: invalid control character in URL")
    if not text and via_request:
        raise UrlError("empty url")
    if text == "*":
        return Url(path="*", raw_path="*")
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    rest = text[match.end() :] if match else text
    if match is None and text.startswith(":"):
        raise UrlError("missing protocol scheme")
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return Url(scheme=scheme, opaque=rest, raw_query=query)
        if via_request:
            raise UrlError("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise UrlError("first path segment in URL cannot contain colon")
    user, host = None, ""
    if (scheme or (not via_request and not rest.startswith("///"))) and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        user, host = _authority(authority)
        rest = slash + path
    return Url(scheme=scheme, user=user, host=host, path=_unescape(rest), raw_path=rest, raw_query=query)


def _authority(authority: str) -> tuple[str | None, str]:
    user, at, host = authority.rpartition("@")
    if at:
        if not _USER.fullmatch(user):
            raise UrlError("net/url: invalid userinfo")
        _unescape(user)
    return (user if at else None), _checked_host(host)


def _checked_host(host: str) -> str:
    if not _HOST.fullmatch(host):
        bad = next(c for c in host if not _HOST.fullmatch(c))
        raise UrlError(f'invalid character "{bad}" in host name')
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            raise UrlError("missing ']' in host")
        port = host[end + 1 :]
    else:
        colon = host.rfind(":")
        port = host[colon:] if colon >= 0 else ""
        if colon >= 0 and ":" in host[:colon]:
            port = host[host.find(":") :]
    if port and not _PORT.fullmatch(port):
        raise UrlError(f'invalid port "{port}" after host')
    for escape in re.findall(r"%..?", host):
        if not host.startswith("[") and not (len(escape) == 3 and int(escape[1:], 16) >= 0x80):
            raise UrlError(f'invalid URL escape "{escape}"')
    return _unescape(host)
