from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.inventory import Cover, Coverage, Inventory, Use
from pratique.compiler.selection import Target
from tests.support_lint import patterns, policy_text
from tests.support_policies import cluster_policy, read
from tests.support_sigstore import key, lowered, written

APP, OTHER, REDIS = "ghcr.io/acme/app:1", "ghcr.io/other/app:1", "docker.io/redis:7"


def pod(namespace: str = "default", kind: str = "Pod", **more: Any) -> Target:
    group, version = ("apps", "v1") if kind == "Deployment" else ("", "v1")
    return Target(group=group, version=version, kind=kind, namespace=namespace, name="web", **more)


def coverage(text: str, *uses: Use | str) -> Coverage:
    listed = tuple(use if isinstance(use, Use) else Use(image=use) for use in uses)
    return Coverage(read(text).policies, Inventory(name="images.txt", uses=listed))


def covers(text: str, *uses: Use | str) -> dict[str, Cover]:
    return {each.image: each.cover for each in coverage(text, *uses).standings}


SKIPPING = policy_text(patterns("ghcr.io/*", skip=("ghcr.io/other/*",)))


def test_what_becomes_of_images() -> None:
    assert covers(SKIPPING, APP, OTHER, REDIS) == {
        APP: Cover.ENFORCED,
        OTHER: Cover.SKIPPED,
        REDIS: Cover.UNMATCHED,
    }
    audit = cluster_policy({"imageReferences": ["ghcr.io/*"], "mutateDigest": False})
    assert covers(audit, APP) == {APP: Cover.REPORTED}


def enforcing(**resources: Any) -> str:
    rule = {"match": {"any": [{"resources": {"kinds": ["Pod"], **resources}}]}}
    spec = {"validationFailureAction": "Enforce"}
    return cluster_policy({"imageReferences": ["ghcr.io/*"]}, rule=rule, spec=spec)


def test_the_worst_use_counts_and_gaps_say_where() -> None:
    text = enforcing(namespaces=["shop-*"])
    uses = [Use(image=APP, target=pod(name)) for name in ("shop-a", "tools", "shop-b")]
    found = coverage(text, *uses, Use(image=OTHER, target=pod("shop-a")))
    [gap] = found.gaps
    assert (gap.image, gap.cover, gap.uses) == (APP, Cover.UNMATCHED, (uses[1],))
    assert found.inventory.images == (APP, OTHER)


def test_without_a_resource_the_patterns_alone_count() -> None:
    assert covers(enforcing(namespaces=["shop-*"]), APP) == {APP: Cover.ENFORCED}


def test_generated_rules_cover_controllers() -> None:
    assert covers(SKIPPING, Use(image=APP, target=pod(kind="Deployment"))) == {APP: Cover.ENFORCED}
    [entry] = coverage(SKIPPING, Use(image=APP, target=pod(kind="Deployment")), APP, OTHER).entries
    assert entry.images == 1


@pytest.mark.parametrize(
    ("labels", "cover"),
    [({"team": "a"}, Cover.ENFORCED), ({}, Cover.UNMATCHED), (None, Cover.ENFORCED)],
)
def test_what_cannot_be_told_counts_for_the_policies(labels: dict[str, str] | None, cover: Cover) -> None:
    text = enforcing(namespaceSelector={"matchLabels": {"team": "a"}})
    assert covers(text, Use(image=APP, target=pod(namespace_labels=labels))) == {APP: cover}


def test_actions_of_namespaces() -> None:
    overrides = [{"action": "Audit", "namespaces": ["test"]}]
    spec = {"validationFailureAction": "Enforce", "validationFailureActionOverrides": overrides}
    text = cluster_policy({"imageReferences": ["ghcr.io/*"], "mutateDigest": False}, spec=spec)
    for namespace, cover in (("test", Cover.REPORTED), ("prod", Cover.ENFORCED)):
        assert covers(text, Use(image=APP, target=pod(namespace))) == {APP: cover}
    assert covers(text, APP) == {APP: Cover.ENFORCED}


def test_patterns_count_images_once() -> None:
    uses = [Use(image=APP, count=3), Use(image=APP, target=pod()), Use(image=OTHER), Use(image=REDIS)]
    counts = coverage(SKIPPING, *uses).patterns
    assert [(each.pattern.text, each.is_skip, each.images) for each in counts] == [
        ("ghcr.io/*", False, 2),
        ("ghcr.io/other/*", True, 1),
    ]


def test_no_images_and_no_policies() -> None:
    assert coverage(SKIPPING).gaps == ()
    assert [each.images for each in coverage(SKIPPING).entries] == [0]
    nothing = Coverage(read("").policies, Inventory(name="i", uses=(Use(image=APP),)))
    assert [each.cover for each in nothing.gaps] == [Cover.UNMATCHED]


def test_images_that_a_policy_of_sigstore_waves_through_are_not_verified() -> None:
    uses = tuple(Use(image=f"{name}.io/app:v1") for name in ("a", "b"))
    texts = (
        written("{static: {action: pass}}", images=["a.io/**"]),
        written(key(), images=["b.io/**"], name="q"),
    )
    covered = Coverage(lowered(*texts).policies, Inventory(name="images", uses=uses))
    assert [gap.image for gap in covered.gaps] == ["a.io/app:v1"]
