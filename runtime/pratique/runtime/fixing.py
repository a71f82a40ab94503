"""Making the fixes of findings: in rounds, each checked, until none is left.

A fix is kept only if the text that it makes reads as well as before and lacks the finding; a safe one also
only if `pratique diff` finds no image that it newly admits. Otherwise it is taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from pratique.compiler.analysis.differences import Effect, compare
from pratique.compiler.lint.base import Finding, Fix
from pratique.compiler.lint.fixes import applied, compatible, edits_in_order
from pratique.compiler.lint.inventory import Inventory
from pratique.grammar.source import Source
from pratique.runtime.configuration.lint_settings import LintSettings
from pratique.runtime.inputs import Inputs
from pratique.runtime.linting import report
from pratique.runtime.outputs.findings import LintReport
from pratique.runtime.policy_files import policies_of

MAX_ROUNDS: Final = 50

Key = tuple[str, str, str]
"""What is still known of a finding after its place has moved: source, code and message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What came of fixing.

    Attributes:
        report: what is left, with what is fixed.
        before: the texts that changed, as they were.
        after: the same texts now.
        undone: findings whose fix was taken back, with why.
    """

    report: LintReport
    before: tuple[Source, ...]
    after: tuple[Source, ...]
    undone: tuple[tuple[Finding, str], ...] = ()


def fix(
    inputs: Inputs,
    settings: LintSettings,
    *,
    unsafe: bool = False,
    inventory: Inventory | None = None,
    today: date | None = None,
    named: Sequence[str] = (),
) -> Fixed:
    """Return the texts with all fixes made that hold; nothing is written.

    Args:
        inputs: the texts.
        settings: which findings there are.
        unsafe: make fixes that may admit more, too.
        inventory: as in `lint`.
        today: as in `lint`.
        named: what the user named.
    """

    def look(texts: Inputs) -> LintReport:
        return report(texts, settings, inventory=inventory, today=today, named=named)

    return _Fixing(inputs, look, unsafe=unsafe).run()


class _Fixing:
    def __init__(self, inputs: Inputs, look: Callable[[Inputs], LintReport], *, unsafe: bool) -> None:
        self._inputs = inputs
        self._look = look
        self._unsafe = unsafe
        self._texts = {source.name: source for source in inputs.sources}
        self._seen = {(source.name, source.text) for source in inputs.sources}
        self._made: list[Finding] = []
        self._undone: dict[Key, tuple[Finding, str]] = {}

    def run(self) -> Fixed:
        now = self._report(self._texts)
        for _ in range(MAX_ROUNDS):
            chosen = self._chosen(now.findings)
            if not chosen:
                break
            now = self._try(chosen, now)
        before = tuple(source for source in self._inputs.sources if self._texts[source.name] != source)
        return Fixed(
            report=replace(now, fixed=tuple(self._made)),
            before=before,
            after=tuple(self._texts[source.name] for source in before),
            undone=tuple(self._undone.values()),
        )

    def _report(self, texts: Mapping[str, Source]) -> LintReport:
        return self._look(replace(self._inputs, sources=tuple(texts.values())))

    def _chosen(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings whose fixes can be made together."""
        fixable: dict[str, dict[Fix, Finding]] = {}
        for finding in findings:
            mending = finding.problem.fix
            if mending and (mending.safe or self._unsafe) and _key(finding) not in self._undone:
                fixable.setdefault(mending.source.name, {}).setdefault(mending, finding)
        return [found[mending] for found in fixable.values() for mending in compatible(found)]

    def _try(self, findings: list[Finding], now: LintReport) -> LintReport:
        """Make fixes at once, or, where they do not hold, first half of them and then the others."""
        tried = self._texts | {name: self._mended(name, group) for name, group in _by_source(findings)}
        then = self._report(tried)
        problems = (self._problem(name, group, now, then, tried) for name, group in _by_source(findings))
        problem = next(filter(None, problems), "")
        if not problem:
            for name, group in _by_source(findings):
                self._keep(name, tried[name], group)
            return then
        if len(findings) == 1:
            self._undone[_key(findings[0])] = (findings[0], problem)
            return now
        half = len(findings) // 2
        now = self._try(findings[:half], now)
        others = Counter(map(_key, findings[half:]))
        left = self._chosen(finding for finding in now.findings if _key(finding) in others)
        return self._try(left, now) if left else now

    def _mended(self, name: str, findings: Iterable[Finding]) -> Source:
        edits = [edit for finding in findings if finding.problem.fix for edit in finding.problem.fix.edits]
        return Source(name, applied(self._texts[name], edits_in_order(edits)))

    def _keep(self, name: str, text: Source, findings: Iterable[Finding]) -> None:
        self._texts[name] = text
        self._seen.add((name, text.text))
        self._made += findings

    def _problem(
        self,
        name: str,
        findings: Sequence[Finding],
        now: LintReport,
        then: LintReport,
        tried: Mapping[str, Source],
    ) -> str:
        """Return why fixes in a source do not hold; empty where they do."""
        if (name, tried[name].text) in self._seen:
            return "it would undo another"
        if Counter(map(_key, then.mistakes)) - Counter(map(_key, now.mistakes)):
            return "the text could not be read with it"
        old, new = (policies_of(Inputs(sources=(texts[name],))) for texts in (self._texts, tried))
        if len(new.policies.policies) != len(old.policies.policies):
            return "a policy was lost with it"
        left, known = Counter(map(_key, then.findings)), Counter(map(_key, now.findings))
        for key, count in Counter(map(_key, findings)).items():
            if left[key] > known[key] - count:
                return "the finding stayed"
        if self._unsafe:
            return ""
        comparison = compare(old.policies, new.policies)
        if any(shift.effect is Effect.ADMITS for change in comparison.changes for shift in change.shifts):
            return "`pratique diff` found an image that would newly be admitted"
        return ""


def _name(finding: Finding) -> str:
    """Return the name of the text that a finding is mended in, or that it is in."""
    if finding.problem.fix:
        return finding.problem.fix.source.name
    return finding.location.source.name if finding.location else ""


def _key(finding: Finding) -> Key:
    return _name(finding), finding.code, finding.problem.message


def _by_source(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(_name(finding), []).append(finding)
    return list(grouped.items())
