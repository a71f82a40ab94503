"""The fast way from YAML or JSON to plain data, for resources: no positions but the line of each document.

The answer is that of `read_documents` and `plain`. The common text (no anchor, no tag, no mistake) is read in
one pass over the events or by the json module; at the first sign of anything else the whole text goes through
the positioned reader, which also words the errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml
from yaml.events import (
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from pratique.grammar.errors import PolicyError
from pratique.grammar.json_document import looks_like_json
from pratique.grammar.limits import RESOURCE_LIMITS, Limits
from pratique.grammar.nodes import MappingNode, Node, SequenceNode, plain
from pratique.grammar.scalars import ScalarError, json_float, json_integer, key_text, resolve_plain
from pratique.grammar.source import Source
from pratique.grammar.yaml_events import event_parser
from pratique.grammar.yaml_tree import read_documents, unreadable


@dataclass(frozen=True, slots=True)
class PlainDocument:
    """One document without positions.

    Attributes:
        data: JSON data; no part is shared.
        line: 1-based line where the document begins.
        item_lines: where each item of the list under its key `items` begins; empty if there is none.
    """

    data: Any
    line: int
    item_lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlainDocuments:
    """The non-empty documents of a source that could be read, and the problems of those that could not."""

    documents: tuple[PlainDocument, ...]
    errors: tuple[PolicyError, ...]


class _NotPlainError(Exception):
    """The text needs the positioned reader."""


def read_plain(source: Source, limits: Limits = RESOURCE_LIMITS) -> PlainDocuments:
    """Return the JSON data of the non-empty documents of a YAML or JSON text, in order."""
    problem = unreadable(source, limits)
    if problem:
        return PlainDocuments((), (problem,))
    try:
        return PlainDocuments(tuple(_read_fast(source.text, limits)), ())
    except (_NotPlainError, ScalarError, yaml.YAMLError):
        result = read_documents(source, limits)
        return PlainDocuments(tuple(_without_positions(d.root) for d in result.documents), result.errors)


def _without_positions(root: Node) -> PlainDocument:
    items = root.get("items") if isinstance(root, MappingNode) else None
    lines = [item.span.start.line for item in items.items] if isinstance(items, SequenceNode) else []
    return PlainDocument(plain(root), root.span.start.line, tuple(lines))


def _read_fast(text: str, limits: Limits) -> list[PlainDocument]:
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if not looks_like_json(text):
        return _read_yaml(text, limits)
    try:
        data = _JSON.decode(text)
    except (ValueError, RecursionError):
        # Flow style YAML, several documents, or too deep.
        return _read_yaml(text, limits)
    if len(text) * 4 > limits.max_document_bytes < len(text.encode()):
        raise _NotPlainError
    _check(data, limits)
    lines = _item_lines(text, start) if isinstance(data, dict) and isinstance(data.get("items"), list) else ()
    return [PlainDocument(data, text.count("\n", 0, start) + 1, lines)]


# --- JSON ----------------------------------------------------------------------------------------------


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise _NotPlainError
    return data


def _refuse(_: str) -> NoReturn:
    raise _NotPlainError


_JSON = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=json_float, parse_int=json_integer, parse_constant=_refuse
)


_JSON_VALUE = json.JSONDecoder()
_GAP = re.compile(r"[ \t\r\n,:]*+")


def _check(root: Any, limits: Limits) -> None:
    """Raise `_NotPlainError` where JSON data exceeds a limit or is not Unicode text."""
    count, depth, level = 0, 0, [root]
    while level:
        depth += 1
        count += len(level)
        if depth > limits.max_depth or count > limits.max_nodes:
            raise _NotPlainError
        below: list[Any] = []
        for value in level:
            if value.__class__ is dict:
                below.extend(value.values())
                _check_texts(value, limits)
                count += len(value)
            elif value.__class__ is list:
                below.extend(value)
            elif value.__class__ is str:
                _check_text(value, limits)
        level = below


def _skip(text: str, position: int) -> int:
    """Return the first place at or behind `position` that is no white space, comma or colon."""
    gap = _GAP.match(text, position)
    return gap.end() if gap else position


def _item_lines(text: str, start: int) -> tuple[int, ...]:
    """Return the line of each item under `items` of the (valid) JSON object at `start`."""
    position = _skip(text, start + 1)
    while text[position] == '"':
        key, position = _JSON_VALUE.raw_decode(text, position)
        position = _skip(text, position)
        if key == "items":
            break
        position = _skip(text, _JSON_VALUE.raw_decode(text, position)[1])
    lines: list[int] = []
    line, counted = 1, 0
    position = _skip(text, position + 1)
    while text[position] != "]":
        line, counted = line + text.count("\n", counted, position), position
        lines.append(line)
        position = _skip(text, _JSON_VALUE.raw_decode(text, position)[1])
    return tuple(lines)


def _check_texts(texts: Any, limits: Limits) -> None:
    for text in texts:
        _check_text(text, limits)


def _check_text(text: str, limits: Limits) -> None:
    if not text.isascii():
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise _NotPlainError from error
    else:
        size = len(text)
    if size > limits.max_scalar_bytes:
        raise _NotPlainError


# --- YAML ----------------------------------------------------------------------------------------------

_NO_KEY: Any = object()


def _read_yaml(text: str, limits: Limits) -> list[PlainDocument]:
    """Read documents that have neither anchors nor tags nor merge keys nor mistakes."""
    reader = _EventReader(text, limits)
    documents: list[PlainDocument] = []
    for index, document in enumerate(reader):
        if index >= limits.max_documents:
            raise _NotPlainError
        if document.data is not None:
            documents.append(document)
    return documents


class _EventReader:
    def __init__(self, text: str, limits: Limits) -> None:
        self._text = text
        self._limits = limits
        self._next: Callable[[], Any] = event_parser(text).get_event
        # Few different plain texts make up most of a file: what each means is worked out once.
        self._values: dict[str, Any] = {}
        self._keys: dict[str, str] = {}

    def __iter__(self) -> Iterator[PlainDocument]:
        while (event := self._next()) is not None:
            if event.__class__ is DocumentStartEvent:
                yield self._document(self._next())

    def _document(self, event: Any) -> PlainDocument:  # noqa: C901 - one flat loop: it runs once per event
        """Return the document whose root starts with `event`; read up to its end."""
        values, keys, next_event, limits = self._values, self._keys, self._next, self._limits
        longest, start, nodes = limits.max_scalar_bytes // 4, event.start_mark, 0
        root: list[Any] = []
        container: Any = root
        in_mapping, key = False, _NO_KEY
        outer: list[tuple[Any, bool]] = []
        item_lines: dict[int, list[int]] = {}
        while True:
            kind = event.__class__
            if kind is ScalarEvent:
                text = event.value
                if event.anchor is not None or event.tag is not None or len(text) > longest:
                    raise _NotPlainError
                plain_style = event.implicit[0]
                if not plain_style and not text.isascii():
                    _check_text(text, limits)
                if in_mapping and key is _NO_KEY:
                    key = text
                    if plain_style:
                        key = keys.get(text, _NO_KEY)
                        if key is _NO_KEY:
                            if text == "<<":
                                raise _NotPlainError
                            key = keys[text] = key_text(text)
                    if key in container:
                        raise _NotPlainError
                    event = next_event()
                    continue
                value: Any = text
                if plain_style:
                    value = values.get(text, _NO_KEY)
                    if value is _NO_KEY:
                        value = values[text] = resolve_plain(text)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if event.anchor is not None or event.tag is not None or (in_mapping and key is _NO_KEY):
                    raise _NotPlainError
                value = {} if kind is MappingStartEvent else []
                if len(outer) == 2 and not in_mapping:
                    item_lines.setdefault(id(container), []).append(event.start_mark.line + 1)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                nodes += 2 * len(container) if in_mapping else len(container)
                if nodes > limits.max_nodes:
                    raise _NotPlainError
                container, in_mapping = outer.pop()
                key = _NO_KEY
                event = next_event()
                continue
            elif kind is DocumentEndEvent:
                break
            else:
                raise _NotPlainError
            if in_mapping:
                container[key] = value
                key = _NO_KEY
            else:
                container.append(value)
            if kind is not ScalarEvent:
                outer.append((container, in_mapping))
                if len(outer) > limits.max_depth:
                    raise _NotPlainError
                container, in_mapping = value, kind is MappingStartEvent
            event = next_event()
        begin, end = start.index, event.start_mark.index
        if (end - begin) * 4 > limits.max_document_bytes < len(self._text[begin:end].encode()):
            raise _NotPlainError
        data = root[0]
        items = data.get("items") if isinstance(data, dict) else None
        lines = tuple(item_lines.get(id(items), ()))
        if isinstance(items, list) and len(lines) != len(items):
            # Some item is a scalar: no list of resources.
            raise _NotPlainError
        return PlainDocument(data, start.line + 1, lines)
