"""HTTP proxies from the environment: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, read as Go programs do.

References: Go `golang.org/x/net/http/httpproxy`, which Kyverno and cosign use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from yarl import URL

from pratique.grammar.errors import UsageError


@dataclass(frozen=True, slots=True)
class _Exception:
    """One entry of NO_PROXY: a host with what lies under it, or a range of addresses; no port means any."""

    host: str = ""
    only_below: bool = False
    network: IPv4Network | IPv6Network | None = None
    port: str = ""

    def covers(self, host: str, port: str) -> bool:
        if self.port and self.port != port:
            return False
        if self.network is not None:
            try:
                return ip_address(host) in self.network
            except ValueError:
                return False
        return host.endswith(f".{self.host}") or (not self.only_below and host == self.host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """Which proxy to use for a URL.

    Attributes:
        http: for `http` URLs; None for none. May hold user name and password, so it is never shown.
        https: for `https` URLs.
        exceptions: hosts that are asked directly.
        none_at_all: NO_PROXY is `*`.
    """

    http: URL | None = None
    https: URL | None = None
    exceptions: tuple[_Exception, ...] = ()
    none_at_all: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Proxies:
        """Return the proxies that an environment names; each variable in upper case, else in lower case.

        Raises:
            UsageError: a proxy is no HTTP proxy's address. The message does not show it.
        """

        def variable(name: str) -> str:
            return (environment.get(name) or environment.get(name.lower()) or "").strip()

        entries = [entry.strip().lower() for entry in variable("NO_PROXY").split(",")]
        return cls(
            http=_proxy("HTTP_PROXY", variable("HTTP_PROXY")),
            https=_proxy("HTTPS_PROXY", variable("HTTPS_PROXY")),
            exceptions=tuple(_exceptions(entries)),
            none_at_all="*" in entries,
        )

    def find(self, url: URL) -> URL | None:
        """Return the proxy for a URL; None where it is asked directly, as loopback hosts always are."""
        proxy = self.https if url.scheme == "https" else self.http
        host = (url.host or "").lower().rstrip(".")
        if proxy is None or self.none_at_all or _is_loopback(host):
            return None
        port = str(url.port or "")
        return None if any(entry.covers(host, port) for entry in self.exceptions) else proxy


DIRECT = Proxies()
"""No proxy at all."""


def _proxy(name: str, text: str) -> URL | None:
    if not text:
        return None
    try:
        url = URL(text if "://" in text else f"http://{text}")
        good = url.scheme in ("http", "https") and bool(url.host)
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"{name} is not the URL of an HTTP proxy (http://HOST:PORT)")
    return url.origin().with_user(url.user).with_password(url.password)


def _exceptions(entries: Iterable[str]) -> Iterable[_Exception]:
    for entry in entries:
        if not entry or entry == "*":
            continue
        try:
            yield _Exception(network=ip_network(entry.strip("[]"), strict=False))
            continue
        except ValueError:
            host, port = entry, ""
        before, colon, after = entry.rpartition(":")
        if colon and after.isdigit():
            host, port = before, after
        try:
            yield _Exception(network=ip_network(host.strip("[]"), strict=False), port=port)
        except ValueError:
            name = host.removeprefix("*").rstrip(".")
            yield _Exception(host=name.removeprefix("."), only_below=name.startswith("."), port=port)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
