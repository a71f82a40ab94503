import pytest

from pratique.compiler.lint.base import Example, Fix
from tests.support_lint import findings, flagged, patterns


def test_the_lost_star() -> None:
    [found] = findings(patterns("registry.k8s.io/"))
    problem = found.problem
    assert problem.message == (
        "`registry.k8s.io/` can match no image (its `*` was lost): every image reference that policies"
        " are matched against ends in `:tag` or `@digest`, and this pattern ends in `/`;"
        " rule `verify` verifies no image through this list"
    )
    assert problem.examples == (Example("would then match", "registry.k8s.io/etcd:3.5.6-0"),)
    assert problem.help == "write `registry.k8s.io/*`"
    assert found.location is not None
    assert problem.fix == Fix.of(found.location, '"registry.k8s.io/*"', safe=True)
    assert found.location.source.line(found.location.span.start.line).strip() == '- "registry.k8s.io/"'


def test_one_dead_pattern_among_others_leaves_the_rule_alive() -> None:
    [message] = flagged("PRQ001", "registry.k8s.io/", "ghcr.io/*")
    assert "verifies no image" not in message


def test_two_patterns_take_the_place_of_one() -> None:
    [found] = findings(patterns("ghcr.io/acme/app"))
    fix = found.problem.fix
    assert fix is not None
    assert [edit.text for edit in fix.edits] == ['"ghcr.io/acme/app:*"', '\n      - "ghcr.io/acme/app@*"']
    assert found.problem.help == "write `ghcr.io/acme/app:*` and `ghcr.io/acme/app@*`"


@pytest.mark.parametrize(
    "alive",
    [
        "*",
        "?*",
        "registry.k8s.io/*",
        "*/nginx:*",
        "localhost/*",
        "ghcr.io/*:*",
        "[::1]:5000/*",
        "*:latest",
        "nginx:*",
    ],
)
def test_patterns_that_match_something_are_left_alone(alive: str) -> None:
    assert flagged("PRQ001", alive) == []


def test_patterns_beyond_the_budget_are_left_alone() -> None:
    assert flagged("PRQ001", "ghcr.io/" + "?" * 256 + ":1") == []
