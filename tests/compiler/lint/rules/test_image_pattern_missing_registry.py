import pytest

from pratique.compiler.lint.base import Basis, Severity
from tests.support_lint import findings, flagged, patterns


@pytest.mark.parametrize(
    ("text", "written", "seen", "help_text"),
    [
        (
            "nginx*",
            "nginx:1.25.3",
            "docker.io/nginx:1.25.3",
            "write `docker.io/nginx:*` and `docker.io/nginx@*`",
        ),
        ("nginx:*", "nginx:1.25.3", "docker.io/nginx:1.25.3", "write `docker.io/nginx:*`"),
        ("nginx", "nginx", "docker.io/nginx:latest", "write `docker.io/nginx:*` and `docker.io/nginx@*`"),
        ("acme/*", "acme/app:1.4.2", "docker.io/acme/app:1.4.2", "write `docker.io/acme/*`"),
        (
            "library/nginx:1",
            "library/nginx:1",
            "docker.io/library/nginx:1",
            "write `docker.io/library/nginx:1`",
        ),
    ],
)
def test_short_names(text: str, written: str, seen: str, help_text: str) -> None:
    [found] = findings(patterns(text), "PRQ002")
    assert f"names `{written}` is compared as `{seen}`, which it does not match" in found.problem.message
    assert [example.text for example in found.problem.examples] == [seen]
    assert found.problem.help == help_text


def test_a_pattern_that_matches_nothing_else_is_an_error() -> None:
    [dead] = findings(patterns("nginx:1.25"), "PRQ002")
    assert (dead.severity, dead.basis) == (Severity.ERROR, Basis.PROVED)
    [alive] = findings(patterns("nginx*"), "PRQ002")  # a registry may be called nginx.example.com
    assert (alive.severity, alive.basis) == (Severity.WARNING, Basis.WITNESS)


def test_skip_lists_are_looked_at() -> None:
    assert len(flagged("PRQ002", "docker.io/*", skip=("nginx:*",))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "*nginx*",
        "*/nginx:*",
        "docker.io/nginx*",
        "ghcr.io*",
        "localhost*",
        "localhost/*",
        "myhost:5000/*",
        "myhost:5000*",
        "my*/app:*",
        "?egistry/x",
        "registry.k8s.io/",
        "/x*",
        "",
        "Nginx*",
    ],
)
def test_left_alone(text: str) -> None:
    assert flagged("PRQ002", text) == []
