"""What changes of a ClusterImagePolicy change: gaps of its regions and resolved tags are no differences."""

from __future__ import annotations

import pytest

from pratique.compiler.analysis.differences import Comparison, Effect, compare
from tests.support_sigstore import keyless, lowered, written

DEV = keyless("dev@acme.example")


def between(old: list[str], new: list[str]) -> Comparison:
    return compare(*(lowered(written(DEV, images=globs)).policies for globs in (old, new)))


def effects(found: Comparison) -> list[tuple[Effect, str]]:
    return [
        (shift.effect, str(change.regions[0].point.image))
        for change in found.changes
        for shift in change.shifts
        if shift.effect is not Effect.SETTINGS
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["ghcr.io/acme/**"], ["ghcr.io/acme/*", "ghcr.io/acme/*/**"]),
        (["*"], ["index.docker.io/library/*"]),
        (["ghcr.io/acme/app@*"], ["ghcr.io/acme/app@sha256:*"]),
        (["quay.io/*", "ghcr.io/acme/app@*"], ["ghcr.io/acme/app@*", "quay.io/*"]),
    ],
)
def test_what_is_written_otherwise_is_equivalent(old: list[str], new: list[str]) -> None:
    found = between(old, new)
    assert found.is_equivalent, (found.changes, found.undecided)


def test_what_a_run_does_not_cross_is_not_spoken_of() -> None:
    found = between(["ghcr.io/acme/*"], ["ghcr.io/acme/**"])
    assert not found.undecided
    ((effect, image),) = effects(found)
    assert effect is Effect.REFUSES
    assert image.removeprefix("ghcr.io/acme/").count("/") == 1
    (gone,) = between(["ghcr.io/acme/*"], ["quay.io/**"]).changes[:1]
    assert [region.point.image.count("/") for region in gone.regions] == [2]


def test_globs_of_one_repository_are_decided_beside_others() -> None:
    """Digests are written for the first, so that names of the others end in one by then."""
    found = between(["**/x@*", "ghcr.io/*/app@*"], ["**/x@*", "ghcr.io/*/app@*", "gcr.io/*/b@*"])
    assert not found.undecided
    ((effect, image),) = effects(found)
    assert effect is Effect.REFUSES
    assert image.startswith("gcr.io/")
