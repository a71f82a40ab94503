"""Comments by which authors say that a finding is meant: `# pratique: ignore[PRQ005] all of acme is ours`.

A comment at the end of a line speaks about that line, one on its own line about the next line that is neither
blank nor a comment, and `ignore-file` about the whole file. Without a reason, it silences nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import yaml

from pratique.grammar.source import Location, Position, Source, Span
from pratique.grammar.yaml_events import event_parser

if TYPE_CHECKING:
    from pratique.compiler.lint.base import Finding

_MARK: Final = "pratique:"
_DIRECTIVE: Final = re.compile(r"(?:^|(?<=[ \t]))#[ \t]*pratique:[ \t]*ignore(-file)?\[([^\]]*)\][ \t]*(.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """A comment that silences findings.

    Attributes:
        location: the comment.
        names: codes or names of rules, as written.
        reason: why the findings are meant; empty where none is given.
        line: the line it speaks about; None for the whole file.
    """

    location: Location
    names: tuple[str, ...]
    reason: str
    line: int | None

    def covers(self, finding: Finding, name: str) -> bool:
        """Say whether the finding is one of the rule `name` on the lines that this speaks about."""
        place = finding.location
        if place is None or place.source != self.location.source:
            return False
        if name.lower() not in (finding.code.lower(), finding.name):
            return False
        return self.line is None or self.line == place.span.start.line


def directives(source: Source) -> tuple[Directive, ...]:
    """Return the directives of a source in their order; none where it cannot be read to its end."""
    if _MARK not in source.text:
        return ()
    lines = source.text.splitlines()
    found = list(_candidates(source, lines))
    values = _values(source) if found else []
    return tuple(each for each in found if values is not None and not _is_inside(each, values))


def unsilenced(findings: Collection[Finding], given: Collection[Directive]) -> list[Finding]:
    """Return the findings that no directive with a reason covers."""
    valid = [each for each in given if each.reason]
    return [
        finding
        for finding in findings
        if not any(each.covers(finding, name) for each in valid for name in each.names)
    ]


def _candidates(source: Source, lines: list[str]) -> Iterator[Directive]:
    for number, line in enumerate(lines, start=1):
        match = _DIRECTIVE.search(line) if _MARK in line else None
        if match is None:
            continue
        whole, names, reason = match.groups()
        target: int | None = number
        if whole:
            target = None
        elif not line[: match.start()].strip():
            target = _next_line(lines, number)
        span = Span(Position(number, match.start() + 1), Position(number, len(line.rstrip()) + 1))
        yield Directive(
            location=Location(source, span),
            names=tuple(name.strip() for name in names.split(",") if name.strip()),
            reason=reason.strip(),
            line=target,
        )


def _next_line(lines: list[str], number: int) -> int:
    """Return the first line behind `number` that says something, or the line behind the last."""
    for index in range(number, len(lines)):
        text = lines[index].strip()
        if text and not text.startswith("#"):
            return index + 1
    return len(lines) + 1


def _values(source: Source) -> list[Span] | None:
    """Return where the scalars stand, in their order; None where the text is no YAML."""
    spans = []
    parser = event_parser(source.text)
    try:
        while (event := parser.get_event()) is not None:
            if not isinstance(event, yaml.ScalarEvent):
                continue
            start, end = event.start_mark, event.end_mark
            if start and end:
                spans.append(
                    Span(Position(start.line + 1, start.column + 1), Position(end.line + 1, end.column + 1))
                )
    except yaml.YAMLError:
        return None
    return spans


def _is_inside(directive: Directive, values: list[Span]) -> bool:
    place = directive.location.span.start
    return any(span.start <= place < span.end for span in values)
