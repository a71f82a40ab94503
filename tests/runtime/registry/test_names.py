"""Spellings of one image's name."""

from __future__ import annotations

import pytest

from pratique.runtime.ports import Repository
from pratique.runtime.registry.names import canonical_host, canonical_name


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
