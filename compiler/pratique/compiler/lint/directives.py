"""By what authors say that a finding is meant: comments and annotations, each with a reason.

A comment `# pratique: ignore[PRQ005] all of acme is ours` at the end of a line speaks about that line, one on
its own line about the next line that is neither blank nor a comment, and `ignore-file` about the whole file.
An annotation `pratique.dev/ignore.PRQ005: all of acme is ours` speaks about its policy, and stays with it in
a cluster, where comments are lost. Without a reason, neither silences anything.

Either may end: a reason that begins or ends with `until 2027-01-31` holds up to that day, and not after it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import yaml

from pratique.grammar.nodes import MappingNode, Node, ScalarNode, SequenceNode
from pratique.grammar.source import Location, Position, Source, Span
from pratique.grammar.yaml_events import event_parser
from pratique.grammar.yaml_tree import read_documents

if TYPE_CHECKING:
    from pratique.compiler.lint.base import Finding

ANNOTATION: Final = "pratique.dev/ignore."
"""What the names of annotations begin with; the code or name of a rule follows."""

_MARK: Final = "pratique:"
_DIRECTIVE: Final = re.compile(r"(?:^|(?<=[ \t]))#[ \t]*pratique:[ \t]*ignore(-file)?\[([^\]]*)\][ \t]*(.*)$")
_DATE: Final = r"until[ \t]+(\d+-\d+-\d+)"
_UNTIL: Final = re.compile(rf"^{_DATE}(?:[:,;.]|(?=\s)|$)\s*|[\s,;(]*(?<![^\s(]){_DATE}[).]*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """What silences findings.

    Attributes:
        location: the comment, or the annotation with its value.
        names: codes or names of rules, as written.
        reason: why the findings are meant; empty where none is given.
        within: the lines or the policy that it speaks about; None for the whole file.
        until: the last day on which it holds; None for ever.
        is_annotation: it is part of a policy.
        problem: what is wrong with its date; empty where nothing is.
    """

    location: Location
    names: tuple[str, ...]
    reason: str
    within: Span | None
    until: date | None = None
    is_annotation: bool = False
    problem: str = ""

    def covers(self, finding: Finding, name: str) -> bool:
        """Say whether the finding is one of the rule `name` at a place that this speaks about."""
        place = finding.location
        if place is None or place.source != self.location.source:
            return False
        if name.lower() not in (finding.code.lower(), finding.name):
            return False
        return self.within is None or self.within.start <= place.span.start < self.within.end

    def has_ended(self, today: date | None) -> bool:
        """Say whether its last day is over; it never is where nobody says what day it is."""
        return self.until is not None and today is not None and today > self.until


def directives(source: Source) -> tuple[Directive, ...]:
    """Return the directives of a source in their order; no comments where it cannot be read to its end."""
    found = [*_comments(source), *_annotations(source)]
    return tuple(sorted(found, key=lambda directive: directive.location.span))


def unsilenced(
    findings: Collection[Finding], given: Collection[Directive], today: date | None = None
) -> list[Finding]:
    """Return the findings that no directive covers which has a reason and has not ended."""
    valid = [each for each in given if each.reason and not each.problem and not each.has_ended(today)]
    return [
        finding
        for finding in findings
        if not any(each.covers(finding, name) for each in valid for name in each.names)
    ]


def _read_reason(text: str) -> tuple[str, date | None, str]:
    """Return the reason in a text, the last day it holds, and what is wrong with that day."""
    match = _UNTIL.search(text)
    if match is None:
        return text.strip(), None, ""
    reason = (text[: match.start()] + text[match.end() :]).strip()
    written = match.group(1) or match.group(2)
    try:
        if len(written) != len("2027-01-31"):
            raise ValueError
        return reason, date.fromisoformat(written), ""
    except ValueError:
        return reason, None, f"there is no day {written}"


# --- comments ------------------------------------------------------------------------------------------


def _comments(source: Source) -> list[Directive]:
    if _MARK not in source.text:
        return []
    lines = source.text.splitlines()
    found = list(_candidates(source, lines))
    values = _values(source) if found else []
    return [each for each in found if values is not None and not _is_inside(each, values)]


def _candidates(source: Source, lines: list[str]) -> Iterator[Directive]:
    for number, line in enumerate(lines, start=1):
        match = _DIRECTIVE.search(line) if _MARK in line else None
        if match is None:
            continue
        whole, names, text = match.groups()
        target = number if line[: match.start()].strip() else _next_line(lines, number)
        span = Span(Position(number, match.start() + 1), Position(number, len(line.rstrip()) + 1))
        reason, until, problem = _read_reason(text)
        yield Directive(
            location=Location(source, span),
            names=tuple(name.strip() for name in names.split(",") if name.strip()),
            reason=reason,
            within=None if whole else Span(Position(target, 1), Position(target + 1, 1)),
            until=until,
            problem=problem,
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


# --- annotations ---------------------------------------------------------------------------------------


def _annotations(source: Source) -> Iterator[Directive]:
    if ANNOTATION not in source.text:
        return
    for document in read_documents(source).documents:
        for item in _objects(document.root):
            yield from _annotations_of(source, item)


def _objects(node: Node) -> Iterator[MappingNode]:
    """Yield an object, or those of a list of objects."""
    if isinstance(node, MappingNode):
        items = node.get("items")
        if isinstance(items, SequenceNode):
            yield from (item for item in items.items if isinstance(item, MappingNode))
        else:
            yield node


def _annotations_of(source: Source, item: MappingNode) -> Iterator[Directive]:
    metadata = item.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, MappingNode) else None
    for key, value in annotations.items if isinstance(annotations, MappingNode) else ():
        name = str(key.value)
        if name.startswith(ANNOTATION) and isinstance(value, ScalarNode):
            reason, until, problem = _read_reason(value.value if isinstance(value.value, str) else "")
            yield Directive(
                location=Location(source, Span(key.span.start, value.span.end)),
                names=(name.removeprefix(ANNOTATION),),
                reason=reason,
                within=item.span,
                until=until,
                is_annotation=True,
                problem=problem,
            )
