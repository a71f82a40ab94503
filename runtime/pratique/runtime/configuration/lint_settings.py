"""What a run of lint is told: the command line over a file over defaults, each setting with its origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Final

from pratique.compiler.kyverno.releases import ReleaseRange
from pratique.compiler.lint.base import Finding, Severity, catalogue
from pratique.runtime.configuration.file_globs import FileGlob

DEFAULT: Final = "default"
COMMAND_LINE: Final = "command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class LintSettings:
    """What a run of lint is told.

    Attributes:
        select: codes of the rules to ask; None for all.
        ignore: codes of the rules not to report.
        severity: code -> severity of the findings of a rule, in the place of its own.
        per_file_ignores: files -> codes of the rules that are not reported there.
        min_severity: findings of less weight are left out.
        fail_level: findings of this weight or more make the run fail.
        target: the releases of Kyverno that the policies are for; None where nothing is said about them.
        inventory: file with the images that there are; None for none.
        output: what is written to standard output.
        origins: name of a setting -> the command line or the file where it was given, for those that were.
    """

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    per_file_ignores: tuple[tuple[FileGlob, tuple[str, ...]], ...] = ()
    min_severity: Severity = Severity.INFO
    fail_level: Severity = Severity.WARNING
    target: ReleaseRange | None = None
    inventory: str | None = None
    output: str = "text"
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def codes(self) -> frozenset[str]:
        """Return the codes of the rules to ask. A rule that the command line selects is asked in any case."""
        every = (rule.code for rule in catalogue())
        chosen = frozenset(every if self.select is None else self.select)
        selected = self.origins.get("select") == COMMAND_LINE
        if selected and self.origins.get("ignore") != COMMAND_LINE:
            return chosen
        return chosen - frozenset(self.ignore)

    def adjusted(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """Return the findings that are reported, each with its severity."""
        order = list(Severity)
        found = []
        for finding in findings:
            severity = self.severity.get(finding.code, finding.severity)
            if order.index(severity) > order.index(self.min_severity) or self._is_left_out(finding):
                continue
            if severity is not finding.severity:
                problem = replace(finding.problem, severity=severity)
                finding = replace(finding, severity=severity, problem=problem)
            found.append(finding)
        return tuple(found)

    def _is_left_out(self, finding: Finding) -> bool:
        if finding.location is None:
            return False
        return any(
            finding.code in codes and files.matches(finding.location.source.name)
            for files, codes in self.per_file_ignores
        )

    def over(self, lower: LintSettings) -> LintSettings:
        """Return these settings where they were given, and those of `lower` elsewhere."""
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name in self.origins}
        return replace(lower, **given, origins={**lower.origins, **self.origins})
