import pytest

from tests.support_lint import findings, flagged, patterns


def test_within_another() -> None:
    [found] = findings(patterns("ghcr.io/acme/*", "ghcr.io/*"), "PRQ008")
    assert found.problem.message == "`ghcr.io/acme/*` lies within `ghcr.io/*`, which is in the same list"
    assert [label for label, _ in found.problem.related] == ["the other one"]


def test_written_twice() -> None:
    [found] = findings(patterns("ghcr.io/acme/*", "ghcr.io/acme/*"), "PRQ008")
    assert found.problem.message == "`ghcr.io/acme/*` is written twice"
    assert found.location is not None
    assert found.problem.related[0][1].span.start.line == found.location.span.start.line - 1


def test_of_equivalent_patterns_the_first_stays() -> None:
    assert flagged("PRQ008", "ghcr.io/**", "ghcr.io/*", "ghcr.io/*/*") == [
        "`ghcr.io/*` lies within `ghcr.io/**`, which is in the same list",
        "`ghcr.io/*/*` lies within `ghcr.io/**`, which is in the same list",
    ]


def test_within_what_is_the_same_for_references_alone() -> None:
    # Behind `app` there is always something, so `app?*` is no narrower than `app*`.
    assert flagged("PRQ008", "ghcr.io/app:*", "ghcr.io/app@*", "ghcr.io/app?*", "ghcr.io/app*") == [
        "`ghcr.io/app:*` lies within `ghcr.io/app?*`, which is in the same list",
        "`ghcr.io/app@*` lies within `ghcr.io/app?*`, which is in the same list",
        "`ghcr.io/app*` lies within `ghcr.io/app?*`, which is in the same list",
    ]


def test_a_union_is_seen() -> None:
    [message] = flagged("PRQ008", "ghcr.io/*@sha256:*", "ghcr.io/*@sha512:*", "ghcr.io/acme/*@*")
    assert message == (
        "`ghcr.io/acme/*@*` adds nothing: the other patterns of the list cover all of it"
        " (`ghcr.io/*@sha256:*` and `ghcr.io/*@sha512:*`)"
    )


def test_skip_lists_are_looked_at_by_themselves() -> None:
    assert flagged("PRQ008", "ghcr.io/*", skip=("ghcr.io/*",)) == []
    assert len(flagged("PRQ008", "*", skip=("ghcr.io/*", "ghcr.io/acme/*"))) == 1


@pytest.mark.parametrize(
    "include",
    [("ghcr.io/acme/*", "ghcr.io/acme*x"), ("ghcr.io/a:*", "ghcr.io/a@*"), ("registry.k8s.io/", "*"), ("*",)],
)
def test_left_alone(include: tuple[str, ...]) -> None:
    assert flagged("PRQ008", *include) == []
