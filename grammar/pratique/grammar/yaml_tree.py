"""YAML, and JSON as a part of it, to positioned trees: strict, bounded, never by constructing objects.

What Kubernetes' reader makes of a plain scalar is made here too (see `scalars`).

DEVIATION: where it bends a doubtful text in silence, there is an error here. Of two equal keys it keeps the
last (test_b2_duplicate_keys_are_errors_with_both_places), an integer beyond 64 bits becomes a rounded float
(test_b15_huge_numbers_are_refused), `!!binary` and other tags are followed (test_b17_tags_are_refused), and
U+0085, U+2028 and U+2029 end a line (test_b12_control_characters_and_lone_surrogates_are_refused).

References: YAML 1.1; sigs.k8s.io/yaml 1.6.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import yaml
from yaml.events import DocumentStartEvent

from pratique.grammar.errors import PolicyError
from pratique.grammar.json_document import JsonReader, is_json
from pratique.grammar.limits import POLICY_LIMITS, RESOURCE_LIMITS, Limits, show_size
from pratique.grammar.nodes import Document, MappingNode, Node, ScalarNode, SequenceNode, plain
from pratique.grammar.source import Location, Source, Span
from pratique.grammar.text import decode, forbidden_character
from pratique.grammar.tree_reader import StopReading, too_deep
from pratique.grammar.yaml_document import YamlReader
from pratique.grammar.yaml_events import event_parser

__all__ = [
    "POLICY_LIMITS",
    "RESOURCE_LIMITS",
    "Document",
    "Documents",
    "Limits",
    "MappingNode",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "decode",
    "plain",
    "read_documents",
    "unreadable",
]

_LINE_END = re.compile(r"\r\n|\r|\n")
_MARKER = re.compile(r"^(?:%[^\r\n]*(?:\r\n|\r|\n))*+---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_MAX_DIRECTIVES = 64

_HELP = (
    ("\t", "indent with spaces; YAML has no tabs there"),
    ("@", "quote a text that starts with @"),
    ("`", "quote a text that starts with a back quote"),
    ("%", "quote a text that starts with %"),
    (":", "quote the text if the colon belongs to it"),
)

_TOO_DEEP = "exceeded maximum nesting depth"
"""What libyaml from 0.2.6 on says beyond 1,000 levels, before the events that our own limit counts."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a source that could be read, and the problems of those that could not."""

    documents: tuple[Document, ...]
    errors: tuple[PolicyError, ...]


def read_documents(source: Source, limits: Limits = POLICY_LIMITS) -> Documents:
    """Return the non-empty documents of a YAML or JSON text, in order.

    A document with a problem is left out and its problems are reported; reading goes on with the next one.
    After a syntax error or an exceeded limit the next one is the next line that starts with `---`.
    """
    problem = unreadable(source, limits)
    if problem:
        return Documents((), (problem,))
    return _read_json(source, limits) if is_json(source.text) else _YamlFile(source, limits).read()


def _read_json(source: Source, limits: Limits) -> Documents:
    errors: list[PolicyError] = []
    try:
        root = JsonReader(source, limits, errors).read()
    except StopReading:
        return Documents((), tuple(errors))
    return Documents(() if errors else (Document(source, 0, root),), tuple(errors))


def unreadable(source: Source, limits: Limits) -> PolicyError | None:
    """Return why a text cannot be read at all (its size or a forbidden character), or None."""
    text = source.text
    if len(text) > limits.max_bytes or 4 * len(text) > limits.max_bytes < len(text.encode(errors="replace")):
        return PolicyError("too-large", f"{source.name} is larger than {show_size(limits.max_bytes)}")
    if text.count("\n%") > _MAX_DIRECTIVES:
        # libyaml compares each %TAG line with all before it.
        offset = [match.start() for match in _DIRECTIVE.finditer(text)][_MAX_DIRECTIVES]
        place = Location(source, Span.at(text.count("\n", 0, offset) + 1, 1))
        return PolicyError("yaml-syntax", f"more than {_MAX_DIRECTIVES} lines start with %", place)
    return forbidden_character(source)


