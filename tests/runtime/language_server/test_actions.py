from __future__ import annotations

from dataclasses import replace

import pytest

from pratique.compiler.lint.base import Basis, Edit, Finding, Fix, Problem, Severity
from pratique.compiler.lint.fixes import applied
from pratique.grammar.source import Location, Position, Source, Span
from pratique.runtime.language_server.actions import Action, fix_all, quick_fixes
from pratique.runtime.language_server.analysis import Analysis, analyse
from pratique.runtime.language_server.documents import OpenDocument
from tests.support_lint import patterns, policy_text

LOST = policy_text(patterns("registry.k8s.io/", "quay.io/**", "ghcr.io/acme/*"))


def analysis(text: str) -> Analysis:
    return analyse(OpenDocument.of("file:///p.yaml", 1, text), {})


def text_after(action: Action | None, text: str) -> str:
    assert action is not None
    return applied(Source("p.yaml", text), action.edits)


def test_the_fix_of_a_finding() -> None:
    (action,) = quick_fixes(analysis(LOST), Position(16, 10), Position(16, 10))
    assert action.title == "Write `registry.k8s.io/*` (PRQ001)"
    assert action.finding is not None
    assert text_after(action, LOST) == LOST.replace('"registry.k8s.io/"', '"registry.k8s.io/*"')


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [((1, 1), (99, 1), 2), ((16, 27), (17, 9), 2), ((17, 1), (17, 8), 0), ((18, 9), (18, 9), 0)],
)
def test_findings_of_a_range(start: tuple[int, int], end: tuple[int, int], count: int) -> None:
    assert len(quick_fixes(analysis(LOST), Position(*start), Position(*end))) == count


def test_all_at_once() -> None:
    fixed = text_after(fix_all(analysis(LOST)), LOST)
    assert fixed == LOST.replace("k8s.io/", "k8s.io/*").replace("/**", "/*")
    assert fix_all(analysis(fixed)) is None


def test_nothing_to_mend() -> None:
    good = analysis(policy_text(patterns("ghcr.io/acme/*")))
    assert fix_all(good) is None
    assert quick_fixes(good, Position(1, 1), Position(99, 1)) == []


def test_a_fix_that_would_break_the_text_is_not_offered() -> None:
    good = analysis(LOST)
    [lost, *_] = good.findings
    assert lost.location is not None
    broken = replace(lost, problem=replace(lost.problem, fix=Fix.of(lost.location, '"', safe=True)))
    found = replace(good, findings=(broken,))
    assert quick_fixes(found, Position(1, 1), Position(99, 1)) == []
    assert fix_all(found) is None


def test_fixes_that_overlap_are_not_applied_together() -> None:
    # Two policies of one document that share a pattern through an anchor: one place, two findings.
    text = policy_text(
        'verifyImages:\n- imageReferences: &lost\n  - "registry.k8s.io/"\n- imageReferences: *lost\n'
    )
    found = fix_all(analysis(text))
    assert found is not None
    assert len(found.edits) == 1


def test_the_edits_of_a_fix_are_made_together_or_not_at_all() -> None:
    source = Source("p.yaml", "a: 1\nb: 2\nc: 3\n")
    places = [Location(source, Span.at(line, 4)) for line in (1, 2, 3)]
    one, two = Edit(places[0], "x"), Edit(places[1], "y")
    fixes = [
        Fix((one, two), safe=True),
        Fix((Edit(places[1], "z"), Edit(places[2], "z")), safe=True),
        Fix.of(places[2], "w", safe=True),
    ]
    findings = tuple(
        Finding(
            code="PRQ001",
            name="n",
            severity=Severity.ERROR,
            problem=Problem(message="m", location=places[0], fix=fix),
            basis=Basis.PROVED,
        )
        for fix in fixes
    )
    document = OpenDocument.of("file:///p.yaml", 1, source.text)
    document = replace(document, source=source)
    action = fix_all(Analysis(document=document, findings=findings))
    assert text_after(action, source.text) == "a: x\nb: y\nc: w\n"


def test_an_unsafe_fix_is_offered_by_itself_only_and_says_so() -> None:
    found = analysis(policy_text(patterns("ghcr.io/acme*")))
    (action,) = quick_fixes(found, Position(1, 1), Position(99, 1))
    assert action.title == "Write `ghcr.io/acme/*` (PRQ005, may admit more)"
    assert fix_all(found) is None
