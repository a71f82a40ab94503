from __future__ import annotations

import pytest

from pratique.compiler.kyverno.releases import ReleaseRange
from pratique.compiler.lint.base import Finding, Severity
from tests.support_attestors import keyless
from tests.support_lint import patterns, reported


def found(part: str, target: str) -> list[Finding]:
    return reported(part, "PRQ051", releases=ReleaseRange.parse(target))


SKIPPING = patterns("ghcr.io/*", skip=("ghcr.io/other/*",))


@pytest.mark.parametrize(("target", "flagged"), [("1.11", True), ("1.11..1.17", True), ("1.12", False)])
def test_the_oldest_release_decides_about_fields(target: str, flagged: bool) -> None:
    assert bool(found(SKIPPING, target)) is flagged


def test_what_is_said() -> None:
    [finding] = found(SKIPPING, "1.11..1.17")
    assert finding.severity is Severity.ERROR
    assert finding.problem.message == (
        "`skipImageReferences` is new in Kyverno 1.12: 1.11, which the policy is for too, drops it or refuses"
        " the policy"
    )
    assert finding.problem.help == 'do without it, or write `target = "1.12..1.17"`'
    assert finding.location is not None
    span = finding.location.span
    line = finding.location.source.line(span.start.line)
    assert line[span.start.column - 1 : span.end.column - 1] == "skipImageReferences"


def test_a_newer_field_is_told_without_what_is_in_it() -> None:
    part = keyless(subject=None, subjectRegExp="^a$", ctlog={"ignoreSCT": True, "tsaCertChain": "x"})
    names = [finding.problem.message.partition(" ")[0] for finding in found(part, "1.10")]
    assert sorted(names) == ["`ctlog`", "`subjectRegExp`"]
    names = [finding.problem.message.partition(" ")[0] for finding in found(part, "1.12")]
    assert sorted(names) == ["`subjectRegExp`", "`tsaCertChain`"]
    assert found(part, "1.13") == []


def test_values() -> None:
    part = patterns("ghcr.io/*", more="type: SigstoreBundle\n")
    assert [finding.problem.message.partition(" is new")[0] for finding in found(part, "1.12")] == [
        "`type: SigstoreBundle`"
    ]
    assert [finding.problem.message.partition(" is new")[0] for finding in found(part, "1.9")] == ["`type`"]
    assert found(part, "1.13") == []


@pytest.mark.parametrize(
    ("target", "severity", "label"),
    [
        ("1.17", None, ""),
        ("1.18", Severity.INFO, "deprecated"),
        ("1.13..1.19", Severity.INFO, "deprecated"),
        ("1.19..1.20", Severity.ERROR, "removed"),
    ],
)
def test_the_newest_release_decides_about_kinds(target: str, severity: Severity | None, label: str) -> None:
    listed = found(patterns("ghcr.io/*"), target)
    said = "`ClusterPolicy` of kyverno.io is deprecated since Kyverno 1.18, and "
    assert [each.severity for each in listed] == ([severity] if severity else [])
    for each in listed:
        assert each.problem.label == label
        assert each.problem.message.startswith(said)


def test_silence_without_a_target() -> None:
    assert reported(SKIPPING, "PRQ051") == []
