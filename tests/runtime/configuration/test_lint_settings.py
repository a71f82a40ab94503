from __future__ import annotations

from pathlib import Path

import pytest

from pratique.compiler.kyverno.releases import ReleaseRange
from pratique.compiler.lint.base import Severity, catalogue
from pratique.runtime.configuration.file_globs import FileGlob
from pratique.runtime.configuration.lint_settings import COMMAND_LINE, LintSettings
from tests.support_lint import findings, patterns

EVERY = frozenset(rule.code for rule in catalogue())


def given(origin: str = COMMAND_LINE, **settings: object) -> LintSettings:
    return LintSettings(**settings, origins=dict.fromkeys(settings, origin))  # type: ignore[arg-type]


def test_rules_that_are_asked() -> None:
    assert LintSettings().codes == EVERY
    assert given(ignore=("PRQ001",)).codes == EVERY - {"PRQ001"}
    assert given(select=("PRQ001", "PRQ002"), ignore=("PRQ001",)).codes == {"PRQ002"}
    assert given(select=()).codes == frozenset()


def test_what_is_given_nearer_counts() -> None:
    file = given("f.toml", ignore=("PRQ001",), min_severity=Severity.ERROR, select=("PRQ001", "PRQ003"))
    merged = given(ignore=("PRQ003",)).over(file.over(LintSettings()))
    assert (merged.select, merged.ignore, merged.min_severity) == (
        ("PRQ001", "PRQ003"),
        ("PRQ003",),
        Severity.ERROR,
    )
    assert merged.origins == {"select": "f.toml", "ignore": COMMAND_LINE, "min_severity": "f.toml"}
    assert LintSettings().over(file) == file


def test_a_rule_that_the_command_line_selects_is_asked_although_the_file_ignores_it() -> None:
    file = given("f.toml", ignore=("PRQ001",))
    assert given(select=("PRQ001",)).over(file).codes == {"PRQ001"}
    assert given(select=("PRQ001",), ignore=("PRQ001",)).over(file).codes == frozenset()


def test_severities_are_changed_before_findings_are_left_out() -> None:
    found = findings(patterns("registry.k8s.io/", "ghcr.io/acme/*", "ghcr.io/**"))
    assert [(f.code, f.severity) for f in found] == [
        ("PRQ001", "error"),
        ("PRQ008", "warning"),
        ("PRQ009", "warning"),
    ]
    severity = {"PRQ001": Severity.INFO, "PRQ009": Severity.ERROR}
    adjusted = LintSettings(severity=severity, min_severity=Severity.WARNING).adjusted(found)
    assert [(f.code, f.severity, f.problem.severity) for f in adjusted] == [
        ("PRQ008", Severity.WARNING, Severity.WARNING),
        ("PRQ009", Severity.ERROR, Severity.ERROR),
    ]


def test_rules_are_not_reported_in_some_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    found = findings(patterns("registry.k8s.io/", "ghcr.io/**"))
    [first, _] = found
    assert first.location is not None
    assert first.location.source.name == "policy.yaml"
    here, elsewhere = FileGlob("*.yaml", Path("/")), FileGlob("other/*.yaml", Path("/"))
    ignores = ((elsewhere, ("PRQ009",)), (here, ("PRQ001",)))
    assert [f.code for f in LintSettings(per_file_ignores=ignores).adjusted(found)] == ["PRQ009"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1.19", "1.19"), ("v1.13.2", "1.13"), ("1.10..1.19", "1.10..1.19"), ("1.13..1.13", "1.13")],
)
def test_releases(text: str, shown: str) -> None:
    assert str(ReleaseRange.parse(text)) == shown
