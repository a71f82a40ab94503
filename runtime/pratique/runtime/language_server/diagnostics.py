"""Findings in the form of the protocol: range, severity, code with its page, witness and related places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lsprotocol import types

from pratique.compiler.lint.base import Finding, Severity
from pratique.grammar.source import NO_SPAN, Source
from pratique.runtime.language_server.documents import Positions, uri_of

SOURCE: Final = "pratique"

SEVERITIES: Final = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.INFO: types.DiagnosticSeverity.Information,
}

UNNECESSARY: Final = frozenset({"duplicate-or-subsumed-pattern", "skip-is-dead"})
"""Rules whose findings are about text that can be deleted without any effect: editors fade it."""

NOT_READ: Final = frozenset({"unsupported-kind"})
"""Mistakes that are none of the author's: what pratique does not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What an editor can show, and how it counts.

    Attributes:
        encoding: units of columns.
        shows_related: it shows related places.
        tags: the tags that it knows.
        pages: code of a rule -> URI of its manual page.
    """

    encoding: types.PositionEncodingKind | str = types.PositionEncodingKind.Utf16
    shows_related: bool = True
    tags: frozenset[types.DiagnosticTag] = frozenset(types.DiagnosticTag)
    pages: Mapping[str, str]

    @classmethod
    def of(
        cls,
        capabilities: types.ClientCapabilities,
        encoding: types.PositionEncodingKind | str,
        pages: Mapping[str, str],
    ) -> Reader:
        """Return what an editor says about itself."""
        text = capabilities.text_document
        can = text.publish_diagnostics if text else None
        tags = can.tag_support.value_set if can and can.tag_support else ()
        return cls(
            encoding=encoding,
            shows_related=bool(can and can.related_information),
            tags=frozenset(tags),
            pages=pages if can and can.code_description_support else {},
        )


def diagnostic(
    finding: Finding, reader: Reader, positions: Callable[[Source], Positions]
) -> types.Diagnostic:
    """Return a finding for an editor; `positions` tells the places of the sources that it names."""
    problem = finding.problem
    place = finding.location
    where = positions(place.source).first_line(place.span) if place else _START
    notes = [(f"{example.label}: {example.text}", where, place) for example in problem.examples]
    related = [
        types.DiagnosticRelatedInformation(
            location=types.Location(uri=uri_of(there.source.name), range=span), message=text
        )
        for text, span, there in [
            *notes,
            *((label, positions(other.source).range(other.span), other) for label, other in problem.related),
        ]
        if there is not None
    ]
    lines = [problem.message]
    if not reader.shows_related:
        lines += [text for text, _, _ in notes]
    if problem.help:
        lines.append(f"help: {problem.help}")
    page = reader.pages.get(finding.code)
    return types.Diagnostic(
        range=where,
        severity=_severity(finding),
        code=finding.code,
        code_description=types.CodeDescription(href=page) if page else None,
        source=SOURCE,
        message="\n".join(lines),
        tags=_tags(finding, reader) or None,
        related_information=related if related and reader.shows_related else None,
    )


def _severity(finding: Finding) -> types.DiagnosticSeverity:
    if finding.code in NOT_READ:
        return types.DiagnosticSeverity.Information
    return SEVERITIES[finding.severity]


def _tags(finding: Finding, reader: Reader) -> list[types.DiagnosticTag]:
    tag = types.DiagnosticTag.Unnecessary
    return [tag] if finding.name in UNNECESSARY and tag in reader.tags else []


_START: Final = Positions("", types.PositionEncodingKind.Utf16).range(NO_SPAN)
