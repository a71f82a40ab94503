import pytest

from tests.support_lint import findings, flagged, patterns


def test_apart_from_all_images() -> None:
    [found] = findings(patterns("ghcr.io/acme/*", skip=("quay.io/*",)), "PRQ007")
    assert (
        found.problem.message == "`quay.io/*` skips nothing: no image matches both it and `imageReferences`"
    )
    assert [label for label, _ in found.problem.related] == ["these images are verified"]


def test_the_lost_star() -> None:
    [found] = findings(patterns("ghcr.io/acme/*", skip=("ghcr.io/acme/sandbox/",)), "PRQ007")
    assert "can match no image; every image reference" in found.problem.message
    assert found.problem.help == "write `ghcr.io/acme/sandbox/*`"


def test_apart_by_the_form_of_references_alone() -> None:
    assert len(flagged("PRQ007", "ghcr.io/acme/app:*", skip=("*@sha256:*",))) == 1


@pytest.mark.parametrize(
    ("include", "skip"),
    [
        (("ghcr.io/*",), ("ghcr.io/acme/*",)),
        (("ghcr.io/*", "quay.io/*"), ("quay.io/acme/*",)),
        (("registry.k8s.io/",), ("quay.io/*",)),
        (("ghcr.io/*",), ("*/sandbox/*",)),
    ],
)
def test_left_alone(include: tuple[str, ...], skip: tuple[str, ...]) -> None:
    assert flagged("PRQ007", *include, skip=skip) == []