class _YamlFile:
    """Reads the documents of one source.

    One parser reads them all, as long as nothing is wrong. Behind a document that cannot be read the next
    parser gets the text up to the second marker from there, and twice as many documents after each success:
    so the cost stays linear, however many documents are bad.
    """

    def __init__(self, source: Source, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._documents: list[Document] = []
        self._errors: list[PolicyError] = []
        self._index = 0

    def read(self) -> Documents:
        text = self._source.text
        stop_line = self._read_stream(text, 0)
        if stop_line is not None:
            self._read_on(text, stop_line)
        return Documents(tuple(self._documents), tuple(self._errors))

    def _read_on(self, text: str, stop_line: int) -> None:
        """Read what follows the first bad document, from the first marker at or behind `stop_line` on."""
        line_starts = [0, *(end.end() for end in _LINE_END.finditer(text)), len(text)]
        markers = [match.start() for match in _MARKER.finditer(text)]
        number, room = 0, 1
        while len(self._errors) < self._limits.max_errors:
            resume = line_starts[min(stop_line, len(line_starts) - 1)]
            number = max(number, bisect_left(markers, resume))
            if number >= len(markers):
                break
            start = markers[number]
            end = markers[number + room] if number + room < len(markers) else len(text)
            first_line = bisect_right(line_starts, start) - 1
            stop = self._read_stream(text[start:end], first_line)
            number, room = (number + room, 2 * room) if stop is None else (number + 1, 1)
            stop_line = first_line if stop is None else first_line + stop

    def _read_stream(self, text: str, first_line: int) -> int | None:
        """Read documents up to the end (None), or up to a bad one: from which line of `text` on to go on."""
        start_line = 0
        reader: YamlReader | None = None
        try:
            parser = event_parser(text)
            while (event := parser.get_event()) is not None:
                if not isinstance(event, DocumentStartEvent):
                    continue
                start_line = event.start_mark.line if event.start_mark else 0
                if self._index == self._limits.max_documents:
                    limit = f"the file has more than {self._limits.max_documents} documents"
                    self._errors.append(
                        PolicyError("too-large", limit, self._at(first_line + start_line + 1, 1))
                    )
                    return None
                known = len(self._errors)
                reader = YamlReader(parser, text, self._source, first_line, self._limits, self._errors)
                root = reader.read()
                if len(self._errors) == known and not _is_empty(root):
                    self._documents.append(Document(self._source, self._index, root))
                self._index += 1
        except yaml.MarkedYAMLError as error:
            stop_line = self._add_syntax_error(error, text, first_line)
        except StopReading:
            stop_line = reader.line if reader else start_line
        else:
            return None
        self._index += 1
        return max(stop_line, start_line + 1)

    def _add_syntax_error(self, error: yaml.MarkedYAMLError, text: str, first_line: int) -> int:
        """Record a syntax error; return its line (0-based, in `text`)."""
        start, mark = error.context_mark, error.problem_mark or error.context_mark
        stop_line = mark.line if mark else 0
        if error.context == "while scanning a simple key":
            # Where the colon of a key is missed says little; the would-be key says it all.
            start, mark = None, start
        line, column = (mark.line, mark.column) if mark else (0, 0)
        place = self._at(first_line + line + 1, column + 1)
        if error.problem == _TOO_DEEP:
            self._errors.append(PolicyError("too-deep", too_deep(self._limits), place))
            return stop_line
        at = self._source.line(first_line + line + 1)[column : column + 1]
        message = ", ".join(part for part in (error.context, error.problem) if part)
        related = []
        if start and start.line != line:
            related.append(("it started here", self._at(first_line + start.line + 1, start.column + 1)))
        help = next((text for character, text in _HELP if at == character), "")
        self._errors.append(PolicyError("yaml-syntax", message, place, help=help, related=related))
        return stop_line

    def _at(self, line: int, column: int) -> Location:
        return Location(self._source, Span.at(line, column))


def _is_empty(root: Node) -> bool:
    return isinstance(root, ScalarNode) and root.value is None
