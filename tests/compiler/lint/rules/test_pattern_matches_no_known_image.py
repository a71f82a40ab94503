from __future__ import annotations

from pratique.compiler.lint.base import Severity
from pratique.compiler.lint.inventory import Inventory, Use
from tests.support_lint import patterns, reported

INVENTORY = Inventory(name="i", uses=(Use(image="ghcr.io/acme/app:1"), Use(image="quay.io/a/b:2")))


def found(part: str, *codes: str) -> list[tuple[str, Severity, str]]:
    listed = reported(part, *(codes or ("PRQ050",)), inventory=INVENTORY)
    return [(each.code, each.severity, each.problem.message) for each in listed]


def test_one_of_several_is_worth_knowing() -> None:
    assert found(patterns("ghcr.io/*", "k8s.gcr.io/*", skip=("ghcr.io/x/*",))) == [
        ("PRQ050", Severity.INFO, "`k8s.gcr.io/*` matches 0 of your 2 images"),
        ("PRQ050", Severity.INFO, "`ghcr.io/x/*` skips 0 of your 2 images"),
    ]


def test_all_of_an_entry_are_a_warning_once() -> None:
    assert found(patterns("k8s.gcr.io/*", "registry.k8s.io/*")) == [
        (
            "PRQ050",
            Severity.WARNING,
            "`k8s.gcr.io/*` matches 0 of your 2 images; rule `verify` verifies none of them through this"
            " list",
        ),
        ("PRQ050", Severity.INFO, "`registry.k8s.io/*` matches 0 of your 2 images"),
    ]


def test_what_can_match_nothing_at_all_is_told_by_others() -> None:
    assert [code for code, _, _ in found(patterns("registry.k8s.io/"), "PRQ001", "PRQ050")] == ["PRQ001"]


def test_silence_without_an_inventory() -> None:
    assert reported(patterns("k8s.gcr.io/*"), "PRQ050") == []
