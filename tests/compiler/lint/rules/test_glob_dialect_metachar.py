import pytest

from pratique.compiler.lint.base import Fix, Severity
from tests.support_lint import findings, flagged, patterns


@pytest.mark.parametrize(
    ("text", "help_text"),
    [
        ("ghcr.io/{a,b}/*", "write `ghcr.io/a/*` and `ghcr.io/b/*`"),
        ("ghcr.io/(a|b)/*", "write `ghcr.io/a/*` and `ghcr.io/b/*`"),
        ("ghcr.io/acme/.*", "write `ghcr.io/acme/*`"),
        (r"^ghcr\\.io/acme/.*$", "write `ghcr.io/acme/*`"),
        ("ghcr.io/acme/app-[0-9]:*", "only `*` and `?` are special; write a pattern for each case"),
        ("ghcr.io/{a,b}{c,d}{e,f}{g,h}/*", "only `*` and `?` are special; write a pattern for each case"),
        ("ghcr.io/acme/[a-z]+", "only `*` and `?` are special; write a pattern for each case"),
        ("!ghcr.io/*", "only `*` and `?` are special; write a pattern for each case"),
    ],
)
def test_dead_by_another_language(text: str, help_text: str) -> None:
    [found] = findings(patterns(text), "PRQ009")
    assert found.severity is Severity.ERROR
    assert found.problem.help == help_text


def test_doubled_stars() -> None:
    [found] = findings(patterns("ghcr.io/acme/**"), "PRQ009")
    assert found.severity is Severity.WARNING
    assert (
        found.problem.message == "`**` in `ghcr.io/acme/**` means no more than `*`, which crosses `/` already"
    )
    assert found.location is not None
    assert found.problem.fix == Fix.of(found.location, '"ghcr.io/acme/*"', safe=True)
    [message] = flagged("PRQ009", "ghcr.io/*/**/x:1")
    assert message.endswith("and here each `*` crosses `/` as well")


@pytest.mark.parametrize(
    "text", ["[::1]:5000/*", "[::1]*", "registry.*", "*.example.com/*", "ghcr.io/acme/*"]
)
def test_left_alone(text: str) -> None:
    assert flagged("PRQ009", text) == []
