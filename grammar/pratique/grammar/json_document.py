"""JSON to the same positioned trees as YAML.

JSON is almost a part of YAML 1.1, and libyaml reads most of it. What it does not read (escaped surrogate
pairs, a line end in front of a colon) is read here, with exact places.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import NoReturn

from pratique.grammar.errors import PolicyError
from pratique.grammar.limits import Limits
from pratique.grammar.nodes import MappingNode, Node, ScalarNode, SequenceNode
from pratique.grammar.scalars import Scalar, ScalarError, json_float, json_integer
from pratique.grammar.source import Position, Source, Span
from pratique.grammar.tree_reader import TreeReader

_TOKEN = re.compile(r'[ \t\r\n]*+([{}\[\]:,"]|[^{}\[\]:,"\s]++)')
_LINE_END = re.compile(r"\r\n|\r|\n")
_VALUE = json.JSONDecoder()
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}


def looks_like_json(text: str) -> bool:
    """Say whether the first character says JSON (or YAML in flow style)."""
    return text.lstrip(" \t\r\n")[:1] in ("{", "[")


def is_json(text: str) -> bool:
    """Say whether the text is one JSON object or array; without RFC 8259's NaN and Infinity extensions."""
    if not looks_like_json(text):
        return False
    try:
        # Numbers of any length are left alone here: what they mean is decided later.
        json.loads(text, parse_constant=_refuse, parse_int=len, parse_float=len)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


class JsonReader(TreeReader):
    """Reads the root node of a source whose text `is_json`."""

    def __init__(self, source: Source, limits: Limits, errors: list[PolicyError]) -> None:
        super().__init__(source, limits, errors)
        self._text = source.text
        self._at = 0
        self._end = 0
        self._line_starts = [0, *(end.end() for end in _LINE_END.finditer(source.text))]

    def read(self) -> Node:
        """Return the root node.

        Raises:
            StopReading: a limit is exceeded; the error is recorded.
        """
        token = self._next()
        self._check_bytes(self._text, (self._at, self._end))
        return self._node(token, 1)

    def _next(self) -> str:
        """Go to the next token: a mark, a word or number, or the quote that opens a string."""
        match = _TOKEN.match(self._text, self._end)
        if match is None:
            raise ValueError("the text is no JSON")
        self._at, self._end = match.span(1)
        return match[1]

    def _node(self, token: str, depth: int) -> Node:
        start = self._at
        self._check_depth(depth, (start, self._end))
        match token:
            case "{":
                self._count(self._end, (start, self._end))
                return self._mapping(start, depth)
            case "[":
                self._count(self._end, (start, self._end))
                return self._sequence(start, depth)
            case '"':
                return self._string()
            case _:
                self._count(self._end, (start, self._end))
                return ScalarNode(self._span((start, self._end)), self._value(token), token, "")

    def _mapping(self, start: int, depth: int) -> MappingNode:
        pairs: dict[str, tuple[ScalarNode, Node]] = {}
        while (mark := self._next()) != "}":
            if mark == ",":
                continue
            key = self._string()
            self._next()
            value = self._node(self._next(), depth + 1)
            if key.raw in pairs:
                self._add_duplicate(key, pairs[key.raw][0])
            else:
                pairs[key.raw] = (key, value)
        return MappingNode(self._span((start, self._end)), tuple(pairs.values()))

    def _sequence(self, start: int, depth: int) -> SequenceNode:
        items = []
        while (mark := self._next()) != "]":
            if mark != ",":
                items.append(self._node(mark, depth + 1))
        return SequenceNode(self._span((start, self._end)), tuple(items))

    def _string(self) -> ScalarNode:
        start = self._at
        text, self._end = _VALUE.raw_decode(self._text, start)
        place = (start, self._end)
        self._count(self._end, place)
        self._check_text(text, place)
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            self._add("bad-encoding", "the text holds half of a surrogate pair", place)
        return ScalarNode(self._span(place), text, text, '"')

    def _value(self, token: str) -> Scalar:
        if token in _WORDS:
            return _WORDS[token]
        try:
            return json_integer(token) if token.lstrip("-").isdigit() else json_float(token)
        except ScalarError as error:
            self._add(error.code, str(error), (self._at, self._end))
            return 0

    def _span(self, place: tuple[int, int]) -> Span:
        return Span(self._position(place[0]), self._position(place[1]))

    def _position(self, offset: int) -> Position:
        line = bisect_right(self._line_starts, offset) - 1
        return Position(line + 1, offset - self._line_starts[line] + 1)
