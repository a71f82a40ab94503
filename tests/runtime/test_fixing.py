from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler.lint.base import Finding, Fix
from pratique.grammar.source import Location, Position, Source, Span
from pratique.runtime import linting
from pratique.runtime.configuration.lint_settings import LintSettings
from pratique.runtime.fixing import Fixed, fix
from pratique.runtime.inputs import Inputs
from pratique.runtime.outputs.findings import LintReport
from tests.support_lint import patterns, policy_text

Report = Callable[..., LintReport]


def run(*texts: str, unsafe: bool = False, chosen: LintSettings | None = None) -> Fixed:
    sources = tuple(Source(f"{number}.yaml", text) for number, text in enumerate(texts))
    return fix(Inputs(sources=sources), chosen or LintSettings(), unsafe=unsafe)


def named(name: str, *include: str, skip: Sequence[str] = ()) -> str:
    return policy_text(patterns(*include, skip=tuple(skip))).replace("name: example", f"name: {name}")


def test_what_is_mended_what_is_left_and_comments() -> None:
    text = named("a", "registry.k8s.io/", "ghcr.io/acme*").replace(
        '"registry.k8s.io/"', "'registry.k8s.io/' # the cluster's"
    )
    done = run(text, named("b", "quay.io/acme/*"))
    assert [source.name for source in done.before] == ["0.yaml"]
    assert done.after[0].text == text.replace("k8s.io/'", "k8s.io/*'")
    assert [found.code for found in done.report.fixed] == ["PRQ001"]
    assert [found.code for found in done.report.findings] == ["PRQ005"]
    assert done.undone == ()


def test_unsafe_fixes_are_made_when_asked_for() -> None:
    text = named("a", "ghcr.io/acme*")
    assert run(text).after == ()
    [after] = run(text, unsafe=True).after
    assert after.text == text.replace("acme*", "acme/*")


def test_a_second_run_changes_nothing() -> None:
    text = named(
        "a", "registry.k8s.io/", "ghcr.io/a/*", "ghcr.io/a/*", "quay.io/**", "x.io/v:*", skip=["q.io/*"]
    )
    for unsafe in (False, True):
        [after] = run(text, unsafe=unsafe).after
        assert run(after.text, unsafe=unsafe).after == ()


def test_fixes_that_meet_are_made_in_rounds() -> None:
    flow = named("a", "ghcr.io/a/*")
    listed = '["ghcr.io/*", "ghcr.io/a/*", "ghcr.io/b/*", "ghcr.io/c/*"]'
    text = flow.replace('\n      - "ghcr.io/a/*"', f" {listed}")
    [after] = run(text).after
    assert after.text == text.replace(listed, '["ghcr.io/*"]')


def test_what_is_silenced_or_not_asked_is_left() -> None:
    text = named("a", "registry.k8s.io/")
    meant = text.replace('k8s.io/"', 'k8s.io/" # pratique: ignore[PRQ001] as it was')
    assert run(meant).after == ()
    assert run(text, chosen=LintSettings(ignore=("PRQ001",))).after == ()


def test_mistakes_elsewhere_keep_nothing_from_being_mended() -> None:
    done = run(named("a", "registry.k8s.io/"), "a: [\n")
    assert [source.name for source in done.after] == ["0.yaml"]
    assert len(done.report.mistakes) == 1


# --- fixes that do not hold ----------------------------------------------------------------------------


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Finding], Finding]], None]:
    """Return a function that has all findings changed on their way into the fixing."""

    def install(change: Callable[[Finding], Finding]) -> None:
        def report(*args: object, **named: object) -> LintReport:
            found = linting.report(*args, **named)  # type: ignore[arg-type]
            return replace(found, findings=tuple(map(change, found.findings)))

        monkeypatch.setattr("pratique.runtime.fixing.report", report)

    return install


def mended(finding: Finding, place: Location, text: str) -> Finding:
    return replace(finding, problem=replace(finding.problem, fix=Fix.of(place, text, safe=True)))


