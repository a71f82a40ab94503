import pytest

from pratique.compiler.languages.plausible import EXAMPLE_DIGEST
from pratique.compiler.lint.base import Confidence
from tests.support_lint import findings, flagged, patterns


@pytest.mark.parametrize(
    ("text", "witness", "help_text", "confidence"),
    [
        (
            "registry.k8s.io/etcd:*",
            "registry.k8s.io/etcd",
            "add `registry.k8s.io/etcd@*` to the list",
            "high",
        ),
        ("ghcr.io/acme/*:v1*", "ghcr.io/acme/app", "add `ghcr.io/acme/*@*` to the list", "medium"),
        ("*:latest", "registry.example.com/app", "add `*@*` to the list", "medium"),
        (
            "*.example.com/*-dev",
            "registry.example.com/app",
            "add a pattern for digests: `registry/path@*`",
            "medium",
        ),
        ("ghcr.io/acme/app:1.0", "ghcr.io/acme/app", "add `ghcr.io/acme/app@*` to the list", "medium"),
    ],
)
def test_flagged(text: str, witness: str, help_text: str, confidence: str) -> None:
    [found] = findings(patterns(text), "PRQ003")
    assert [example.text for example in found.problem.examples] == [f"{witness}@{EXAMPLE_DIGEST}"]
    assert found.problem.help == help_text
    assert found.problem.confidence == Confidence(confidence)


@pytest.mark.parametrize(
    "include",
    [
        ("ghcr.io/acme/*",),
        ("ghcr.io/acme/*:*",),  # the first run spans `app@sha256`
        ("ghcr.io/acme/app:*", "ghcr.io/acme/app@*"),
        ("ghcr.io/acme/app:*", "ghcr.io/*"),
        ("ghcr.io/acme/app:*", "*@sha256:*"),
        ("ghcr.io/acme/app@sha256:*",),
        ("ghcr.io/acme/*c0de",),  # a digest may end so
        ("registry.k8s.io/",),
        ("*:*",),
    ],
)
def test_left_alone(include: tuple[str, ...]) -> None:
    assert flagged("PRQ003", *include) == []


def test_a_digest_that_another_rule_matches_is_verified() -> None:
    text = patterns("ghcr.io/acme/app:*") + patterns("ghcr.io/acme/*@*").removeprefix("verifyImages:\n")
    assert findings(text, "PRQ003") == []


def test_only_part_of_the_repositories_is_covered() -> None:
    [found] = findings(patterns("ghcr.io/acme/*:v1", "ghcr.io/acme/app@*"), "PRQ003")
    [example] = found.problem.examples
    assert example.text.startswith("ghcr.io/acme/")
    assert not example.text.startswith("ghcr.io/acme/app@")


def test_what_is_skipped_is_meant_to_be() -> None:
    assert flagged("PRQ003", "ghcr.io/acme/app:*", skip=("*@*",)) == []
    assert flagged("PRQ003", "ghcr.io/acme/app:*", skip=("ghcr.io/acme/app:*",)) == []
