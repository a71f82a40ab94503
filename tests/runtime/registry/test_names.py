"""Spellings of one image's name."""

from __future__ import annotations

import pytest

from pratique.runtime.ports import Repository
from pratique.runtime.registry.names import (
    RepositoryNameError,
    canonical_host,
    canonical_name,
    parse_repository,
)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("reg.example/team/app:v1", "reg.example/team/app:v1"),
        ("REG.example/app:V1", "reg.example/app:V1"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("localhost/app", "localhost/app:latest"),
        ("docker.io/library/nginx:1", "docker.io/nginx:1"),
        ("index.docker.io/nginx:1", "docker.io/nginx:1"),
        ("nginx:1", "docker.io/nginx:1"),
        ("nginx", "docker.io/nginx:latest"),
        ("team/app:1", "docker.io/team/app:1"),
        ("library/team/app:1", "docker.io/library/team/app:1"),
        ("reg.example/library/app:1", "reg.example/library/app:1"),
    ],
)
def test_canonical_name(name: str, canonical: str) -> None:
    assert canonical_name(name) == canonical


def test_repository_and_text_agree() -> None:
    assert canonical_name(Repository("docker.io", "nginx"), "1") == canonical_name(
        "docker.io/library/nginx:1"
    )
    assert canonical_name(Repository("Reg.example:5000", "a/b"), "v") == canonical_name(
        "reg.example:5000/a/b:v"
    )


def test_docker_hub_has_one_name() -> None:
    assert {canonical_host(h) for h in ("docker.io", "index.docker.io", "registry-1.docker.io")} == {
        "docker.io"
    }
    assert canonical_host("docker.io.evil.test") == "docker.io.evil.test"


CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-./"


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("reg.example/sigs/store", ("reg.example", "sigs/store")),
        ("localhost/ab", ("localhost", "ab")),
        ("127.0.0.1:5000/ab", ("127.0.0.1:5000", "ab")),
        ("acme/sigs", ("docker.io", "acme/sigs")),
    ],
)
def test_repositories(text: str, repository: tuple[str, str]) -> None:
    assert parse_repository(text) == Repository(*repository)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a repository name must be specified"),
        ("x", "repository must be between 2 and 255 characters in length: x"),
        ("reg.example/a", "repository must be between 2 and 255 characters in length: a"),
        ("UPPER CASE", f"repository can only contain the characters `{CHARACTERS}`: UPPER CASE"),
        ("reg.example/sigs:v1", f"repository can only contain the characters `{CHARACTERS}`: sigs:v1"),
        ("a b.example/sigs", "registries must be valid RFC 3986 URI authorities: a b.example"),
        (
            "user:pw@reg.example/sigs",
            "registries must be valid RFC 3986 URI authorities: user:pw@reg.example",
        ),
    ],
)
def test_what_is_no_repository_is_said_as_kyverno_says_it(text: str, message: str) -> None:
    with pytest.raises(RepositoryNameError) as caught:
        parse_repository(text)
    assert str(caught.value) == message
