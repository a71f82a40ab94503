"""Names of repositories as registries and layouts write them, and where Docker Hub differs from its name."""

from __future__ import annotations

import re
from typing import Final

from pratique.runtime.ports import Repository

DOCKER_HUB = "docker.io"
DOCKER_HUB_HOST = "registry-1.docker.io"
DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", DOCKER_HUB_HOST})

_MIN_PATH: Final = 2
_MAX_PATH: Final = 255
_PATH_ORDER: Final = "abcdefghijklmnopqrstuvwxyz0123456789_-./"
_PATH_CHARACTERS: Final = frozenset(_PATH_ORDER)
_AUTHORITY: Final = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def canonical_host(registry: str) -> str:
    """Return the host in lower case, with every name of Docker Hub as `docker.io`."""
    host = registry.lower()
    return DOCKER_HUB if host in DOCKER_HUB_NAMES else host


def canonical_name(name: str | Repository, tag: str | None = None) -> str:
    """Return one spelling `registry/path:tag` of an image's name, for look-ups in layouts.

    A name without registry is Docker Hub's, a name without tag has the tag `latest`, and `library/` before
    the only other segment of a Docker Hub path is left out, as Kyverno names such images.

    Args:
        name: text, or the repository, for which `tag` is given.
        tag: tag of `name` as a repository.
    """
    if isinstance(name, Repository):
        registry, path = name
    else:
        first, slash, rest = name.partition("/")
        is_host = slash and ("." in first or ":" in first or first == "localhost")
        registry, path = (first, rest) if is_host else (DOCKER_HUB, name)
        if tag is None:
            path, colon, tag = path.partition(":")
            tag = tag if colon else "latest"
    registry = canonical_host(registry)
    if registry == DOCKER_HUB and path.count("/") == 1:
        path = path.removeprefix("library/")
    return f"{registry}/{path}:{tag}"


class RepositoryNameError(ValueError):
    """A text names no repository; the message has the words of the library that Kyverno uses."""


def parse_repository(text: str) -> Repository:
    """Return the repository that `text` names: `host/path`, or a path on Docker Hub; no tag and no digest.

    Raises:
        RepositoryNameError: it names none.

    References: go-containerregistry `pkg/name` (`NewRepository`), whose texts are repeated.
    """
    if not text:
        raise RepositoryNameError("a repository name must be specified")
    first, slash, rest = text.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    registry, path = (first, rest) if is_host else (DOCKER_HUB, text)
    if not _MIN_PATH <= len(path) <= _MAX_PATH:
        length = f"between {_MIN_PATH} and {_MAX_PATH} characters in length"
        raise RepositoryNameError(f"repository must be {length}: {path}")
    if not _PATH_CHARACTERS.issuperset(path):
        raise RepositoryNameError(f"repository can only contain the characters `{_PATH_ORDER}`: {path}")
    if not _AUTHORITY.fullmatch(registry):
        raise RepositoryNameError(f"registries must be valid RFC 3986 URI authorities: {registry}")
    return Repository(registry, path)
