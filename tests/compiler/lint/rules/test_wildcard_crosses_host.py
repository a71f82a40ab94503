import pytest

from pratique.compiler.lint.base import Severity
from tests.support_lint import findings, flagged, patterns


@pytest.mark.parametrize(
    ("text", "witness"),
    [
        ("*.example.com/*", "attacker.example/app.example.com/app:1.4.2"),
        ("*.example.com/acme/*:v1*", "attacker.example/app.example.com/acme/app:v1"),
        ("*example.com/*", "attacker.example/example.com/app:1.4.2"),
    ],
)
def test_flagged(text: str, witness: str) -> None:
    [found] = findings(patterns(text), "PRQ004")
    assert [example.text for example in found.problem.examples] == [witness]
    assert found.severity is Severity.WARNING


def test_in_a_skip_list_it_is_a_way_around() -> None:
    [found] = findings(patterns("*", skip=("*.trusted.example.com/*",)), "PRQ004")
    assert found.severity is Severity.ERROR
    assert found.problem.message.endswith("such images are skipped, unverified")


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "*/nginx:*",
        "*nginx/*",
        "ghcr.io/*",
        "registry*.example.com",
        "*.example.com",
        "*/a.b/c:*",
        "ghcr.io/*.x/*",
    ],
)
def test_left_alone(text: str) -> None:
    assert flagged("PRQ004", text) == []


def test_a_prefix_does_not_keep_the_wildcard_in_its_place() -> None:
    [found] = findings(patterns("eu.reg*.example.com/*"), "PRQ004")
    [example] = found.problem.examples
    host = example.text.partition("/")[0]
    assert host.startswith("eu.reg")
    assert not host.endswith(".example.com")