def with_fix(text: str) -> Callable[[Finding], Finding]:
    def change(finding: Finding) -> Finding:
        if finding.code != "PRQ001" or finding.location is None:
            return finding
        return mended(finding, finding.location, text)

    return change


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('"', "the text could not be read with it"),
        ('"registry.k8s.io/" # ', "the finding stayed"),
    ],
)
def test_a_fix_that_does_not_hold_is_taken_back(
    changed: Callable[[Callable[[Finding], Finding]], None], written: str, why: str
) -> None:
    changed(with_fix(written))
    done = run(named("a", "registry.k8s.io/"), named("b", "quay.io/**"))
    assert [(found.code, told) for found, told in done.undone] == [("PRQ001", why)]
    assert [source.name for source in done.after] == ["1.yaml"]
    assert [found.code for found in done.report.findings] == ["PRQ001"]


def test_a_fix_that_loses_a_policy_is_taken_back(
    changed: Callable[[Callable[[Finding], Finding]], None],
) -> None:
    def rename(finding: Finding) -> Finding:
        assert finding.location is not None
        head = Location(finding.location.source, Span(Position(1, 1), Position(3, 1)))
        return mended(finding, head, "apiVersion: v1\nkind: Secret\n")

    changed(rename)
    done = run(named("a", "registry.k8s.io/"), named("b", "quay.io/acme/*"))
    assert [why for _, why in done.undone] == ["a policy was lost with it"]


def test_a_fix_that_admits_more_is_taken_back(
    changed: Callable[[Callable[[Finding], Finding]], None],
) -> None:
    def claims_to_be_safe(finding: Finding) -> Finding:
        mending = finding.problem.fix
        if finding.code != "PRQ005" or mending is None:
            return finding
        return replace(finding, problem=replace(finding.problem, fix=replace(mending, safe=True)))

    changed(claims_to_be_safe)
    done = run(named("a", "ghcr.io/acme*"))
    assert done.after == ()
    [(_, why)] = done.undone
    assert why == "`pratique diff` found an image that would newly be admitted"


def test_of_many_only_the_one_that_does_not_hold_is_taken_back(
    changed: Callable[[Callable[[Finding], Finding]], None],
) -> None:
    def spoil(finding: Finding) -> Finding:
        is_third = "r2.io" in finding.problem.message
        return with_fix('"')(finding) if is_third else finding

    changed(spoil)
    text = named("a", *(f"r{number}.io/" for number in range(5)))
    done = run(text)
    assert len(done.undone) == 1
    [after] = done.after
    assert after.text == text.replace('.io/"', '.io/*"').replace("r2.io/*", "r2.io/")


def test_two_that_undo_each_other_come_to_an_end(
    changed: Callable[[Callable[[Finding], Finding]], None],
) -> None:
    def swap(finding: Finding) -> Finding:
        if finding.code != "PRQ001" or finding.location is None:
            return finding
        return mended(
            finding, finding.location, '"b.io/"' if "a.io" in finding.problem.message else '"a.io/"'
        )

    changed(swap)
    done = run(named("a", "a.io/"))
    assert [why for _, why in done.undone] == ["it would undo another"]


# --- any text ------------------------------------------------------------------------------------------

PIECES = ("", "\n", "- ", ": ", "*", '"', "'", "[", "{", ",", "&a ", "*a", ">", "# ", "\t", "\r", "---\n")


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_half_written_text_is_mended_or_left(data: st.DataObject) -> None:
    include = ("registry.k8s.io/", "ghcr.io/a/*", "ghcr.io/a/*", "quay.io/**", "x.io/v:*")
    text = named("a", *include, skip=["q.io/*", "ghcr.io/b*"]).replace('"x.io/v:*"', "x.io/v:* # why")
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(text)))
        text = (
            text[:start] + data.draw(st.sampled_from(PIECES)) + text[start + data.draw(st.integers(0, 6)) :]
        )
    done = run(text, unsafe=data.draw(st.booleans()))
    assert len(done.report.mistakes) <= len(lint_of(text).mistakes)
    for after in done.after:
        assert run(after.text).after == ()


def lint_of(text: str) -> LintReport:
    return linting.report(Inputs(sources=(Source("0.yaml", text),)))
