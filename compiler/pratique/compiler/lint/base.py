"""Findings, the registry of rules, and running them over a policy set.

INVARIANT: a rule that cannot prove its claim stays silent. Every finding says what it rests on (`Basis`), and
where it speaks of an image, it shows one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol

from pratique.compiler import ir
from pratique.compiler.lint.directives import unsilenced
from pratique.compiler.lint.facts import Facts
from pratique.grammar.source import Location, Source

if TYPE_CHECKING:
    from pratique.compiler.analysis.points import Point
    from pratique.compiler.analysis.signers import Signer
    from pratique.compiler.kyverno.releases import ReleaseRange
    from pratique.compiler.lint.inventory import Coverage
    from pratique.grammar.documents import PolicyDocument
    from pratique.grammar.errors import PolicyError


class Severity(StrEnum):
    """How much a finding matters, worst first."""

    ERROR = "error"
    """The policy does not do what it was written for, or lets through what it was written against."""
    WARNING = "warning"
    """It does more or less than it seems to."""
    INFO = "info"
    """Worth knowing."""


SEVERITIES = tuple(Severity)


class Confidence(StrEnum):
    """How sure it is that the author did not mean it; that the claim is true is never in doubt."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Basis(StrEnum):
    """What a claim rests on."""

    PROVED = "proved"
    """A decision procedure went through all cases."""
    WITNESS = "witness"
    """An example, shown with the finding and checked with the matcher that decides at run time."""
    HEURISTIC = "heuristic"
    """The shape of the text."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text that shows a claim, with what it shows: `matched: ghcr.io/acme-evil/app:1.4.2`.

    Attributes:
        point: the resource, and an image of it, that the text is about, where it is about a resource.
        signers: those by whom the image is signed.
    """

    label: str
    text: str
    point: Point | None = None
    signers: tuple[Signer, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """What stands at `location` becomes `text`; at an empty location, `text` is inserted."""

    location: Location
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that removes the finding.

    Attributes:
        edits: at least one, all in one source, in the order of places; none overlaps another.
        safe: no image is admitted with it that was not admitted before. An unsafe fix writes what was surely
            meant, and may admit more.
    """

    edits: tuple[Edit, ...]
    safe: bool = False

    @classmethod
    def of(cls, location: Location, text: str, *, safe: bool = False) -> Fix:
        """Return the fix that replaces one piece of text."""
        return cls((Edit(location, text),), safe)

    @property
    def source(self) -> Source:
        """Return what is edited."""
        return self.edits[0].location.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What a rule found.

    Attributes:
        message: one sentence that can stand alone.
        location: the text that is wrong.
        label: a few words for beside the carets.
        secret: the text there must not be repeated.
        severity: where it differs from the rule's.
        examples: texts that show the claim.
        related: other places that matter, each with its label.
        help: what to write instead.
        fix: the change itself, where there is one that is surely meant.
    """

    message: str
    location: Location | None
    label: str = ""
    secret: bool = False
    severity: Severity | None = None
    confidence: Confidence = Confidence.HIGH
    basis: Basis = Basis.PROVED
    examples: tuple[Example, ...] = ()
    related: tuple[tuple[str, Location], ...] = ()
    help: str = ""
    fix: Fix | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem with the rule that found it; `code` never means anything else, `name` reads well.

    Mistakes that keep a policy from being read take the same form (see `mistakes`); `basis` is None for those
    that no rule explains.
    """

    code: str
    name: str
    severity: Severity
    problem: Problem
    basis: Basis | None

    @property
    def location(self) -> Location | None:
        """Return where the finding is."""
        return self.problem.location

    @property
    def order(self) -> tuple[object, ...]:
        """Return what findings are sorted by: file, place, code."""
        if self.location is None:
            return "", (), self.code, self.problem.message
        return self.location.source.name, self.location.span, self.code, self.problem.message


class Check(Protocol):
    """The function of a rule."""

    __module__: str

    def __call__(self, facts: Facts) -> Iterator[Problem]:
        """Yield what is wrong."""
        ...


class Retelling(Protocol):
    """Tells a mistake that a rule explains better than its text does."""

    def __call__(self, error: PolicyError, documents: Collection[PolicyDocument]) -> Problem | None:
        """Return the mistake as it really is, or None; `documents` are those that were read with it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A lint rule.

    Attributes:
        code: `PRQ` and three digits; never used again for something else.
        name: name of its file, with hyphens.
        severity: of its findings, where they do not say otherwise.
        yields_to: rules that say more about the same text: where one of them reports it, this one does not.
        explains: codes of mistakes, for which policies are refused, that its manual page is about too.
        retells: says what these mistakes are about, where their texts are not the whole truth.
        last: it is about the findings of the others.
        manual: docstring of its file.
    """

    code: str
    name: str
    severity: Severity
    yields_to: tuple[str, ...]
    explains: tuple[str, ...]
    retells: Retelling | None
    last: bool
    manual: str
    check: Check

    @property
    def summary(self) -> str:
        """Return the first line of the manual page."""
        return self.manual.partition("\n")[0]


_registered: dict[str, Rule] = {}


def rule(
    code: str,
    severity: Severity,
    *,
    yields_to: tuple[str, ...] = (),
    explains: tuple[str, ...] = (),
    retells: Retelling | None = None,
    last: bool = False,
) -> Callable[[Check], Check]:
    """Register the decorated function as the check of the rule that its module describes."""

    def register(check: Check) -> Check:
        module = import_module(check.__module__)
        _registered[code] = Rule(
            code=code,
            name=check.__module__.rpartition(".")[2].replace("_", "-"),
            severity=severity,
            yields_to=yields_to,
            explains=explains,
            retells=retells,
            last=last,
            manual=(module.__doc__ or "").strip(),
            check=check,
        )
        return check

    return register


@cache
def catalogue() -> tuple[Rule, ...]:
    """Return all rules by code; imports their files."""
    package = import_module("pratique.compiler.lint.rules")
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    return tuple(_registered[code] for code in sorted(_registered))


def lint(
    policies: ir.PolicySet,
    codes: Collection[str] | None = None,
    *,
    documents: Collection[PolicyDocument] = (),
    exemptions: Collection[ir.Exemption] = (),
    unread: Collection[Source] = (),
    today: date | None = None,
    releases: ReleaseRange | None = None,
    coverage: Coverage | None = None,
) -> tuple[Finding, ...]:
    """Return the findings of all rules, or of those with the given codes, in the order of files and places.

    Generated rules are not looked at: what is wrong with them is wrong with the rule that was written.
    Findings that a comment or an annotation silences, with a reason, are left out.

    Args:
        policies: what is linted.
        codes: rules to ask; None for all.
        documents: the policies as they are written, for rules about their form.
        exemptions: policy exceptions that are given beside the policies.
        unread: sources of which policies could not be read. Comments there may be about these, and are not
            called unused.
        today: the day of the run; without it no comment has ended.
        releases: the releases of Kyverno that the policies are for, where that is said.
        coverage: what the policies make of the images that there are, where these are known.
    """
    asked = [each for each in catalogue() if codes is None or each.code in codes]
    facts = Facts(
        policies,
        asked=frozenset(each.code for each in asked),
        documents=documents,
        exemptions=exemptions,
        unread=unread,
        today=today,
        releases=releases,
        coverage=coverage,
    )
    found = [_finding(each, problem) for each in asked if not each.last for problem in each.check(facts)]
    facts.findings = _without_yielding(dict.fromkeys(found), asked)
    kept = unsilenced(facts.findings, facts.directives, today)
    kept += [_finding(each, problem) for each in asked if each.last for problem in each.check(facts)]
    return tuple(sorted(kept, key=lambda finding: finding.order))


def _without_yielding(found: Collection[Finding], asked: Collection[Rule]) -> tuple[Finding, ...]:
    """Return the findings without those whose rule yields to one that speaks of the same place."""
    yielding = {each.code: each.yields_to for each in asked}
    places = {(finding.code, finding.location) for finding in found}
    return tuple(
        finding
        for finding in found
        if not any((code, finding.location) in places for code in yielding[finding.code])
    )


def _finding(each: Rule, problem: Problem) -> Finding:
    severity = problem.severity or each.severity
    return Finding(
        code=each.code,
        name=each.name,
        severity=severity,
        problem=replace(problem, severity=severity),
        basis=problem.basis,
    )
