"""Repositories of policies: which are read, and what is said of the others."""

import pytest

from pratique.runtime.ports import Repository
from pratique.runtime.repository_names import RepositoryNameError, parse_repository

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
