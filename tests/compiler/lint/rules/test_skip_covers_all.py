import pytest

from tests.support_lint import findings, flagged, patterns


def test_one_pattern_covers_all() -> None:
    [found] = findings(patterns("ghcr.io/acme/*", skip=("quay.io/*", "ghcr.io/*")), "PRQ006")
    assert found.problem.message == (
        "rule `verify` verifies no image:"
        " `skipImageReferences` `ghcr.io/*` covers all of its `imageReferences`"
    )
    assert [example.text for example in found.problem.examples] == ["ghcr.io/acme/app:1.4.2"]
    assert found.location is not None
    assert "ghcr.io/*" in found.location.source.line(found.location.span.start.line)


def test_several_cover_all_together() -> None:
    [message] = flagged("PRQ006", "ghcr.io/acme/*", skip=("*/*:*", "*@*"))
    assert "`*/*:*` covers all" in message  # digests hold a colon too
    [message] = flagged(
        "PRQ006", "ghcr.io/acme/app*", skip=("ghcr.io/acme/app?*:*", "ghcr.io/acme/app:*", "*app@*")
    )
    assert "together cover" in message


@pytest.mark.parametrize(
    ("include", "skip"),
    [
        ("ghcr.io/*", ("ghcr.io/acme/*",)),
        ("ghcr.io/acme/*", ("ghcr.io/acme/*@*",)),
        ("ghcr.io/*", ()),
        ("registry.k8s.io/", ("*",)),
    ],
)
def test_left_alone(include: str, skip: tuple[str, ...]) -> None:
    assert flagged("PRQ006", include, skip=skip) == []
