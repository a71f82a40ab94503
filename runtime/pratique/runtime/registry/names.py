"""Names of repositories as registries and layouts write them, and where Docker Hub differs from its name."""

from __future__ import annotations

from pratique.runtime.ports import Repository

DOCKER_HUB = "docker.io"
DOCKER_HUB_HOST = "registry-1.docker.io"
DOCKER_HUB_NAMES = frozenset({DOCKER_HUB, "index.docker.io", DOCKER_HUB_HOST})


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
