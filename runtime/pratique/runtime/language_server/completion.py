"""What may be written at a place: fields of the block there, or values of a field.

The text around is half written and cannot be read as YAML, so that the way to the place is told by columns
alone. Flow style, `{a: b}`, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydantic import BaseModel

from pratique.grammar.documents.descriptions import description
from pratique.grammar.documents.kyverno import ClusterPolicy, Policy
from pratique.grammar.documents.schema import choices_at, fields, model_at
from pratique.grammar.source import Position, Span

MAX_LINES: Final = 20_000
"""Lines above and below the place that are looked at."""

_DASHES: Final = re.compile(r"[ ]*((?:-[ ]+)*)")
_KEY: Final = re.compile(r"([A-Za-z][\w.-]*)[ ]*:(?=[ ]|$)")
_WORD: Final = re.compile(r"[\w.-]*", re.ASCII)
_DOCUMENT: Final = re.compile(r"---(?:[ ]|$)")
_KIND: Final = re.compile(r"[ ]*(?:-[ ]+)?kind:[ ]+([\"']?)(ClusterPolicy|Policy)\1[ ]*(?:#.*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A text that may stand at a place.

    Attributes:
        text: what is written instead of `span`, the word that was begun.
        is_field: it is a field, otherwise a value.
        about: what it means, as Markdown; may be empty.
    """

    label: str
    text: str
    span: Span
    is_field: bool
    about: str = ""

    @property
    def is_deprecated(self) -> bool:
        """Say whether another field should be written."""
        return self.about.startswith("Deprecated")


def proposals(lines: Sequence[str], place: Position) -> list[Proposal]:
    """Return what may be written at a place of a text, in the order of the models."""
    before = lines[place.line - 1][: place.column - 1]
    row = _row(before)
    rest = before[row.start :]
    key = _KEY.match(rest)
    begun = rest[key.end() :].lstrip(" ") if key else rest
    if not _WORD.fullmatch(begun) or (key and rest[key.end() :] == ""):
        return []
    span = Span(Position(place.line, place.column - len(begun)), place)
    above = _above(lines, place.line - 1)
    root = _root(lines, place.line - 1)
    path = _path(row, above)
    if path[:1] == ("items",):
        path = path[2:]
    if key:
        return list(_values(root, (*path, key.group(1)), span))
    if row.dashes and (values := list(_values(root, path, span))):
        return values
    siblings = _siblings(lines, place.line - 1, row.start)
    return list(_fields(root, path, siblings, span))


def _fields(
    root: type[BaseModel], path: tuple[str | int, ...], present: set[str], span: Span
) -> Iterator[Proposal]:
    model = model_at(root, path)
    for name in fields(model) if model else ():
        if name not in present:
            # What fits on the line is written behind a blank, the rest on the next lines.
            end = ":" if model_at(root, (*path, name)) or model_at(root, (*path, name, 0)) else ": "
            about = description(model, name) if model else ""
            yield Proposal(label=name, text=f"{name}{end}", span=span, is_field=True, about=about)


def _values(root: type[BaseModel], path: tuple[str | int, ...], span: Span) -> Iterator[Proposal]:
    for value in choices_at(root, path):
        yield Proposal(label=value, text=value, span=span, is_field=False)


# --- the way to a place --------------------------------------------------------------------------------


class _Row(NamedTuple):
    """A line: columns of its dashes, where its text starts, and the key there."""

    dashes: tuple[int, ...]
    start: int
    key: str


def _row(line: str) -> _Row:
    found = _DASHES.match(line)
    end = found.end() if found else 0
    dashes = tuple(column for column in range(end) if line[column] == "-")
    key = _KEY.match(line, end)
    return _Row(dashes, end, key.group(1) if key else "")


def _above(lines: Sequence[str], number: int) -> list[_Row]:
    """Return the rows of the document above line `number` (from 0), the nearest first."""
    rows = []
    for line in reversed(lines[max(0, number - MAX_LINES) : number]):
        if _DOCUMENT.match(line):
            break
        text = line.strip()
        if text and text[0] != "#":
            rows.append(_row(line))
    return rows


def _path(row: _Row, above: Sequence[_Row]) -> tuple[str | int, ...]:
    """Return the way to the block that a row belongs to, from the top of its document."""
    path: list[str | int] = []
    limit, in_list = row.start, False
    for dash in reversed(row.dashes):
        path.append(0)
        limit, in_list = dash, True
    for each in above:
        # A list may stand in the column of the key that holds it.
        if each.key and (each.start < limit or (in_list and each.start == limit)):
            path.append(each.key)
            limit, in_list = each.start, False
        for dash in reversed(each.dashes):
            if dash < limit:
                path.append(0)
                limit, in_list = dash, True
    return tuple(reversed(path))


def _siblings(lines: Sequence[str], number: int, start: int) -> set[str]:
    """Return the keys of the block that the place is in, above and below it."""
    found: set[str] = set()
    first = _row(lines[number])
    for step in (-1, 1):
        if step == -1 and first.dashes:
            continue  # the place is in the first line of its block
        at = number + step
        while 0 <= at < len(lines) and not _DOCUMENT.match(lines[at]):
            row = _row(lines[at])
            at += step
            if not lines[at - step].strip() or row.start > start:
                continue
            if row.start == start and row.key and not (row.dashes and step == 1):
                found.add(row.key)
            if row.start < start or row.dashes:
                break
    return found


def _root(lines: Sequence[str], number: int) -> type[BaseModel]:
    """Return the model of the policy around line `number`, by the nearest `kind` in its document."""
    above, below = lines[max(0, number - MAX_LINES) : number], lines[number + 1 : number + MAX_LINES]
    for side in (reversed(above), below):
        for line in side:
            if _DOCUMENT.match(line):
                break
            if found := _KIND.fullmatch(line):
                return Policy if found.group(2) == "Policy" else ClusterPolicy
    return ClusterPolicy
