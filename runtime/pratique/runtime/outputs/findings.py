"""Lint findings as text: in full, a line each, or as annotations of GitHub Actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pratique.compiler.lint.base import SEVERITIES, Finding, Severity
from pratique.compiler.lint.inventory import Cover, Coverage
from pratique.grammar.source import Location
from pratique.runtime.outputs.text import Palette, plural, visible, visible_lines

COLORS: Final = {Severity.ERROR: "1;31", Severity.WARNING: "33", Severity.INFO: "36"}

MAX_PATTERNS: Final = 50
"""Patterns whose images are counted in a text."""

COVERS: Final = {
    Cover.ENFORCED: "verified",
    Cover.REPORTED: "verified by rules that report only",
    Cover.SKIPPED: "skipped",
    Cover.UNMATCHED: "matched by no rule",
}
"""What policies do about an image -> words for its count."""

ANNOTATIONS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
"""Severity -> workflow command of GitHub Actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """The outcome of a lint run.

    Attributes:
        findings: what rules found, in the order of files and places.
        mistakes: why policies could not be read, in the same form and order; their rules were not asked.
        policies: policies that were linted.
        rules: rules of those policies, generated ones left out.
        notices: what is worth a word besides.
        fixed: what was found and is mended; `findings` is what is left.
        coverage: what the policies make of the images that there are, where these are known.
    """

    findings: tuple[Finding, ...]
    mistakes: tuple[Finding, ...] = ()
    policies: int = 0
    rules: int = 0
    notices: tuple[str, ...] = ()
    fixed: tuple[Finding, ...] = ()
    coverage: Coverage | None = None

    @property
    def all(self) -> list[Finding]:
        """Return mistakes and findings together, sorted."""
        return sorted((*self.mistakes, *self.findings), key=lambda finding: finding.order)

    @property
    def summary(self) -> dict[Severity, int]:
        """Return how many mistakes and findings there are of each severity."""
        counts = Counter(finding.severity for finding in self.all)
        return {severity: counts[severity] for severity in SEVERITIES}


# --- for people ----------------------------------------------------------------------------------------


def render_text(report: LintReport, palette: Palette) -> str:
    """Return every finding with its line, carets, examples and help, and the counts."""
    blocks = ["\n".join(_block(finding, palette)) for finding in report.all]
    if report.coverage:
        blocks.append("\n".join(_inventory(report.coverage, palette)))
    return "\n\n".join([*blocks, _totals(report, palette)]) + "\n"


def _inventory(coverage: Coverage, palette: Palette) -> Iterator[str]:
    """Yield how many images there are, what becomes of them, and how many of them each pattern matches."""
    total = len(coverage.inventory.images)
    counts = Counter(standing.cover for standing in coverage.standings)
    told = [f"{counts[cover]} {word}" for cover, word in COVERS.items() if counts[cover]]
    head = f"{visible(coverage.inventory.name)}: {plural(total, 'image')}"
    yield palette.bold(f"{head}: {', '.join(told)}" if told else head)
    for each in coverage.patterns[:MAX_PATTERNS]:
        place = f"{visible(str(each.pattern.at.location))}: " if each.pattern.at.location else ""
        verb = "skips" if each.is_skip else "matches"
        yield f"  {place}`{visible(each.pattern.text)}` {verb} {each.images} of {total}"
    if len(coverage.patterns) > MAX_PATTERNS:
        yield f"  and {len(coverage.patterns) - MAX_PATTERNS} more patterns; -o json has them all"


def _block(finding: Finding, palette: Palette) -> Iterator[str]:
    problem = finding.problem
    yield _headline(finding, palette)
    if problem.location and not problem.secret:
        yield from _excerpt(problem.location, problem.label)
    for label, place in problem.related:
        yield f"{visible(str(place))}: {visible(label)}"
        yield from _excerpt(place, "")
    for example in problem.examples:
        yield f"  {visible(example.label)}: {palette.bold(visible(example.text))}"
    if problem.help:
        yield f"  help: {visible(problem.help)}"


def _headline(finding: Finding, palette: Palette) -> str:
    place = f"{visible(str(finding.location))}: " if finding.location else ""
    word = palette.paint(COLORS[finding.severity], finding.severity)
    basis = f", {finding.basis}" if finding.basis else ""
    return f"{place}{palette.bold(visible(finding.code))} [{word}{basis}] {visible(finding.problem.message)}"


def _excerpt(place: Location, label: str) -> list[str]:
    return visible_lines(place.source.excerpt(place.span, label))


def _totals(report: LintReport, palette: Palette) -> str:
    where = f"{_policies(report.policies)}, {plural(report.rules, 'rule')}"
    counts = [plural(count, word) for word, count in report.summary.items() if count]
    fixed = f"{plural(len(report.fixed), 'finding')} fixed, " if report.fixed else ""
    if not counts:
        return palette.paint("32", f"{fixed}no findings in {where}")
    return f"{fixed}{', '.join(counts)} in {where}{_fixable(report)}"


def _fixable(report: LintReport) -> str:
    """Say how many findings can be fixed."""
    fixes = [finding.problem.fix for finding in report.findings if finding.problem.fix]
    safe = sum(fix.safe for fix in fixes)
    offers = [
        f"{count} {word} `{option}`"
        for count, word, option in (
            (safe, "can be fixed with", "--fix"),
            (len(fixes) - safe, "with", "--fix --unsafe-fixes"),
        )
        if count
    ]
    return f"\n{', '.join(offers)}" if offers else ""


def _policies(count: int) -> str:
    return "1 policy" if count == 1 else f"{count} policies"


def render_concise(report: LintReport, palette: Palette) -> str:
    """Return a line for every finding, as compilers print them."""
    return "".join(f"{_headline(finding, palette)}\n" for finding in report.all)


# --- for machines --------------------------------------------------------------------------------------


def whole_message(finding: Finding) -> str:
    """Return message, examples and help, a line each."""
    problem = finding.problem
    lines = [problem.message, *(f"{example.label}: {example.text}" for example in problem.examples)]
    return "\n".join([*lines, f"help: {problem.help}"] if problem.help else lines)


def render_github(report: LintReport, palette: Palette) -> str:
    """Return workflow commands, which GitHub Actions shows as annotations of the lines.

    References: GitHub documentation, "Workflow commands for GitHub Actions", escapes as in `@actions/core`.
    """
    return "".join(f"{_annotation(finding)}\n" for finding in report.all)


def _annotation(finding: Finding) -> str:
    properties: dict[str, str] = {}
    if finding.location:
        start, end = finding.location.span
        properties |= {
            "file": finding.location.source.name,
            "line": str(start.line),
            "col": str(start.column),
        }
        properties |= {"endLine": str(end.line), "endColumn": str(end.column)}
    properties["title"] = f"{finding.code} {finding.name}" if finding.basis else finding.code
    listed = ",".join(f"{key}={_escaped(value, ':', ',')}" for key, value in properties.items())
    return f"::{ANNOTATIONS[finding.severity]} {listed}::{_escaped(whole_message(finding))}"


def _escaped(text: str, *more: str) -> str:
    for character in ("%", "\r", "\n", *more):
        text = text.replace(character, f"%{ord(character):02X}")
    return visible(text)
