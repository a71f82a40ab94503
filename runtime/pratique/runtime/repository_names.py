"""Names of repositories in policies, read as the library that Kyverno uses reads them."""

from __future__ import annotations

import re
from typing import Final

from pratique.runtime.ports import Repository

_DOCKER_HUB: Final = "docker.io"
_MIN_PATH: Final = 2
_MAX_PATH: Final = 255
_PATH_ORDER: Final = "abcdefghijklmnopqrstuvwxyz0123456789_-./"
_PATH_CHARACTERS: Final = frozenset(_PATH_ORDER)
_AUTHORITY: Final = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


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
    registry, path = (first, rest) if is_host else (_DOCKER_HUB, text)
    if not _MIN_PATH <= len(path) <= _MAX_PATH:
        length = f"between {_MIN_PATH} and {_MAX_PATH} characters in length"
        raise RepositoryNameError(f"repository must be {length}: {path}")
    if not _PATH_CHARACTERS.issuperset(path):
        raise RepositoryNameError(f"repository can only contain the characters `{_PATH_ORDER}`: {path}")
    if not _AUTHORITY.fullmatch(registry):
        raise RepositoryNameError(f"registries must be valid RFC 3986 URI authorities: {registry}")
    return Repository(registry, path)
