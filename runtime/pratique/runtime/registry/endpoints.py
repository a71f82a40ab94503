"""Where a repository is asked for: mirrors, the origin, and whether plain HTTP may be spoken there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, NamedTuple

from yarl import URL

from pratique.grammar.errors import UsageError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.content import is_host, is_path
from pratique.runtime.registry.names import DOCKER_HUB, DOCKER_HUB_HOST, canonical_host

Scheme = Literal["https", "http"]

_PLACE = re.compile(r"(?P<scheme>https?)://(?P<host>[^/]+)(?:/(?P<path>[^/].*?))?/?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One place that holds a repository.

    Attributes:
        host: network host with optional port.
        path: repository path there.
        schemes: in the order in which they are tried.
        is_mirror: not the registry that the image names.
        may_lead_inside: its redirects and realms may point at inside addresses even if it is outside.
    """

    host: str
    path: str
    schemes: tuple[Scheme, ...]
    is_mirror: bool = False
    may_lead_inside: bool = False

    def url(self, scheme: Scheme, *parts: str, query: str = "") -> URL:
        """Return `scheme://host/v2/path/parts`; the parts are checked names, sent exactly as they are."""
        tail = f"?{query}" if query else ""
        return URL(f"{scheme}://{self.host}/v2/{self.path}/{'/'.join(parts)}{tail}", encoded=True)


@dataclass(frozen=True, slots=True)
class InsecureHosts:
    """Registries that may be spoken to over plain HTTP, if they do not speak TLS.

    Loopback hosts always may, as every client of registries allows. HTTPS is tried first in any case, and a
    bad certificate is never a reason to go on without one.

    Attributes:
        everywhere: the switch was given without hosts.
        hosts: canonical hosts with port, where they have one.
    """

    everywhere: bool = False
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, insecure: bool | Iterable[str]) -> InsecureHosts:
        """Return the value for a switch (True, False) or for a list of hosts.

        Raises:
            UsageError: an entry is not a host.
        """
        if isinstance(insecure, bool):
            return cls(everywhere=insecure)
        hosts = frozenset(insecure)
        for host in hosts:
            if not is_host(host):
                raise UsageError(f"not a registry host: {host[:80]!r}")
        return cls(hosts=frozenset(map(canonical_host, hosts)))

    def schemes(self, host: str) -> tuple[Scheme, ...]:
        """Return the schemes to try at a host, in order."""
        allowed = self.everywhere or canonical_host(host) in self.hosts or _is_loopback(host)
        return ("https", "http") if allowed else ("https",)


class _Place(NamedTuple):
    """Where a mirror is: `path` goes before the rest of the repository's path."""

    scheme: Scheme
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Other places for repositories: the longest prefix of `host/path` wins and is replaced by its place.

    A mirror is asked first. Where it does not have the thing or fails, the origin is asked; content that is
    wrong (`digest-mismatch`, `bad-manifest` …) is an error at once. Digests protect content wherever it comes
    from; a **tag** means what the mirror says it means, so name only mirrors you trust for that.

    Attributes:
        places: (prefix, its place), longest prefix first.
    """

    places: tuple[tuple[str, _Place], ...] = ()

    @classmethod
    def of(cls, table: Iterable[tuple[str, str]]) -> Mirrors:
        """Return the table for pairs of `HOST[/PATH]` and `http(s)://HOST[:PORT][/PATH]`.

        Raises:
            UsageError: a pair does not read so, or a prefix occurs twice.
        """
        places: dict[str, _Place] = {}
        for prefix, place in table:
            host, slash, path = prefix.partition("/")
            key = canonical_host(host) + slash + path.rstrip("/")
            if not is_host(host) or key.rstrip("/") in places:
                raise UsageError(f"mirror {prefix[:80]!r}: not a registry host, or given twice")
            places[key.rstrip("/")] = _place(place, prefix)
        return cls(tuple(sorted(places.items(), key=lambda item: (-len(item[0]), item[0]))))

    def find(self, repository: Repository) -> Endpoint | None:
        """Return the mirror of a repository (as named on the wire), None where it has none."""
        name = f"{canonical_host(repository.registry)}/{repository.path}"
        for prefix, place in self.places:
            if name.startswith(f"{prefix}/"):
                path = f"{place.path}/{name[len(prefix) + 1 :]}".lstrip("/")
                return Endpoint(host=place.host, path=path, schemes=(place.scheme,), is_mirror=True)
        return None


TLS_ONLY = InsecureHosts()
"""No host but loopback ones may be spoken to over plain HTTP."""

NO_MIRRORS = Mirrors()


def endpoints(repository: Repository, mirrors: Mirrors, insecure: InsecureHosts) -> tuple[Endpoint, ...]:
    """Return the places to ask for a repository, in order; the origin is the last.

    Docker Hub is reached at its own host, and a path of one segment is `library/…` there: on the wire only,
    names everywhere else stay as Kyverno writes them.
    """
    registry, path = repository
    host = registry
    if canonical_host(registry) == DOCKER_HUB:
        host = DOCKER_HUB_HOST
        path = path if "/" in path else f"library/{path}"
    origin = Endpoint(
        host=host,
        path=path,
        schemes=insecure.schemes(host),
        may_lead_inside=canonical_host(host) in insecure.hosts,
    )
    mirror = mirrors.find(Repository(registry, path))
    return (mirror, origin) if mirror else (origin,)


def _place(text: str, prefix: str) -> _Place:
    found = _PLACE.fullmatch(text) if len(text) <= 512 else None
    if found is None or not is_host(found["host"]) or not (found["path"] is None or is_path(found["path"])):
        # The text itself may hold a password.
        raise UsageError(f"mirror of {prefix[:80]!r}: its place does not read http(s)://HOST[:PORT][/PATH]")
    scheme: Scheme = "http" if found["scheme"] == "http" else "https"
    return _Place(scheme, found["host"], found["path"] or "")


def _is_loopback(host: str) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
    if name.lower() == "localhost" or name.lower().endswith(".localhost"):
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
